/** What does not hold, and where. */

/** What is verified, in the order in which it is told. */
export const CHECKS = ['board', 'ledger', 'complete', 'life', 'voters', 'ballots', 'seals', 'tests', 'sums', 'decryption', 'result'] as const;
export type Check = (typeof CHECKS)[number];

export class Fault extends Error {
  override readonly name = 'Fault';
  /** Codes of the ballots that it is about. */
  ballots: string[];

  constructor(
    readonly check: Check,
    /** What is wrong, by name: see the words of the page. */
    readonly code: string,
    readonly details: { detail?: string; ballot?: string; height?: bigint; trustee?: number } = {},
  ) {
    super(`${check}: ${code}${details.detail === undefined ? '' : `: ${details.detail}`}`);
    this.ballots = details.ballot === undefined ? [] : [details.ballot];
  }
}

/** Goes on, or says what does not hold. */
export function require(holds: boolean, check: Check, code: string, details?: Fault['details']): asserts holds {
  if (!holds) throw new Fault(check, code, details);
}
