/**
 * What a voter does that nobody can do for them: hold a key, seal a ballot, judge a receipt. Everything here follows
 * docs/SPEC.md byte for byte and runs without asking a server.
 */
export {
  type BallotContent,
  type BallotContext,
  BallotError,
  makeBallot,
  type Said,
  type SealedBallot,
  type Selection,
  signBallot,
} from './ballot';
export { codeOfHash, normalizeCode } from './code';
export { contextOf, type Definition, type Trustees } from './definition';
export { type VoterKey, voterKey } from './key';
export { pending } from './pending';
export { checkReceipt, type ReceiptCheck, type ReceiptReason, type Trusted } from './receipt';
export { StoreError } from './store';
