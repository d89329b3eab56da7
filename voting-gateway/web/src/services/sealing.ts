/** Sealed elections: what the gateway tells of their trustees, what the authorities prove of them, and tests of the seal. */
import { api } from '../api/client';
import { answered } from '../api/http';
import { unhex } from '../ballot/codec';
import { parts } from '../ballot/hash';

/** Short form of a key, to compare. */
export async function fingerprintOf(key: string): Promise<string> {
  return (await parts('voting/fingerprint/v1', unhex(key))).slice(0, 16);
}

/** Base64 of what a quorum has certified of an election. */
export const getElectionProof = async (id: string): Promise<string> =>
  (await answered(api.GET('/elections/{id}/proof', { params: { path: { id } } }))).proof;

/** Opens a ballot instead of casting it: it is void from then on. */
export const postChallenge = async (id: string, entry: string): Promise<void> => {
  await answered(api.POST('/elections/{id}/challenges', { params: { path: { id } }, body: { entry } }));
};

/** Leaves out the trustees that the ceremony waits for. */
export const leaveOutAwaited = async (id: string): Promise<void> => {
  await answered(api.POST('/elections/{id}/ceremony/close', { params: { path: { id } } }));
};
