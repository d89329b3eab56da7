/** Geometry of the ring: one arc per authority, clockwise from the top. */

const CENTER = 50;
const RADIUS = 41;

const point = (turn: number): string => {
  const angle = (turn - 0.25) * 2 * Math.PI;
  return `${(CENTER + RADIUS * Math.cos(angle)).toFixed(2)} ${(CENTER + RADIUS * Math.sin(angle)).toFixed(2)}`;
};

/** The path of an arc; the gaps make room for the round ends, and shrink where there are many arcs. */
export function arcPath(index: number, arcs: number): string {
  const gap = arcs === 1 ? 0 : Math.min(0.058, 0.5 / arcs);
  const start = index / arcs + gap / 2;
  const end = (index + 1) / arcs - gap / 2 - (arcs === 1 ? 0.0001 : 0);
  const large = end - start > 0.5 ? 1 : 0;
  return `M${point(start)}A${RADIUS} ${RADIUS} 0 ${large} 1 ${point(end)}`;
}
