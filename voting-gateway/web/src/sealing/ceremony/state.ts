/** The ceremony as everyone sees it: a state machine over signed messages (docs/SPEC.md, 20.3). */
import { type Codec, encode, fixed, struct, u16, unhex, vec } from '../../ballot/codec';
import { isUsableKey, verify as verifySignature } from '../../ballot/strict';
import { decodePoint, type Element, encodePoint, isIdentity, Point, timesPublic, toBigInt } from '../group';
import type { SealedElection } from '../params';
import { hash, type Input, number16 } from '../transcript';
import {
  type CeremonyRecord,
  type CeremonySetup,
  type EncryptedShare,
  encryptedShares,
  messageBytes,
  numbers,
  type OpenedShare,
  openedShares,
  type ProvenPoint,
  type RecordEvent,
  type Reveal,
  reveal as revealCodec,
  setupHash,
  type SignedMessage,
} from './messages';
import { verifyPoint } from './proof';
import { type CeremonyCode, CeremonyRefusal } from './refusal';

/** What the ceremony waits for. */
export type CeremonyPhase = 'commit' | 'reveal' | 'deal' | 'check' | 'open' | 'sign' | 'done';

const FOLLOWING: Record<CeremonyPhase, CeremonyPhase> = {
  commit: 'reveal',
  reveal: 'deal',
  deal: 'check',
  check: 'open',
  open: 'sign',
  sign: 'done',
  done: 'done',
};

const MAX_TRUSTEES = 50;

/** Z_l: what a trustee's decryptions are verified with. */
export interface TrusteeKey {
  index: number;
  public: string;
}

/** What a ceremony gives. */
export interface CeremonyOutcome {
  parameters: SealedElection['parameters'];
  /** K. */
  key: string;
  /** Hash of everything said, signed by all who are left. */
  transcript: string;
  trustees: TrusteeKey[];
}

/** The points of one trustee, verified. */
interface Revealed {
  points: Reveal;
  coefficients: Element[];
  transport: Element;
}

interface Said {
  phase: CeremonyPhase;
  /** Those left, ascending. */
  active: number[];
  commitments: Map<number, string>;
  revealed: Map<number, Revealed>;
  dealt: Map<number, EncryptedShare[]>;
  /** Complaints by who makes them. */
  complaints: Map<number, number[]>;
  opened: Map<number, OpenedShare[]>;
  signatures: Map<number, string>;
  events: RecordEvent[];
}

const refused = (code: CeremonyCode, trustee?: number): CeremonyRefusal => new CeremonyRefusal(code, trustee);

/** Whether there are as many distinct usable keys as trustees, and a threshold that they can reach. */
function checkSetup({ parameters: { trustees, threshold }, trustees: keys }: CeremonySetup): void {
  const inRange = threshold >= 1 && threshold <= trustees && trustees <= MAX_TRUSTEES && keys.length === trustees;
  if (!inRange) throw refused('ceremony_setup');
  for (const [at, key] of keys.entries())
    if (!isUsableKey(unhex(key)) || keys.indexOf(key) !== at) throw refused('ceremony_setup', at + 1);
}

/** A ceremony as everyone sees it. Whatever order the messages of a phase come in, the outcome is the same. */
export class Ceremony {
  /** H_C. */
  readonly hash: string;
  private said: Said;

  constructor(readonly setup: CeremonySetup) {
    checkSetup(setup);
    this.hash = setupHash(setup);
    this.said = {
      phase: 'commit',
      active: setup.trustees.map((_, at) => at + 1),
      commitments: new Map(),
      revealed: new Map(),
      dealt: new Map(),
      complaints: new Map(),
      opened: new Map(),
      signatures: new Map(),
      events: [],
    };
  }

  /** Replays a whole ceremony. Throws a {@link CeremonyRefusal} that names the first event refused. */
  static replay({ setup, events }: CeremonyRecord): Ceremony {
    let at = 0;
    try {
      const ceremony = new Ceremony(setup);
      for (const event of events) {
        at += 1;
        if (event === 'close') ceremony.close();
        else ceremony.apply(event);
      }
      return ceremony;
    } catch (error) {
      if (error instanceof CeremonyRefusal) throw new CeremonyRefusal(error.code, error.trustee, at);
      throw error;
    }
  }

