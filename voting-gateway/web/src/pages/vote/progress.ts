/**
 * How far a ballot is on its way, from what the gateway tells of it and from what became of it. Pure.
 *
 * It never goes back: an authority that held the ballot once is not taken away by a later frame. And it proves nothing: enough
 * authorities that agree are not a recorded ballot; the receipt's certificate alone has the last word.
 */
import type { LiveMessage } from '../../services/live';
import type { CastState } from './cast';

/** What the channel of a ballot has told so far. */
export interface BallotNews {
  /** Whether the gateway has it. */
  received: boolean;
  /** Whether the network says that it is final. */
  final: boolean;
  /** Names of the authorities that have checked the ballot and hold it. */
  agreed: string[];
  authorities: string[];
  quorum: number;
}

/** The live channel of a ballot: everyone who knows the hash may ask. */
export const ballotChannel = (hash: string): string => `ballot:${hash}`;

const isNames = (value: unknown): value is string[] => Array.isArray(value) && value.every((name) => typeof name === 'string');

const HELD: ReadonlySet<unknown> = new Set(['pending', 'final']);

/** Lays a message over what is known; one that is about another ballot or cannot be read changes nothing. */
export function reduceBallot(hash: string, state: BallotNews | null | undefined, { data }: LiveMessage): BallotNews | null {
  const { ballot_hash, stage, agreed, authorities, quorum } = (data ?? {}) as Record<string, unknown>;
  if (ballot_hash !== hash || !isNames(agreed) || !isNames(authorities) || typeof quorum !== 'number') return state ?? null;
  const holds = new Set([...(state?.agreed ?? []), ...agreed]);
  return {
    received: state?.received === true || HELD.has(stage),
    final: state?.final === true || stage === 'final',
    agreed: authorities.filter((name) => holds.has(name)),
    authorities,
    quorum,
  };
}

export type Stage = 'done' | 'now' | 'later';

export interface Progress {
  /** Signed here → received → n of m authorities agree → recorded. */
  stages: [Stage, Stage, Stage, Stage];
  agreed: number;
  all: number;
  quorum: number;
}

/** What to show of it; `usual` says how many authorities there are until the channel does. */
export function progressOf(cast: CastState, news: BallotNews | null | undefined, usual: { all: number; quorum: number }): Progress {
  const all = news?.authorities.length ?? usual.all;
  const quorum = news?.quorum ?? usual.quorum;
  // Of a ballot that is final nobody asks any more who holds it; a quorum does.
  const told = Math.min(all, Math.max(news?.agreed.length ?? 0, news?.final ? quorum : 0));
  switch (cast.at) {
    case 'recorded':
      return { stages: ['done', 'done', 'done', 'done'], agreed: cast.check.signers.length, all: cast.check.authorities.length, quorum: cast.check.quorum };
    case 'verifying':
      return { stages: ['done', 'done', 'done', 'now'], agreed: Math.max(told, quorum), all, quorum };
    default: {
      const received = (cast.at === 'sending' && cast.received) || news?.received === true;
      if (!received) return { stages: ['done', 'now', 'later', 'later'], agreed: 0, all, quorum };
      const agree = told >= quorum;
      return { stages: ['done', 'done', agree ? 'done' : 'now', agree ? 'now' : 'later'], agreed: told, all, quorum };
    }
  }
}

/** Whether a ballot is on its way, so that it is worth asking how far it is. */
export const isOnItsWay = (cast: CastState): cast is Extract<CastState, { at: 'sending' | 'unknown' | 'verifying' }> =>
  cast.at === 'sending' || cast.at === 'unknown' || cast.at === 'verifying';
