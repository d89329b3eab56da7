/** Voting in a sealed election: checks what the ballot is sealed to, seals, signs; and tests seals. */
import { Problem, problemFrom } from '../../../api/problem';
import type { Election } from '../../../api/types';
import { BallotError, signBallot, type SealedBallot, type Selection } from '../../../ballot/ballot';
import { toBase64 } from '../../../ballot/base64';
import { concat, encode } from '../../../ballot/codec';
import type { TrustedSource } from '../../../ballot/finality';
import { voterKey } from '../../../ballot/key';
import { challengeBytes, challengeCodec, type Challenge } from '../../../sealing';
import { getElectionProof, postChallenge } from '../../../services/sealing';
import { isKnownNetwork } from '../../../services/network';
import { certifyKey } from '../../../services/votes';
import type { Tested } from '../cast';
import { certified, type Certified } from './certified';
import { WorkerSealer, type Sealer } from './sealer';

/** The variant of the ledger's entries that tests a seal. */
const CHALLENGE = 7;
/** What the gateway says of a challenge that stands on the ledger already. */
const STANDS_ALREADY = new Set(['duplicate_ballot', 'ballot_voided', 'ciphertext_seen']);

export interface Ready {
  ballot: SealedBallot;
  certified: Certified;
}

export class SealedVoting {
  /** An opened ballot on its way to the ledger: sent again if no answer came. */
  private opened: { hash: string; entry: string; held: Selection[] | null } | null = null;
  private tries = 0;

  constructor(
    private readonly accountId: string,
    private readonly sealer: Sealer = new WorkerSealer(),
  ) {}

  async seal(election: Election, selections: Selection[], trusted: TrustedSource): Promise<Ready> {
    this.forget();
    const known = await certified(election, await getElectionProof(election.id), trusted, isKnownNetwork);
    const key = await voterKey(this.accountId, election.id);
    if (election.my_key !== key.publicKey) await certifyKey(election.id, key.publicKey);
    const sealed = await this.sealer.seal({ election: known.sealing, voter: key.publicKey, sequence: (election.my_sequence ?? 0) + 1, selections });
    if (sealed.context !== known.context || sealed.election !== election.id) throw new Problem({ code: 'seal_differs', status: 422 });
    const ballot = await signBallot(sealed, key).catch((error: unknown) => {
      throw error instanceof BallotError ? new Problem({ code: 'seal_failed', status: 422, detail: error.message }) : error;
    });
    return { ballot, certified: known };
  }

  /** Opens the ballot sealed last, for everyone, and compares what it held with what was chosen. */
  async open(ballot: SealedBallot, chosen: Selection[]): Promise<Tested> {
    if (this.opened?.hash !== ballot.hash) {
      const { challenge, held } = await this.sealer.open();
      this.opened = { hash: ballot.hash, entry: await this.entryOf(challenge), held };
      this.tries = 0;
    }
    const { entry, held } = this.opened;
    const isRepeated = this.tries > 0;
    this.tries += 1;
    await postChallenge(ballot.electionId, entry).catch((error: unknown) => {
      const problem = problemFrom(error);
      if (!(isRepeated && STANDS_ALREADY.has(problem.code))) throw problem;
    });
    return { held, holds: held !== null && JSON.stringify(held.map(plain)) === JSON.stringify(chosen.map(plain)) };
  }

  /** Drops the choices and the randomness. */
  forget(): void {
    this.sealer.forget();
    this.opened = null;
  }

  private async entryOf(challenge: Challenge): Promise<string> {
    const key = await voterKey(this.accountId, challenge.ballot.election);
    const signature = await key.sign(challengeBytes(challenge));
    return toBase64(concat(Uint8Array.of(CHALLENGE), encode(challengeCodec, challenge), signature));
  }
}

/** Scores of 0 and options without a score are the same. */
const plain = (said: Selection): Selection => (said !== 'blank' && 'scores' in said ? { scores: said.scores.filter(([, points]) => points > 0) } : said);
