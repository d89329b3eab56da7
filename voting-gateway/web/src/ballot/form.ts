/** How a ballot names options, by the method of its contest (docs/SPEC.md, section 10). */

export type Form = 'marks' | 'scores' | 'ranking';

const RANKED: ReadonlySet<string> = new Set(['instant-runoff', 'scottish-stv', 'wigm-stv', 'meek-stv', 'schulze', 'ranked-pairs', 'borda']);
const SHARED_RANKS: ReadonlySet<string> = new Set(['schulze', 'ranked-pairs', 'borda']);

export const formOf = (method: string): Form => (method === 'score' ? 'scores' : RANKED.has(method) ? 'ranking' : 'marks');

/** Whether options are lists, which win several seats each. */
export const isOfLists = (method: string): boolean => method === 'dhondt' || method === 'sainte-lague';

export const mayShareRanks = (method: string): boolean => SHARED_RANKS.has(method);
