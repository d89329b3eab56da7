/**
 * Sealed ballots in the browser: the voter's half of docs/SPEC.md, section 20. It brings the curve with it, so pages load it when they
 * need it, by `import('../sealing')`. No page does yet.
 */
export { MAX_BALLOT_BYTES, type Opening, openingCodec, type SealedBallot, sealedBallot, signedBytes, tracker } from './ballot';
export { OpeningError, openBallot } from './challenge';
export type { SealedContest } from './contest';
export { ballotHash, baseHash, electionHash, parametersHash, type SealedElection } from './params';
export { PreparedBallot, type Random, Sealer, SealError } from './seal';
export { BallotRefusal, verifyBallot } from './verify';
