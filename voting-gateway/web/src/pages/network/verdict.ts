/** What the figures mean, in one sentence. Pure. */
import type { Authority, Status } from './types';

/** Blocks behind the others from which an authority counts as catching up; a few are usual between two heartbeats. */
const BEHIND = 10;

export type Tone = 'success' | 'warning' | 'danger' | 'info';

export type Verdict = { tone: Tone } & (
  | { kind: 'agree'; total: number; spare: number }
  | { kind: 'behind'; total: number; name: string; lag: number }
  | { kind: 'enough'; alive: number; total: number; spare: number }
  | { kind: 'few'; alive: number; total: number; quorum: number }
  | { kind: 'none'; total: number; quorum: number }
  | { kind: 'unheard' }
  | { kind: 'fork'; height: number }
);

const isAlive = ({ health }: Authority): boolean => health === 'alive';

/** The lowest height at which two authorities hold different blocks: final blocks must never differ. */
function forkOf(authorities: readonly Authority[]): number | undefined {
  const heads = new Map<number, string>();
  const forks: number[] = [];
  for (const { height, head } of authorities) {
    if (height === undefined || head === undefined) continue;
    if ((heads.get(height) ?? head) !== head) forks.push(height);
    heads.set(height, head);
  }
  return forks.length > 0 ? Math.min(...forks) : undefined;
}

export function verdictOf({ authorities, alive, quorum }: Status): Verdict {
  const total = authorities.length;
  const fork = forkOf(authorities);
  if (fork !== undefined) return { kind: 'fork', tone: 'danger', height: fork };
  if (authorities.every(({ health }) => health === 'unknown')) return { kind: 'unheard', tone: 'info' };
  if (alive === 0) return { kind: 'none', tone: 'danger', total, quorum };
  if (alive < quorum) return { kind: 'few', tone: 'danger', alive, total, quorum };
  if (alive < total) return { kind: 'enough', tone: 'warning', alive, total, spare: alive - quorum };
  const last = authorities.filter(isAlive).reduce((a, b) => ((b.lag ?? 0) > (a.lag ?? 0) ? b : a));
  if ((last.lag ?? 0) > BEHIND) return { kind: 'behind', tone: 'warning', total, name: last.name, lag: last.lag ?? 0 };
  return { kind: 'agree', tone: 'success', total, spare: total - quorum };
}
