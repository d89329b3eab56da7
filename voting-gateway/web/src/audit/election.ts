/**
 * One election of the ledger, replayed (docs/SPEC.md, section 13): what gives its entries their meaning, from the definition to the parts of
 * the trustees. What authorities ask of texts and numbers of a definition is not asked again here: nothing of it changes a count.
 */
import type { BallotContent, Selection } from '../ballot/ballot';
import { codeOfHash } from '../ballot/code';
import { concat, encode, hex, u16, u64, unhex } from '../ballot/codec';
import { type Definition, definition as definitionCodec } from '../ballot/definition';
import { summary, type Summary } from '../ballot/election';
import { epoch as epochCodec, type Epoch } from '../ballot/genesis';
import { isUsableKey } from '../ballot/strict';
import { ballotContext, ballotHash, contestOf, electionHash, open, OpeningError, type SealedContest, type Sealing } from '../sealing';
import { sealedSelections } from '../sealing/ballot';
import { Ceremony, CeremonyRefusal, type TrusteeKey } from '../sealing/ceremony';
import type { PartialDecryption } from '../sealing/decrypt';
import { MAX_TOTAL } from '../sealing/dlog';
import type { Act, Certification, Entry, Phase, TrusteeAct } from './entries';
import { Fault, require } from './fault';
import { digestOf, leafOf, partsOf, rootOf } from './hashing';
import { checkSelection } from './selection';

const MOST_CHALLENGES = 20;
const MOST_VOTERS_AT_ONCE = 800;
const MOST_WEIGHT = 1_000_000_000n;
const SEEN_DIGITS = 32;

export interface Voter {
  pseudonym: string;
  weight: bigint;
  /** The ballot that counts. */
  counted: { hash: string; ballot: BallotContent } | null;
}

/** The key of a sealed election, and what parts of the decryption are verified with. */
export interface Seal {
  sealing: Sealing;
  trustees: TrusteeKey[];
}

/** Where the replay stands in the ledger. */
interface Place {
  height: bigint;
  time: bigint;
  epoch: Epoch;
}

const FOLLOWING: Partial<Record<Phase, Phase>> = { draft: 'ready', ready: 'scheduled', scheduled: 'open', open: 'closed', tallied: 'published' };

export class ElectionReplay {
  definition: Definition | null = null;
  phase: Phase = 'draft';
  voters = new Map<string, Voter>();
  /** All ballots by hash, in the order of the ledger. */
  ballots = new Map<string, BallotContent>();
  rollSize = 0n;
  acts = 0;
  certifications = 0;
  /** Digest of the report that the authorities have certified. */
  report: string | null = null;
  /** What draws lots: the hash of the block that closed the election. */
  seed: string | null = null;
  seal: Seal | null = null;
  ceremony: Ceremony | null = null;
  /** What opened ballots held, by hash. */
  challenged = new Map<string, Selection[]>();
  parts: PartialDecryption[] = [];
  private context = '';
  private pseudonyms = new Set<string>();
  private log = '00'.repeat(32);
  private frozen = false;
  private closedAt: bigint | null = null;
  private seen = new Set<string>();
  private challenges = new Map<string, number>();
  private place: Place | null = null;

  constructor(
    private readonly id: string,
    private readonly chain: string,
    private readonly officers: ReadonlySet<string>,
    private readonly partition: { number: number; of: number },
  ) {}

  begin(place: Place, parent: string): void {
    this.place = place;
    if (this.closedAt !== null && this.closedAt === place.height - 1n) this.seed ??= parent;
  }

  /** Applies an entry whose signature was checked. */
  apply(entry: Entry, entryHash: string): void {
    switch (entry.kind) {
      case 'act':
        this.act(entry.content);
        break;
      case 'certify':
        this.certify(entry.content);
        break;
      case 'cast':
        this.cast(entry.content);
        break;
      case 'trustee':
        this.trusteeActs(entry.content);
        break;
      case 'challenge':
        this.challenge(entry.content);
    }
    this.log = partsOf('voting/election-log/v1', unhex(this.log), unhex(entryHash));
  }

