/** Sealed elections: what the gateway tells of their trustees, what the authorities prove of them, and tests of the seal. */
import { api } from '../api/client';
import { answered, publicApi } from '../api/http';
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

/** A key ceremony, to be replayed; of no use before that. */
export const getCeremony = (id: string): Promise<{ definition: string; record: string }> =>
  answered(publicApi.GET('/elections/{id}/ceremony', { params: { path: { id } } }));

/** A trustee's step, or part of the decryption: the signature is the authentication. */
export const postTrusteeStep = async (id: string, entry: string): Promise<void> => {
  await answered(publicApi.POST('/elections/{id}/trustees', { params: { path: { id } }, body: { entry } }));
};
