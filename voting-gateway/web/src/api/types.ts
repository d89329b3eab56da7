/** Shapes of the API under short names. */
import type { components } from './schema';

type Schemas = components['schemas'];

export type Account = Schemas['User'];
export type Session = Schemas['Session'];
export type Election = Schemas['Election'];
export type ElectionListItem = Schemas['ElectionListItem'];
export type NewElection = Schemas['NewElection'];
export type Contest = Schemas['ContestModel'];
export type Method = Schemas['Method'];
export type Sealing = Schemas['SealingModel'];
export type Trustee = Schemas['TrusteeModel'];
export type ElectionResult = Schemas['ElectionResult'];
export type ContestResult = Schemas['ContestResult'];
export type CandidateResult = Schemas['CandidateResult'];
export type Round = Schemas['RoundModel'];
export type Pairs = Schemas['PairsModel'];
export type Tie = Schemas['TieModel'];
export type Receipt = Schemas['ReceiptModel'];
export type BallotStatus = Schemas['BallotStatus'];
export type LineError = Schemas['LineError'];

/** The network; a demonstration tells its accounts. */
export type Network = Schemas['Network'];
export type DemoAccount = NonNullable<Network['demo']>[number];

/** A ballot as the public list shows it. */
export interface ListedBallot {
  position: string;
  at: string;
  ballot_hash: string;
  code: string;
}
