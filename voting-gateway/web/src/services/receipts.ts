/** Receipts of ballots cast in this browser. They hold the ballot code and never what was chosen. */
import type { Receipt } from '../api/types';

const keyOf = (accountId: string, electionId: string): string => `voting.receipt.${accountId}.${electionId}`;

export function keepReceipt(accountId: string, receipt: Receipt): void {
  try {
    localStorage.setItem(keyOf(accountId, receipt.election_id), JSON.stringify(receipt));
  } catch {
    // The code alone finds it again: the ballot list has it for ever.
  }
}

export function keptReceipt(accountId: string, electionId: string): Receipt | null {
  try {
    const text = localStorage.getItem(keyOf(accountId, electionId));
    return text === null ? null : (JSON.parse(text) as Receipt);
  } catch {
    return null;
  }
}
