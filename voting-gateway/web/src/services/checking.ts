/** Verifying a receipt in this browser, against the genesis that it knows. */
import { queryOptions } from '@tanstack/react-query';
import type { Receipt } from '../api/types';
import { checkReceipt, type ReceiptCheck } from '../ballot';
import { getTrusted, isKnownNetwork } from './network';

export interface Checked {
  receipt: Receipt;
  check: ReceiptCheck;
  /** False when this browser met another network first. */
  knownNetwork: boolean;
}

export async function verifyReceipt(receipt: Receipt): Promise<Checked> {
  const check = await checkReceipt(receipt.proof, await getTrusted());
  return { receipt, check, knownNetwork: isKnownNetwork(check.genesis) };
}

export const verifiedQuery = (receipt: Receipt) =>
  queryOptions({ queryKey: ['verified', receipt.ballot_hash, receipt.proof.length], queryFn: () => verifyReceipt(receipt), staleTime: Infinity });
