/** Runs the machine of `cast.ts`: keeps its state, and does what it says. */
import { problemFrom } from '../../api/problem';
import type { BallotStatus, Receipt } from '../../api/types';
import type { ReceiptCheck, SealedBallot } from '../../ballot';
import type { Cast } from '../../services/votes';
import { isUnderWay, step, type CastEvent, type CastState, type Effect, type Tested } from './cast';

/** After this long we say that it takes longer than usual. */
const SLOW_MS = 4_000;
/** After this long we do not know. */
const LATE_MS = 15_000;
/** How often the status is looked at while the answer is awaited. */
const POLL_MS = 1_500;
/** How often the status is looked at while nobody knows. */
const RECHECK_MS = 10_000;

export interface CastSeams {
  seal(): Promise<SealedBallot>;
  /** Opens the ballot that was sealed last, which voids it. */
  open(ballot: SealedBallot): Promise<Tested>;
  forget(): void;
  save(ballot: SealedBallot): Promise<void>;
  clear(ballot: SealedBallot): Promise<void>;
  send(ballot: SealedBallot): Promise<Cast>;
  status(ballot: SealedBallot): Promise<BallotStatus>;
  receipt(ballot: SealedBallot): Promise<Receipt>;
  verify(receipt: Receipt, ballot: SealedBallot): Promise<ReceiptCheck>;
  keepReceipt(receipt: Receipt): void;
  announce(message: 'sent' | 'agreed' | 'recorded'): void;
}

export class CastRun {
  private state: CastState = { at: 'idle' };
  private readonly listeners = new Set<() => void>();
  private timers: ReturnType<typeof setTimeout>[] = [];

  constructor(private readonly seams: CastSeams) {}

  readonly current = (): CastState => this.state;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => {
      this.listeners.delete(listener);
    };
  };

  readonly dispatch = (event: CastEvent): void => {
    const before = this.state;
    const [state, effects] = step(before, event);
    this.state = state;
    if (state !== before) {
      if (state.at !== before.at || isUnderWay(state) !== isUnderWay(before)) this.watch();
      for (const listener of this.listeners) listener();
    }
    for (const effect of effects) this.perform(effect);
  };

  /** Stops looking at the clock; what was sent stays saved and is taken up again later. */
  readonly stop = (): void => {
    for (const timer of this.timers) clearTimeout(timer);
    this.timers = [];
  };

  /** Timers of the present state. */
  private watch(): void {
    this.stop();
    if (this.state.at === 'sending') {
      this.after(SLOW_MS, () => this.dispatch({ type: 'slow' }));
      this.after(LATE_MS, () => this.dispatch({ type: 'late' }));
      this.poll();
    }
    if (this.state.at === 'unknown' && !this.state.checking) {
      const wait = this.state.problem?.retryAfter;
      this.after(wait === undefined ? RECHECK_MS : wait * 1_000, () => this.dispatch({ type: 'checkAgain' }));
    }
  }

  private poll(): void {
    this.after(POLL_MS, () => {
      if (this.state.at !== 'sending') return;
      const { ballot } = this.state;
      // A status that cannot be had is no news while the answer is awaited.
      void this.seams.status(ballot).then((status) => this.dispatch({ type: 'status', status }), () => undefined);
      this.poll();
    });
  }

  private after(ms: number, task: () => void): void {
    this.timers.push(setTimeout(task, ms));
  }

  private perform(effect: Effect): void {
    const { seams } = this;
    switch (effect.do) {
      case 'seal':
        return this.turn(seams.seal(), (ballot) => ({ type: 'sealed', ballot }), (problem) => ({ type: 'sealFailed', problem }));
      case 'open':
        return this.turn(seams.open(effect.ballot), (tested) => ({ type: 'opened', tested }), (problem) => ({ type: 'openFailed', problem }));
      case 'forget':
        return seams.forget();
      case 'save':
        // A browser that cannot keep it still casts it.
        return void seams.save(effect.ballot).catch(() => undefined);
      case 'clear':
        return void seams.clear(effect.ballot).catch(() => undefined);
      case 'send':
        return this.turn(seams.send(effect.ballot), (cast) => ({ type: 'answered', cast }), (problem) => ({ type: 'sendFailed', problem }));
      case 'askStatus':
        return this.turn(seams.status(effect.ballot), (status) => ({ type: 'status', status }), (problem) => ({ type: 'statusFailed', problem }));
      case 'fetchReceipt':
        return this.turn(seams.receipt(effect.ballot), (receipt) => ({ type: 'receiptFetched', receipt }), (problem) => ({ type: 'statusFailed', problem }));
      case 'verify':
        return this.turn(seams.verify(effect.receipt, effect.ballot), (check) => ({ type: 'verified', check }), (problem) => ({ type: 'statusFailed', problem }));
      case 'keepReceipt':
        return seams.keepReceipt(effect.receipt);
      case 'announce':
        return seams.announce(effect.message);
    }
  }

  private turn<T>(task: Promise<T>, ok: (value: T) => CastEvent, bad: (problem: ReturnType<typeof problemFrom>) => CastEvent): void {
    task.then(
      (value) => this.dispatch(ok(value)),
      (error: unknown) => this.dispatch(bad(problemFrom(error))),
    );
  }
}
