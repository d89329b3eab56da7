/**
 * The definition of an election (section 8 of the specification) and the context that follows from it. A page computes the
 * context from what it shows: a gateway that shows one thing and has another signed is found out before the ballot is sealed.
 */
import { bool, type Codec, constant, enumeration, fixed, names, struct, text, u16, u64, u8, unhex, vec } from './codec';
import { digest, parts } from './hash';

/** Every way of counting, in the order of the specification: its place is what is signed. */
export const METHODS = [
  'plurality',
  'approval',
  'score',
  'instant-runoff',
  'scottish-stv',
  'wigm-stv',
  'meek-stv',
  'schulze',
  'ranked-pairs',
  'borda',
  'dhondt',
  'sainte-lague',
] as const;

/** A contest, in the words of the API. */
export interface DefinedContest {
  title: string;
  method: string;
  seats: number;
  min: number;
  max: number;
  allow_blank: boolean;
  max_score: number;
  thresholds: { majority: string; quorum_percent: number };
  withdrawn: number[];
  options: { name: string; description?: string }[];
}

/** Who decrypts the sums of a sealed election. */
export interface Trustees {
  threshold: number;
  min_ballots: number;
  trustees: { name: string; key: string }[];
}

/** What voters rely on, in the words of the API: an election as `GET /elections/ID` tells it is one. */
export interface Definition {
  id: string;
  title: string;
  description: string;
  contests: DefinedContest[];
  start_date: string;
  end_date: string;
  timing: string;
  revote: string;
  /** `open` or `sealed`. */
  secrecy: string;
  /** Who decrypts, where it is sealed. */
  sealing?: Trustees;
  results: string;
  registrar: string;
  created_by: string;
}

/** RFC 3339 in people's form, milliseconds in bytes. */
const time: Codec<string> = {
  read: (from) => new Date(Number(u64.read(from))).toISOString(),
  write: (to, value) => u64.write(to, BigInt(Date.parse(value))),
};

const option: Codec<{ name: string; description?: string }> = {
  read: (from) => ({ name: text.read(from), description: text.read(from) }),
  write(to, { name, description }) {
    text.write(to, name);
    text.write(to, description ?? '');
  },
};

const contest: Codec<DefinedContest> = struct<DefinedContest>({
  title: text,
  method: names<string>(...METHODS),
  seats: u16,
  min: u16,
  max: u16,
  allow_blank: bool,
  max_score: u16,
  thresholds: struct<DefinedContest['thresholds']>({
    majority: names<string>('most-votes', 'simple', 'two-thirds', 'absolute'),
    quorum_percent: u8,
  }),
  withdrawn: vec(u16),
  options: vec(option),
});

/** A number of 64 bits that people count to. */
const count: Codec<number> = {
  read: (from) => Number(u64.read(from)),
  write: (to, value) => u64.write(to, BigInt(value)),
};

const secrecy: Codec<'open' | Trustees> = enumeration<'open' | Trustees>(
  [
    constant('open'),
    struct<Trustees>({
      threshold: u16,
      min_ballots: count,
      trustees: vec(struct<Trustees['trustees'][number]>({ name: text, key: fixed(32) })),
    }),
  ],
  (value) => (value === 'open' ? 0 : 1),
);

type Written = Omit<Definition, 'secrecy' | 'sealing'> & { secrecy: 'open' | Trustees };

const written: Codec<Written> = struct<Written>({
  id: fixed(16),
  title: text,
  description: text,
  contests: vec(contest),
  start_date: time,
  end_date: time,
  timing: names<string>('fixed', 'officer'),
  revote: names<string>('first-counts', 'last-counts'),
  secrecy,
  results: names<string>('voters', 'public'),
  registrar: fixed(32),
  created_by: text,
});

/** In bytes the trustees are part of the rule, in the API they stand beside it. */
export const definition: Codec<Definition> = {
  read(from) {
    const { secrecy, ...defined } = written.read(from);
    return secrecy === 'open' ? { ...defined, secrecy } : { ...defined, secrecy: 'sealed', sealing: secrecy };
  },
  write(to, { secrecy, sealing, ...defined }) {
    if (secrecy !== (sealing ? 'sealed' : 'open')) throw new RangeError('trustees and the rule of secrecy contradict each other');
    written.write(to, { ...defined, secrecy: sealing ?? 'open' });
  },
};

/** What ballots under a definition in a chain are bound to; null if the definition says what this version cannot write. */
export async function contextOf(defined: Definition, chain: string): Promise<string | null> {
  try {
    const definitionDigest = await digest('voting/election/v1', definition, defined);
    return await parts('voting/election-context/v1', unhex(chain), unhex(definitionDigest));
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}
