/** Entries of the ledger (docs/SPEC.md, section 9), as far as an election has them. */
import { ballotContent, type BallotContent } from '../ballot/ballot';
import { type Codec, constant, decode, enumeration, fixed, Malformed, names, struct, text, u32, u64, vec } from '../ballot/codec';
import { type Definition, definition } from '../ballot/definition';
import { tagged } from '../ballot/hash';
import { type Challenge, challengeBytes, challengeCodec } from '../sealing/ballot';
import { signedMessage, type SignedMessage } from '../sealing/ceremony/messages';
import { partialDecryption, type PartialDecryption } from '../sealing/decrypt';

export const PHASES = ['draft', 'ready', 'scheduled', 'open', 'closed', 'tallied', 'published', 'cancelled'] as const;
export type Phase = (typeof PHASES)[number];
export const phase: Codec<Phase> = names<Phase>(...PHASES);

export type Act =
  | { do: 'define'; definition: Definition }
  | { do: 'roll'; size: bigint }
  | { do: 'advance'; to: Phase }
  | { do: 'tally'; report: string }
  | { do: 'cancel'; reason: string }
  | { do: 'close ceremony phase' }
  | { do: 'freeze roll' };

export interface OfficerAct {
  chain: string;
  election: string;
  sequence: number;
  act: Act;
  officer: string;
}

export interface CertifiedVoter {
  pseudonym: string;
  key: string;
  weight: bigint;
}

export interface Certification {
  chain: string;
  election: string;
  voters: CertifiedVoter[];
  registrar: string;
}

export type TrusteeStep = { message: SignedMessage } | { part: PartialDecryption };

export interface TrusteeAct {
  chain: string;
  election: string;
  step: TrusteeStep;
  trustee: string;
}

interface Signed<T> {
  content: T;
  signature: string;
}

export type Entry =
  | ({ kind: 'act' } & Signed<OfficerAct>)
  | ({ kind: 'certify' } & Signed<Certification>)
  | ({ kind: 'cast' } & Signed<BallotContent>)
  | ({ kind: 'trustee' } & Signed<TrusteeAct>)
  | ({ kind: 'challenge' } & Signed<Challenge>);

/** A variant with its name beside its one field. */
function act<D extends Act['do'], F extends string, T>(does: D, field: F, codec: Codec<T>): Codec<Act> {
  return {
    read: (from) => ({ do: does, [field]: codec.read(from) }) as unknown as Act,
    write: (to, value) => codec.write(to, (value as unknown as Record<F, T>)[field]),
  };
}

const ACTS = ['define', 'roll', 'advance', 'tally', 'cancel', 'close ceremony phase', 'freeze roll'] as const;
const anyAct: Codec<Act> = enumeration<Act>(
  [
    act('define', 'definition', definition),
    act('roll', 'size', u64),
    act('advance', 'to', phase),
    act('tally', 'report', fixed(32)),
    act('cancel', 'reason', text),
    constant<Act>({ do: 'close ceremony phase' }),
    constant<Act>({ do: 'freeze roll' }),
  ],
  (value) => ACTS.indexOf(value.do),
);

const chain = fixed(32);
const election = fixed(16);
const officerAct = struct<OfficerAct>({ chain, election, sequence: u32, act: anyAct, officer: fixed(32) });
const certification = struct<Certification>({
  chain,
  election,
  voters: vec(struct<CertifiedVoter>({ pseudonym: fixed(32), key: fixed(32), weight: u64 })),
  registrar: fixed(32),
});
const step: Codec<TrusteeStep> = enumeration<TrusteeStep>(
  [struct<{ message: SignedMessage }>({ message: signedMessage }), struct<{ part: PartialDecryption }>({ part: partialDecryption })] as unknown as Codec<TrusteeStep>[],
  (value) => ('message' in value ? 0 : 1),
);
export const trusteeAct: Codec<TrusteeAct> = struct<TrusteeAct>({ chain, election, step, trustee: fixed(32) });

function signed<K extends Entry['kind'], T>(kind: K, content: Codec<T>): Codec<Entry> {
  const inner = struct<Signed<T>>({ content, signature: fixed(64) });
  return {
    read: (from) => ({ kind, ...inner.read(from) }) as unknown as Entry,
    write: (to, value) => inner.write(to, value as unknown as Signed<T>),
  };
}

/** Of the network, and of no election: it cannot stand among an election's own entries. */
const ofNone: Codec<Entry> = {
  read: () => {
    throw new Malformed('an entry of no election');
  },
  write: () => {
    throw new RangeError('an entry of no election');
  },
};

/** The number of the ledger's entries that trustees make. */
const TRUSTEE = 6;
const KINDS: Record<Entry['kind'], number> = { act: 0, certify: 1, cast: 2, trustee: TRUSTEE, challenge: 7 };
export const entryCodec: Codec<Entry> = enumeration<Entry>(
  [
    signed('act', officerAct),
    signed('certify', certification),
    signed('cast', ballotContent),
    ofNone,
    ofNone,
    ofNone,
    signed('trustee', trusteeAct),
    signed('challenge', challengeCodec),
  ],
  ({ kind }) => KINDS[kind],
);

export const MAX_ENTRY_BYTES = 65_535;

export const decodeEntry = (bytes: Uint8Array): Entry => decode(entryCodec, bytes, MAX_ENTRY_BYTES);

/** What a trustee signs of an act. */
export const trusteeActBytes = (content: TrusteeAct): Uint8Array<ArrayBuffer> => tagged('voting/trustee-act/v1', trusteeAct, content);

/** Whose signature an entry bears, over what, and what it is for. */
export function signatureOf(entry: Entry): { key: string; bytes: Uint8Array; chain: string | null; election: string } {
  switch (entry.kind) {
    case 'act': {
      const { officer, chain, election } = entry.content;
      return { key: officer, bytes: tagged('voting/officer-act/v1', officerAct, entry.content), chain, election };
    }
    case 'certify': {
      const { registrar, chain, election } = entry.content;
      return { key: registrar, bytes: tagged('voting/certification/v1', certification, entry.content), chain, election };
    }
    case 'cast': {
      const { voter, election } = entry.content;
      return { key: voter, bytes: tagged('voting/ballot/v1', ballotContent, entry.content), chain: null, election };
    }
    case 'trustee': {
      const { trustee, chain, election } = entry.content;
      return { key: trustee, bytes: trusteeActBytes(entry.content), chain, election };
    }
    case 'challenge': {
      const { voter, election } = entry.content.ballot;
      return { key: voter, bytes: challengeBytes(entry.content), chain: null, election };
    }
  }
}