  /** Takes a message, or refuses it and changes nothing. When the last message of a phase is in, the next one begins. */
  apply(signed: SignedMessage): void {
    const { ceremony, trustee, step } = signed.message;
    if (ceremony !== this.hash) throw refused('ceremony_other');
    const key = this.setup.trustees[trustee - 1];
    if (key === undefined) throw refused('ceremony_trustee', trustee);
    if (!verifySignature(unhex(key), messageBytes(signed.message), unhex(signed.signature))) throw refused('ceremony_signature', trustee);
    if (!this.said.active.includes(trustee)) throw refused('ceremony_excluded', trustee);
    if (step.do !== this.said.phase) throw refused('ceremony_phase', trustee);
    const next = this.copy();
    const add = <T>(map: Map<number, T>, value: T): void => {
      if (map.has(trustee)) throw refused('ceremony_twice', trustee);
      map.set(trustee, value);
    };
    switch (step.do) {
      case 'commit':
        add(next.commitments, step.hash);
        break;
      case 'reveal':
        add(next.revealed, this.checkedReveal(trustee, step.points));
        break;
      case 'deal':
        this.checkRecipients(trustee, step.shares);
        add(next.dealt, step.shares);
        break;
      case 'check':
        this.checkComplaints(trustee, step.dealers);
        add(next.complaints, step.dealers);
        break;
      case 'open':
        this.checkOpenings(trustee, step.shares);
        add(next.opened, step.shares);
        break;
      case 'sign':
        if (step.hash !== this.transcript()) throw refused('ceremony_transcript', trustee);
        add(next.signatures, signed.signature);
    }
    next.events.push(signed);
    this.replaceBy(next, (after) => {
      if (after.missing().length === 0) after.advance();
    });
  }

  /** Ends the phase: who has not delivered is left out. All who are left must sign, so that phase is not closed. */
  close(): void {
    const missing = this.missing();
    if (this.phase === 'done') return;
    if (this.phase === 'sign') throw refused('ceremony_unsigned');
    const next = this.copy();
    next.active = next.active.filter((trustee) => !missing.includes(trustee));
    next.events.push('close');
    this.replaceBy(next, (after) => after.advance());
  }

  /** Whom the phase waits for, ascending. */
  missing(): number[] {
    const { phase, active, commitments, revealed, dealt, complaints, opened, signatures } = this.said;
    const of: Record<Exclude<CeremonyPhase, 'open' | 'done'>, Map<number, unknown>> = {
      commit: commitments,
      reveal: revealed,
      deal: dealt,
      check: complaints,
      sign: signatures,
    };
    if (phase === 'done') return [];
    if (phase === 'open') return active.filter((dealer) => this.complainers(dealer).length > 0 && !opened.has(dealer));
    return active.filter((trustee) => !of[phase].has(trustee));
  }

  /** Those left who complain of a dealer that is left. */
  complainers(dealer: number): number[] {
    const { active, complaints } = this.said;
    return active.filter((by) => complaints.get(by)?.includes(dealer));
  }

  get phase(): CeremonyPhase {
    return this.said.phase;
  }

  /** The trustees that are left, ascending. */
  get active(): readonly number[] {
    return this.said.active;
  }

  get record(): CeremonyRecord {
    return { setup: this.setup, events: this.said.events };
  }

  /** κ of a trustee, once revealed. */
  transport(trustee: number): { point: string; element: Element } | null {
    const revealed = this.said.revealed.get(trustee);
    return revealed ? { point: revealed.points.transport.point, element: revealed.transport } : null;
  }

  /** The encrypted share of a dealer for a recipient. */
  dealt(dealer: number, recipient: number): EncryptedShare | null {
    return this.said.dealt.get(dealer)?.find((share) => share.recipient === recipient) ?? null;
  }

  /** The share that a dealer opened for a recipient. */
  opened(dealer: number, recipient: number): bigint | null {
    const opened = this.said.opened.get(dealer)?.find((share) => share.recipient === recipient);
    return opened ? toBigInt(opened.share) : null;
  }

  /** Whether f_i(l)G = Σ lʲ C_ij. */
  shareFits(dealer: number, recipient: number, share: bigint): boolean {
    const revealed = this.said.revealed.get(dealer);
    return revealed !== undefined && timesPublic(Point.BASE, share).equals(evaluate(revealed.coefficients, recipient));
  }

  /** The hash that trustees sign: everything said before, by trustee, and who is left. */
  transcript(): string {
    const { commitments, revealed, dealt, complaints, opened, active } = this.said;
    const points = new Map([...revealed].map(([trustee, one]) => [trustee, one.points]));
    const inputs: Input[] = [
      encodeMap(fixed(64), commitments),
      encodeMap(revealCodec, points),
      encodeMap(encryptedShares, dealt),
      encodeMap(numbers, complaints),
      encodeMap(openedShares, opened),
      encode(numbers, active),
    ];
    return hash('voting/sealed-transcript/v1', this.hash, ...inputs);
  }

  /** What came of it, once all have signed. */
  outcome(): CeremonyOutcome | null {
    if (this.phase !== 'done') return null;
    const { parameters } = this.setup;
    const sums = Array.from({ length: parameters.threshold }, (_, j) => this.sumOf(j));
    return {
      parameters,
      key: encodePoint(this.sumOf(0)),
      transcript: this.transcript(),
      trustees: this.said.active.map((index) => ({ index, public: encodePoint(evaluate(sums, index)) })),
    };
  }

