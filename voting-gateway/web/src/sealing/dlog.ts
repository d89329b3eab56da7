/** From T·G to T: baby steps and giant steps (Shanks, 1971), as many of either. */
import { type Element, encodePoint, Point, timesPublic } from './group';

/** Largest sum that is looked for. Beyond it decryption gives up. */
export const MAX_TOTAL = 100_000_000n;

/** Finds exponents from 0 up to a bound. */
export class DiscreteLog {
  private readonly bound: bigint;
  private readonly steps: bigint;
  private readonly baby = new Map<string, number>();
  /** −steps·G */
  private readonly giant: Element;

  constructor(bound: bigint) {
    this.bound = bound < MAX_TOTAL ? bound : MAX_TOTAL;
    const steps = Math.ceil(Math.sqrt(Number(this.bound) + 1));
    this.steps = BigInt(steps);
    let point = Point.ZERO;
    for (let j = 0; j < steps; j += 1, point = point.add(Point.BASE)) this.baby.set(encodePoint(point), j);
    this.giant = timesPublic(Point.BASE, this.steps).negate();
  }

  /** T for T·G; null above the bound. */
  find(point: Element): bigint | null {
    let rest = point;
    for (let skipped = 0n; skipped <= this.bound; skipped += this.steps, rest = rest.add(this.giant)) {
      const baby = this.baby.get(encodePoint(rest));
      if (baby !== undefined) return skipped + BigInt(baby) <= this.bound ? skipped + BigInt(baby) : null;
    }
    return null;
  }
}
