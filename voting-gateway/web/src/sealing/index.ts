/**
 * Sealed ballots in the browser: the voter's half of docs/SPEC.md, section 20; that of trustees is in `ceremony` and `decrypt`, that of
 * whoever adds up in `tally`. It brings the curve with it, so pages load it when they
 * need it, by `import('../sealing')`.
 *
 * ```text
 * seal(election, voter, sequence, selections)  a PreparedBallot, which shows its code
 *   .cast()                                     its content, to be signed with signBallot of ../ballot and sent as any other
 *   .challenge()                                instead: its content and what opens it, void from then on
 * verify(election, ballot)                      its points; throws a BallotRefusal unless every proof holds
 * verifyBatch(election, ballots)                the same for each of many, several times as fast
 * open(election, ballot, opening)               what a challenged ballot would have said; throws an OpeningError if it is not opened
 * ```
 *
 * An election is its id, H_E, K and its contests. Who does not want to take H_E from the server computes it from the definition's
 * context, the key and what they are fixed with: `electionHash`. `ballotContext` is what ballots then name as their context.
 */
export {
  ballotHash,
  type Challenge,
  challengeBytes,
  challengeCodec,
  MAX_SEALED_BALLOT_BYTES,
  type Opening,
  openingCodec,
} from './ballot';
export { open, OpeningError } from './challenge';
export { contestOf, type SealedContest } from './contest';
export type { Sealing } from './election';
export { ballotContext, electionHash, type SealedElection } from './params';
export type { Random } from './random';
export { PreparedBallot, seal, SealError } from './seal';
export { BallotRefusal, verify, verifyBatch } from './verify';