  get voted(): Voter[] {
    return [...this.voters.values()].filter(({ counted }) => counted !== null);
  }

  /** What ballots are bound to. */
  get ballotContext(): string {
    return this.seal ? ballotContext(this.seal.sealing.electionHash) : this.context;
  }

  summary(): Summary {
    return {
      id: this.id,
      context: this.ballotContext,
      phase: this.phase,
      acts: this.acts,
      rollSize: this.rollSize,
      certified: BigInt(this.voters.size),
      ballots: BigInt(this.ballots.size),
      voted: BigInt(this.voted.length),
      log: this.log,
    };
  }

  summaryLeaf(): Uint8Array {
    return leafOf(concat(unhex(this.id), unhex(digestOf('voting/election-summary/v1', summary, this.summary()))));
  }

  private get defined(): Definition {
    if (!this.definition) throw new Fault('life', 'unknown_election');
    return this.definition;
  }

  private act({ officer, sequence, act }: { officer: string; sequence: number; act: Act }): void {
    require(this.officers.has(officer), 'life', 'not_an_officer');
    require(this.definition !== null || act.do === 'define', 'life', 'unknown_election');
    require(sequence === this.acts + 1, 'life', 'act_sequence');
    switch (act.do) {
      case 'define':
        this.define(act.definition);
        break;
      case 'roll':
        this.mayChangeRoll();
        require(act.size >= BigInt(this.voters.size) && (act.size > 0n || this.phase === 'draft'), 'life', 'roll_below_certified');
        this.rollSize = act.size;
        break;
      case 'freeze roll':
        this.mayChangeRoll();
        require(this.voters.size > 0, 'life', 'empty_roll');
        [this.rollSize, this.frozen] = [BigInt(this.voters.size), true];
        break;
      case 'advance':
        this.advance(act.to);
        break;
      case 'close ceremony phase': {
        const { ceremony } = this;
        require(this.phase === 'ready' && ceremony !== null && ceremony.phase !== 'done', 'life', 'wrong_phase');
        accepted(() => ceremony.close());
        break;
      }
      case 'tally':
        require(this.phase === 'closed' && this.seed !== null, 'life', 'wrong_phase');
        [this.report, this.phase] = [act.report, 'tallied'];
        break;
      case 'cancel':
        require(!['tallied', 'published', 'cancelled'].includes(this.phase), 'life', 'wrong_phase');
        this.phase = 'cancelled';
    }
    this.acts += 1;
  }

  private mayChangeRoll(): void {
    require(['draft', 'ready', 'scheduled'].includes(this.phase), 'life', 'wrong_phase');
    require(!this.frozen, 'life', 'roll_frozen');
  }

  private define(definition: Definition): void {
    require(this.phase === 'draft' || this.phase === 'ready', 'life', 'wrong_phase');
    require(definition.id === this.id, 'life', 'invalid_definition');
    require(this.voters.size === 0 || definition.registrar === this.definition?.registrar, 'life', 'wrong_phase');
    [this.definition, this.phase, this.ceremony] = [definition, 'draft', null];
    this.context = partsOf('voting/election-context/v1', unhex(this.chain), unhex(digestOf('voting/election/v1', definitionCodec, definition)));
  }

  private advance(to: Phase): void {
    const { timing, start_date: opens, end_date: closes, sealing } = this.defined;
    const time = this.place?.time ?? 0n;
    require(FOLLOWING[this.phase] === to, 'life', 'wrong_phase');
    if (to === 'ready') {
      require(this.rollSize > 0n, 'life', 'empty_roll');
      if (sealing) this.ceremony = this.begunCeremony();
    }
    if (to === 'scheduled' && sealing) this.seal = this.fixedSeal();
    const tooEarly = (due: string): boolean => timing === 'fixed' && time < BigInt(Date.parse(due));
    if (to === 'open') require(!tooEarly(opens), 'life', 'too_early');
    if (to === 'closed') {
      require(!tooEarly(closes), 'life', 'too_early');
      this.closedAt = this.place?.height ?? null;
    }
    this.phase = to;
  }