  /** Σ C_ij over those who are left. */
  private sumOf(j: number): Element {
    const { active, revealed } = this.said;
    return active.reduce((sum, trustee) => sum.add(revealed.get(trustee)?.coefficients[j] ?? Point.ZERO), Point.ZERO);
  }

  /** Goes to the next phase that waits for somebody. */
  private advance(): void {
    const { said } = this;
    const { threshold } = this.setup.parameters;
    const before = said.phase;
    said.phase = FOLLOWING[before];
    if (before === 'check') {
      // To open as many shares as decrypt would give the polynomial away, and one of so many accusers is honest.
      const accused = said.active.filter((dealer) => this.complainers(dealer).length >= threshold);
      said.active = said.active.filter((trustee) => !accused.includes(trustee));
    }
    if (said.active.length < threshold) throw refused('ceremony_too_few');
    if (said.phase === 'open' && this.missing().length === 0) said.phase = 'sign';
    if (said.phase === 'sign' && this.sumOf(0).is0()) throw refused('ceremony_no_key');
  }

  private checkedReveal(trustee: number, points: Reveal): Revealed {
    const { coefficients, transport } = points;
    if (coefficients.length !== this.setup.parameters.threshold) throw refused('ceremony_coefficients', trustee);
    if (this.said.commitments.get(trustee) !== commitment(this.hash, trustee, coefficients, transport)) throw refused('ceremony_commitment', trustee);
    const elements = coefficients.map((proven, coefficient) => verifyPoint(this.hash, { trustee, coefficient }, proven));
    return { points, coefficients: elements, transport: verifyPoint(this.hash, { trustee, coefficient: null }, transport) };
  }

  private checkRecipients(trustee: number, shares: readonly EncryptedShare[]): void {
    const others = this.said.active.filter((other) => other !== trustee);
    if (!same(others, shares.map(({ recipient }) => recipient))) throw refused('ceremony_recipients', trustee);
    for (const { ephemeral } of shares) {
      if (isIdentity(ephemeral)) throw refused('sealed_identity', trustee);
      if (!decodePoint(ephemeral)) throw refused('sealed_point', trustee);
    }
  }

  private checkComplaints(trustee: number, dealers: readonly number[]): void {
    const ascending = dealers.every((dealer, at) => at === 0 || dealer > (dealers[at - 1] ?? 0));
    const there = dealers.every((dealer) => dealer !== trustee && this.said.active.includes(dealer));
    if (!ascending || !there) throw refused('ceremony_complaints', trustee);
  }

  private checkOpenings(trustee: number, shares: readonly OpenedShare[]): void {
    const asked = this.complainers(trustee);
    if (asked.length === 0 || !same(asked, shares.map(({ recipient }) => recipient))) throw refused('ceremony_openings', trustee);
    const fits = shares.every(({ recipient, share }) => this.shareFits(trustee, recipient, toBigInt(share)));
    if (!fits) throw refused('ceremony_share', trustee);
  }

  private copy(): Said {
    const { phase, active, commitments, revealed, dealt, complaints, opened, signatures, events } = this.said;
    return {
      phase,
      active: [...active],
      commitments: new Map(commitments),
      revealed: new Map(revealed),
      dealt: new Map(dealt),
      complaints: new Map(complaints),
      opened: new Map(opened),
      signatures: new Map(signatures),
      events: [...events],
    };
  }

  /** Goes on from another state, or stays in this one if that is refused. */
  private replaceBy(next: Said, goOn: (after: this) => void): void {
    const before = this.said;
    this.said = next;
    try {
      goOn(this);
    } catch (error) {
      this.said = before;
      throw error;
    }
  }
}

const same = (one: readonly number[], other: readonly number[]): boolean =>
  one.length === other.length && one.every((value, at) => value === other[at]);

/** H(C_i*, κ_i), bound to ceremony and trustee. */
export function commitment(ceremony: string, trustee: number, coefficients: readonly ProvenPoint[], transport: ProvenPoint): string {
  const joined = coefficients.map(({ point }) => point).join('');
  return hash('voting/sealed-commitment/v1', ceremony, number16(trustee), joined, transport.point);
}

/** Σ lʲ C_j, by Horner's rule. */
function evaluate(coefficients: readonly Element[], at: number): Element {
  return coefficients.reduceRight((sum, coefficient) => timesPublic(sum, BigInt(at)).add(coefficient), Point.ZERO);
}

function encodeMap<T>(codec: Codec<T>, map: ReadonlyMap<number, T>): Uint8Array {
  const entries = [...map].sort(([one], [other]) => one - other).map(([trustee, content]) => ({ trustee, content }));
  return encode(vec(struct<{ trustee: number; content: T }>({ trustee: u16, content: codec })), entries);
}
