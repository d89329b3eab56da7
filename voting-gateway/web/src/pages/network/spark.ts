/** Geometry of a sparkline: time from left to right up to the latest sample, values from the bottom. */
import type { Trend } from './history';

export const WIDTH = 240;
export const HEIGHT = 48;
/** Time that the whole width stands for. */
export const SPAN_MS = 120_000;
/** Room for the stroke. */
const EDGE = 2;

export interface Spark {
  line: string;
  area: string;
}

/** Values are drawn as parts of `top`, or of the highest if that is more, so that a calm line does not look wild. */
export function sparkOf(trend: readonly Trend[], top: number): Spark {
  const end = trend.at(-1)?.at ?? 0;
  const most = Math.max(top, ...trend.map(({ value }) => value));
  const points = trend
    .filter(({ at }) => end - at <= SPAN_MS)
    .map(({ at, value }) => ({
      x: WIDTH - EDGE - ((end - at) / SPAN_MS) * (WIDTH - 2 * EDGE),
      y: HEIGHT - EDGE - (value / most) * (HEIGHT - 2 * EDGE),
    }));
  const last = points.at(-1);
  const line = points.map(({ x, y }, place) => `${place === 0 ? 'M' : 'L'}${x.toFixed(1)} ${y.toFixed(1)}`).join('');
  const area = points[0] && last ? `${line}L${last.x.toFixed(1)} ${HEIGHT}L${points[0].x.toFixed(1)} ${HEIGHT}Z` : '';
  return { line, area };
}