  /** Its attempt is the sequence number of the act that begins it. */
  private begunCeremony(): Ceremony {
    const { threshold = 0, trustees = [] } = this.defined.sealing ?? {};
    const setup = { parameters: { trustees: trustees.length, threshold }, context: this.context, attempt: this.acts + 1, trustees: trustees.map(({ key }) => key) };
    return accepted(() => new Ceremony(setup));
  }

  /** H_E covers definition, key, ceremony, the voters certified so far and the authorities. */
  private fixedSeal(): Seal {
    const outcome = this.ceremony?.outcome();
    require(outcome !== undefined && outcome !== null, 'seals', 'ceremony_unfinished');
    require(this.weights() <= this.mostWeight(), 'voters', 'sealed_weight');
    const voters = [...this.voters].sort(([, one], [, other]) => (one.pseudonym < other.pseudonym ? -1 : 1));
    const leaves = voters.map(([key, { pseudonym, weight }]) => leafOf(concat(unhex(pseudonym), unhex(key), encode(u64, weight))));
    const authorities = this.place ? digestOf('voting/epoch/v1', epochCodec, this.place.epoch) : '';
    const { parameters, key, transcript: ceremony } = outcome;
    const hash = electionHash({ parameters, context: this.context, key, ceremony, roll_root: hex(rootOf(leaves)), authorities });
    const contests = this.defined.contests.map(contestOf);
    require(contests.every((contest): contest is SealedContest => contest !== null), 'seals', 'invalid_definition');
    return { sealing: { id: this.id, electionHash: hash, key, contests: contests as SealedContest[] }, trustees: outcome.trustees };
  }

  private weights = (): bigint => [...this.voters.values()].reduce((sum, { weight }) => sum + weight, 0n);

  /** Weights times scores must not be more than what is found again when it is decrypted. */
  private mostWeight(): bigint {
    return MAX_TOTAL / this.defined.contests.reduce((most, { max_score: score }) => (BigInt(score) > most ? BigInt(score) : most), 1n);
  }

  private certify({ voters, registrar }: Certification): void {
    const { registrar: named, sealing } = this.defined;
    const { number, of } = this.partition;
    require(['draft', 'ready', 'scheduled', 'open'].includes(this.phase), 'voters', 'wrong_phase');
    require(registrar === named, 'voters', 'not_the_registrar');
    require(!this.frozen, 'voters', 'roll_frozen');
    require(voters.length >= 1 && voters.length <= MOST_VOTERS_AT_ONCE, 'voters', 'certification_size');
    require(BigInt(this.voters.size + voters.length) <= this.rollSize, 'voters', 'roll_full');
    for (const { pseudonym, key, weight } of voters) {
      require(partitionOf(pseudonym, of) === number, 'voters', 'other_partition');
      require(weight >= 1n && weight <= MOST_WEIGHT, 'voters', 'invalid_weight');
      require(isUsableKey(unhex(key)), 'voters', 'invalid_key');
      require(!this.pseudonyms.has(pseudonym), 'voters', 'already_certified');
      require(!this.voters.has(key), 'voters', 'key_in_use');
      this.pseudonyms.add(pseudonym);
      this.voters.set(key, { pseudonym, weight, counted: null });
    }
    if (sealing) require(this.weights() <= this.mostWeight(), 'voters', 'sealed_weight');
    this.certifications += 1;
  }

