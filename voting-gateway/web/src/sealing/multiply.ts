/** Sums of many multiples at once (Pippenger, 1976), of numbers and points that everyone may see. */
import { type Element, Point } from './group';

/** A point and what it is multiplied with, below the order of the group. */
export type Term = readonly [Element, bigint];

/** Bits taken at a time, by how many points there are: more of them pay for more buckets. */
const widthFor = (points: number): number => (points < 32 ? 4 : points < 200 ? 6 : points < 1_000 ? 8 : 10);

/** Σ xP. */
export function sumOf(terms: readonly Term[]): Element {
  const width = widthFor(terms.length);
  const mask = (1n << BigInt(width)) - 1n;
  const bits = terms.reduce((most, [, scalar]) => Math.max(most, scalar.toString(16).length * 4), 0);
  const digits = Math.ceil(bits / width);
  const split = terms.map(([, scalar]) => {
    const parts = new Uint16Array(digits);
    for (let at = 0, rest = scalar; rest > 0n; at += 1, rest >>= BigInt(width)) parts[at] = Number(rest & mask);
    return parts;
  });
  let sum = Point.ZERO;
  for (let at = digits - 1; at >= 0; at -= 1) {
    for (let bit = 0; bit < width; bit += 1) sum = sum.double();
    const buckets: (Element | undefined)[] = [];
    for (const [place, [point]] of terms.entries()) {
      const digit = split[place]?.[at] ?? 0;
      if (digit !== 0) buckets[digit] = buckets[digit]?.add(point) ?? point;
    }
    let [running, weighted] = [Point.ZERO, Point.ZERO];
    for (let digit = buckets.length - 1; digit > 0; digit -= 1) {
      const bucket = buckets[digit];
      if (bucket) running = running.add(bucket);
      weighted = weighted.add(running);
    }
    sum = sum.add(weighted);
  }
  return sum;
}
