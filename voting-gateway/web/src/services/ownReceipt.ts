/** The receipt of one's own ballot: kept in this browser, or found by the ballot that is known to be one's own. */
import { pending } from '../ballot';
import type { Receipt } from '../api/types';
import { keepReceipt, keptReceipt } from './receipts';
import { getReceipt } from './votes';

/** Null where this browser does not know which ballot is the caller's. */
export async function ownReceipt(accountId: string, electionId: string, hash: string | undefined): Promise<Receipt | null> {
  const kept = keptReceipt(accountId, electionId);
  if (kept && (hash === undefined || kept.ballot_hash === hash)) return kept;
  // The page may have been left before the answer came.
  const sent = hash ?? (await pending.load(accountId, electionId).catch(() => null))?.hash;
  if (sent === undefined) return null;
  const receipt = await getReceipt(sent);
  keepReceipt(accountId, receipt);
  void pending.clear(accountId, electionId).catch(() => undefined);
  return receipt;
}