  /** All but the proofs of a sealed ballot, which are verified many at a time. */
  private cast(ballot: BallotContent): void {
    const hash = ballotHash(ballot);
    const about = { ballot: codeOfHash(hash) };
    const { revote, contests } = this.defined;
    require(!this.ballots.has(hash), 'ballots', 'duplicate_ballot', about);
    require(this.phase === 'open', 'ballots', 'wrong_phase', about);
    require(ballot.context === this.ballotContext, 'ballots', 'wrong_context', about);
    const voter = this.voters.get(ballot.voter);
    require(voter !== undefined, 'voters', 'key_not_certified', about);
    require(ballot.sequence >= 1, 'ballots', 'stale_sequence', about);
    if (voter.counted) {
      require(revote === 'last-counts', 'ballots', 'already_voted', about);
      require(ballot.sequence > voter.counted.ballot.sequence, 'ballots', 'stale_sequence', about);
    }
    if (this.seal) {
      require(!this.challenged.has(hash), 'tests', 'ballot_voided', about);
      this.see(ballot, about);
    } else {
      require(ballot.selections.length === contests.length, 'ballots', 'wrong_contests', about);
      for (const [at, contest] of contests.entries()) {
        const refusal = checkSelection(ballot.selections[at] ?? 'blank', contest);
        require(refusal === null, 'ballots', refusal ?? '', about);
      }
    }
    voter.counted = { hash, ballot };
    this.ballots.set(hash, ballot);
  }

  /** Ciphertexts come once, on whatever ballot. */
  private see(ballot: BallotContent, about: { ballot: string }): void {
    const sealed = sealedSelections(ballot);
    require(Array.isArray(sealed), 'seals', 'sealed_open', about);
    for (const { ciphertext } of sealed.flatMap(({ options }) => options)) {
      const alpha = ciphertext.alpha.slice(0, SEEN_DIGITS);
      require(!this.seen.has(alpha), 'ballots', 'ciphertext_seen', about);
      this.seen.add(alpha);
    }
  }

  private challenge({ ballot, opening }: { ballot: BallotContent; opening: Parameters<typeof open>[2] }): void {
    const hash = ballotHash(ballot);
    const about = { ballot: codeOfHash(hash) };
    require(this.phase === 'open', 'tests', 'wrong_phase', about);
    require(this.voters.has(ballot.voter), 'tests', 'key_not_certified', about);
    const { seal } = this;
    require(seal !== null, 'tests', 'not_sealed', about);
    require(!this.challenged.has(hash), 'tests', 'ballot_voided', about);
    this.see(ballot, about);
    const made = (this.challenges.get(ballot.voter) ?? 0) + 1;
    require(made <= MOST_CHALLENGES, 'tests', 'too_many_challenges', about);
    try {
      this.challenged.set(hash, open(seal.sealing, ballot, opening));
    } catch (error) {
      if (error instanceof OpeningError) throw new Fault('tests', error.code, about);
      throw error;
    }
    this.challenges.set(ballot.voter, made);
  }

  /** A step of the ceremony, or a part of the decryption, which is verified when the sums are known. */
  private trusteeActs({ trustee: key, step }: TrusteeAct): void {
    const { sealing } = this.defined;
    const number = (sealing?.trustees.findIndex((known) => known.key === key) ?? -1) + 1;
    require(number > 0, 'life', 'not_a_trustee');
    if ('message' in step) {
      const { ceremony } = this;
      require(this.phase === 'ready' && ceremony !== null, 'seals', 'wrong_phase', { trustee: number });
      require(step.message.message.trustee === number, 'seals', 'not_a_trustee', { trustee: number });
      accepted(() => ceremony.apply(step.message));
      return;
    }
    require(this.phase === 'closed', 'decryption', 'wrong_phase', { trustee: number });
    require(step.part.trustee === number, 'decryption', 'not_a_trustee', { trustee: number });
    this.parts.push(step.part);
  }
}

/** What the ceremony accepts, or why it does not. */
function accepted<T>(act: () => T): T {
  try {
    return act();
  } catch (error) {
    if (error instanceof CeremonyRefusal) throw new Fault('seals', error.code, { trustee: error.trustee });
    throw error;
  }
}

function partitionOf(pseudonym: string, partitions: number): number {
  const digits = partsOf('voting/partition/v1', unhex(pseudonym)).slice(0, 16);
  return Number(BigInt(`0x${digits}`) % BigInt(partitions));
}

/** The chain of a partition. */
export const chainOf = (genesisDigest: string, partition: number): string => partsOf('voting/chain/v1', unhex(genesisDigest), encode(u16, partition));

