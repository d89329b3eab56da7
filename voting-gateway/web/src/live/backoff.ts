/**
 * How long to wait before connecting again: full jitter, so that the clients of a gateway that went away do not come back at
 * the same moment.
 */

const MS_MIN = 500;
const MS_MAX = 30_000;

export class Backoff {
  private failures = 0;

  constructor(private readonly random: () => number) {}

  /** Whether nothing has failed since the last good connection. */
  get isFresh(): boolean {
    return this.failures === 0;
  }

  /** The next wait; its bound doubles each time. */
  next(): number {
    const bound = Math.min(MS_MAX, MS_MIN * 2 ** this.failures);
    this.failures += 1;
    return this.random() * bound;
  }

  reset(): void {
    this.failures = 0;
  }
}
