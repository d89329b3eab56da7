/**
 * One socket from its opening to its end: says hello, keeps the pace that the gateway allows, renews the token, and notices
 * when nobody is there any more. A browser shows no WebSocket pings, so the protocol's own are used.
 */
import { type ChannelFrame, type ClientFrame, parseFrame, writeFrame } from './frames';

export interface Timers {
  setTimeout(run: () => void, ms: number): unknown;
  clearTimeout(handle: unknown): void;
}

export const browserTimers: Timers = {
  setTimeout: (run, ms) => setTimeout(run, ms),
  clearTimeout: (handle) => clearTimeout(handle as ReturnType<typeof setTimeout>),
};

export interface ConnectionSeams {
  now(): number;
  timers: Timers;
  token(): Promise<string | null>;
}

export interface ConnectionEvents {
  /** The first frame, made when it is sent. */
  hello(): ClientFrame;
  welcome(): void;
  frame(frame: ChannelFrame): void;
  /** Once, unless this side closed. `lastKnown` is when the gateway was certainly there. */
  ended(code: number, lastKnown: number): void;
}

/** The gateway answers hello within milliseconds, and gives up on a silent client after 5 s. */
const WELCOME_MS_MAX = 10_000;
/** Silence after which the gateway is asked whether it is there. */
const QUIET_MS_MAX = 20_000;
/** Time for its answer. */
const PONG_MS_MAX = 10_000;
/** A fresh token that could not be had is asked for again. */
const TOKEN_RETRY_MS = 5_000;
/** A gateway hangs up at more than 20 frames a second. */
const FRAMES_A_SECOND = 15;
const SECOND_MS = 1_000;

export class Connection {
  private live = false;
  private over = false;
  private lastHeard: number;
  private watch: unknown;
  private pacing: unknown = null;
  private renewal: unknown;
  private readonly waiting: ClientFrame[] = [];
  private readonly sentAt: number[] = [];

  constructor(
    private readonly socket: WebSocket,
    private token: string | null,
    private readonly seams: ConnectionSeams,
    private readonly events: ConnectionEvents,
  ) {
    this.lastHeard = seams.now();
    this.watch = seams.timers.setTimeout(() => this.end(0), WELCOME_MS_MAX);
    socket.onopen = () => this.send(events.hello());
    socket.onmessage = ({ data }: MessageEvent<unknown>) => this.heard(data);
    socket.onclose = ({ code }) => {
      this.lastHeard = seams.now();
      this.end(code);
    };
  }

  send(frame: ClientFrame): void {
    this.waiting.push(frame);
    this.flush();
  }

  /** Finds out whether the gateway is still there: the machine may have slept, or changed its network. */
  probe(): void {
    if (!this.live) return;
    if (this.seams.now() - this.lastHeard > QUIET_MS_MAX + PONG_MS_MAX) this.end(0);
    else this.ask();
  }

  /** Closes without a word to the owner. */
  close(): void {
    this.over = true;
    const { timers } = this.seams;
    for (const timer of [this.watch, this.pacing, this.renewal]) timers.clearTimeout(timer);
    this.socket.onopen = this.socket.onmessage = this.socket.onclose = null;
    this.socket.close();
  }

  private end(code: number): void {
    if (this.over) return;
    this.close();
    this.events.ended(code, this.lastHeard);
  }

  private heard(data: unknown): void {
    this.lastHeard = this.seams.now();
    if (this.live) this.watchFor(QUIET_MS_MAX, () => this.ask());
    const frame = parseFrame(data);
    if (!frame || frame.t === 'pong') return;
    if (frame.t === 'token_expiring') {
      this.seams.timers.clearTimeout(this.renewal);
      this.renew();
    } else if (frame.t !== 'welcome') {
      this.events.frame(frame);
    } else if (!this.live) {
      this.live = true;
      this.watchFor(QUIET_MS_MAX, () => this.ask());
      this.events.welcome();
    }
  }

  private ask(): void {
    this.watchFor(PONG_MS_MAX, () => this.end(0));
    this.send({ t: 'ping' });
  }

  private watchFor(ms: number, then: () => void): void {
    this.seams.timers.clearTimeout(this.watch);
    this.watch = this.seams.timers.setTimeout(then, ms);
  }

  /** Until there is another token than the one in use; without one the gateway ends the connection when the old one does. */
  private renew(): void {
    const again = () => {
      if (!this.over) this.renewal = this.seams.timers.setTimeout(() => this.renew(), TOKEN_RETRY_MS);
    };
    this.seams.token().then((token) => {
      if (token === this.token) again();
      else if (token !== null && !this.over) this.authenticate(token);
    }, again);
  }

  private authenticate(token: string): void {
    this.token = token;
    this.send({ t: 'auth', token });
  }

  private flush(): void {
    const now = this.seams.now();
    while (this.sentAt[0] !== undefined && this.sentAt[0] <= now - SECOND_MS) this.sentAt.shift();
    while (this.waiting.length > 0 && this.sentAt.length < FRAMES_A_SECOND) {
      const [frame] = this.waiting.splice(0, 1);
      if (frame) this.socket.send(writeFrame(frame));
      this.sentAt.push(now);
    }
    if (this.waiting.length === 0 || this.pacing !== null) return;
    this.pacing = this.seams.timers.setTimeout(
      () => {
        this.pacing = null;
        this.flush();
      },
      (this.sentAt[0] ?? now) + SECOND_MS - now,
    );
  }
}
