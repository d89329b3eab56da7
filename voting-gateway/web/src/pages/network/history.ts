/** What a page about the network remembers of the frames that it was sent. Pure; times are those of the frames. */
import type { LiveMessage } from '../../live/react';
import type { Block, Health, Status } from './types';

/** Samples kept: two minutes at one a second. */
export const SAMPLES = 120;
/** Entries of the event log kept. */
export const ENTRIES = 200;
/** Rates are means over this long, because blocks come in bursts. */
const RATE_MS = 5_000;

/** One second of the network. */
export interface Sample {
  at: number;
  height: number;
  /** Ballots in the blocks that were announced since the sample before. */
  ballots: number;
  /** Whether blocks went by unannounced, so that there may have been more ballots. */
  skipped: boolean;
  /** 99th percentile of durable writes of the slowest authority that answers, in microseconds. */
  write: number;
}

export type LogEntry = { id: number; at: number } & (
  | { kind: 'block'; height: number; entries: number; ballots: number; signers: number }
  | { kind: 'health'; name: string; from: Health; to: Health }
  | { kind: 'leader'; name: string; view: number }
);

type News = LogEntry extends infer E ? (E extends LogEntry ? Omit<E, 'id'> : never) : never;

export interface History {
  status: Status;
  block: Block | undefined;
  samples: readonly Sample[];
  /** Newest first. */
  log: readonly LogEntry[];
  /** What the next sample will count. */
  pending: Pick<Sample, 'ballots' | 'skipped'>;
}

const NOTHING: History['pending'] = { ballots: 0, skipped: false };

function noted(log: readonly LogEntry[], news: readonly News[]): readonly LogEntry[] {
  if (news.length === 0) return log;
  const next = (log[0]?.id ?? 0) + 1;
  const entries = news.map((one, place): LogEntry => ({ ...one, id: next + place }));
  return [...entries.reverse(), ...log].slice(0, ENTRIES);
}

/** A block that is newer than any before; others change nothing. */
function withBlock(history: History, block: Block): History {
  const known = history.block?.height;
  if (known !== undefined && block.height <= known) return history;
  const { height, entries, ballots } = block;
  const news: News = { kind: 'block', at: Date.parse(block.at), height, entries, ballots, signers: block.signers.length };
  const pending = {
    ballots: history.pending.ballots + ballots,
    skipped: history.pending.skipped || (known !== undefined && height > known + 1),
  };
  return { ...history, block, pending, log: noted(history.log, [news]) };
}

function changes(before: Status, after: Status): News[] {
  const at = Date.parse(after.at);
  const healths = new Map(before.authorities.map(({ name, health }) => [name, health]));
  const news = after.authorities.flatMap(({ name, health }): News[] => {
    const from = healths.get(name);
    return from === undefined || from === health ? [] : [{ kind: 'health', at, name, from, to: health }];
  });
  const { leader, view } = after;
  if (leader === undefined || view === undefined || leader === before.leader) return news;
  return [...news, { kind: 'leader', at, name: leader, view }];
}

function sampled({ samples, pending }: History, status: Status): readonly Sample[] {
  const at = Date.parse(status.at);
  // The gateway answers with the same figures for a second, and another gateway's clock may be a little behind.
  if (at <= (samples.at(-1)?.at ?? 0)) return samples;
  const writes = status.authorities.flatMap(({ health, write_p99_us }) => (health === 'alive' ? [write_p99_us ?? 0] : []));
  return [...samples, { at, height: status.height, ...pending, write: Math.max(0, ...writes) }].slice(-SAMPLES);
}

function withStatus(before: History | undefined, status: Status): History {
  if (before === undefined) {
    // The newest block was final before anyone looked: it is no event.
    const first: History = { status, block: status.block, samples: [], log: [], pending: NOTHING };
    return { ...first, samples: sampled(first, status) };
  }
  const seen = status.block ? withBlock(before, status.block) : before;
  const samples = sampled(seen, status);
  const pending = samples === seen.samples ? seen.pending : NOTHING;
  return { ...seen, status, samples, pending, log: noted(seen.log, changes(before.status, status)) };
}

export function reduceNetwork(before: History | undefined, message: LiveMessage): History {
  if (message.kind === 'event' && message.type === 'block' && before !== undefined) {
    return withBlock(before, message.data as Block);
  }
  if (message.kind === 'event' && message.type !== 'network') {
    if (before === undefined) throw new Error(`the channel began with ${message.type}`);
    return before;
  }
  return withStatus(before, message.data as Status);
}

export interface Trend {
  at: number;
  value: number;
}

/** How much of something there was a second, over the last seconds before each sample but the first. */
function rate(samples: readonly Sample[], amount: (from: number, to: number) => number): Trend[] {
  return samples.slice(1).map(({ at }, place) => {
    const to = place + 1;
    let from = place;
    while (from > 0 && at - (samples[from - 1]?.at ?? 0) <= RATE_MS) from -= 1;
    return { at, value: (1_000 * amount(from, to)) / (at - (samples[from]?.at ?? 0)) };
  });
}

export const blockRate = (samples: readonly Sample[]): Trend[] =>
  rate(samples, (from, to) => Math.max(0, (samples[to]?.height ?? 0) - (samples[from]?.height ?? 0)));

export const ballotRate = (samples: readonly Sample[]): Trend[] =>
  rate(samples, (from, to) => samples.slice(from + 1, to + 1).reduce((sum, { ballots }) => sum + ballots, 0));

export const writeTimes = (samples: readonly Sample[]): Trend[] => samples.map(({ at, write }) => ({ at, value: write / 1_000 }));
