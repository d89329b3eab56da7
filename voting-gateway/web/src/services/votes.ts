/** Casting a ballot, and what became of it. Casting needs no session: the signature is the authentication. */
import { api } from '../api/client';
import { answered, publicApi } from '../api/http';
import { Problem, problemFrom, problemOf } from '../api/problem';
import type { BallotStatus, Receipt } from '../api/types';
import type { SealedBallot } from '../ballot';

/** After this long without an answer nobody knows; asking the status tells. */
const ANSWER_MS = 15_000;

/** `pending`: on its way; ask for its status, or send the same bytes again. */
export type Cast = { outcome: 'recorded'; receipt: Receipt } | { outcome: 'pending' };

/** Has the voter's key certified for an election. Repeating it with the same key changes nothing. */
export async function certifyKey(electionId: string, publicKey: string): Promise<void> {
  await answered(api.POST('/elections/{id}/key', { params: { path: { id: electionId } }, body: { key: publicKey } }));
}

/** Casts a ballot. The same bytes count once however often they are sent. */
export async function submitVote(electionId: string, ballot: SealedBallot): Promise<Cast> {
  const call = publicApi.PUT('/votes/{election_id}', {
    params: { path: { election_id: electionId } },
    // What a ballot says in clear is said a second time, to be compared; of a sealed one there is nothing to say.
    body: { ballot: ballot.base64, ...(ballot.selections.some((said) => said !== 'blank' && 'sealed' in said) ? {} : { selections: ballot.selections }) },
    signal: AbortSignal.timeout(ANSWER_MS),
  });
  const { data, error, response } = await call.catch((thrown: unknown) => {
    throw problemFrom(thrown);
  });
  if (!response.ok || data === undefined) throw problemOf(response, error);
  return 'proof' in data ? { outcome: 'recorded', receipt: data } : { outcome: 'pending' };
}

/** What became of a ballot, by hash or code. */
export const getBallotStatus = (ballot: string): Promise<BallotStatus> =>
  answered(publicApi.GET('/ballots/{hash}', { params: { path: { hash: ballot } } }));

/** The receipt of a recorded ballot, by hash or code. */
export const getReceipt = (ballot: string): Promise<Receipt> =>
  answered(publicApi.GET('/ballots/{hash}/receipt', { params: { path: { hash: ballot } } }));

/** A receipt from a file, as this application or `voting` wrote it. Throws `Problem`. */
export function parseReceipt(text: string): Receipt {
  const unreadable = new Problem({ code: 'not_a_receipt', status: 422 });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw unreadable;
  }
  if (typeof value !== 'object' || value === null) throw unreadable;
  const fields = value as Record<string, unknown>;
  const words = ['ballot_hash', 'code', 'election_id', 'proof', 'recorded_at'];
  if (!words.every((name) => typeof fields[name] === 'string')) throw unreadable;
  return value as Receipt;
}
