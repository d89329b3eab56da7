/** The report of a count (docs/SPEC.md, section 15), in bytes. */
import { type Codec, fixed, names, opt, struct, text, u16, u64, u8, vec } from '../ballot/codec';
import { METHODS } from '../ballot/definition';
import { digestOf } from './hashing';

const u128: Codec<bigint> = {
  read: (from) => u64.read(from) + (u64.read(from) << 64n),
  write(to, value) {
    u64.write(to, value & ((1n << 64n) - 1n));
    u64.write(to, value >> 64n);
  },
};

interface Amount {
  units: bigint;
  decimals: number;
}

export interface OptionLine {
  option: number;
  name: string;
  votes: bigint;
  total: Amount;
  seats: number;
}

interface Counts {
  ballots: bigint;
  weight: bigint;
  blank: bigint;
  undervotes: bigint;
  overvotes: bigint;
  rankings: bigint;
}

export interface ContestReport {
  title: string;
  method: string;
  seats: number;
  options: OptionLine[];
  counts: Counts;
  decidedByLot: number[];
  verdict: { needed: bigint | null; quorum: bigint; ballots: bigint } | null;
}

export interface Report {
  election: string;
  seed: string;
  contests: ContestReport[];
}

const line = struct<OptionLine>({ option: u16, name: text, votes: u64, total: struct<Amount>({ units: u128, decimals: u8 }), seats: u16 });
const contest = struct<ContestReport>({
  title: text,
  method: names<string>(...METHODS),
  seats: u16,
  options: vec(line),
  counts: struct<Counts>({ ballots: u64, weight: u64, blank: u64, undervotes: u64, overvotes: u64, rankings: u64 }),
  decidedByLot: vec(u16),
  verdict: opt(struct<NonNullable<ContestReport['verdict']>>({ needed: opt(u128), quorum: u64, ballots: u64 })),
});

export const report: Codec<Report> = struct<Report>({ election: fixed(16), seed: fixed(32), contests: vec(contest) });

export const reportDigest = (value: Report): string => digestOf('voting/report/v1', report, value);
