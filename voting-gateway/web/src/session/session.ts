/**
 * Who is signed in.
 *
 * The access token lives in memory. The refresh token is a cookie that scripts cannot read and that is spent by
 * using it: used twice, it ends the session everywhere. So a refresh happens once at a time, in this tab and across
 * tabs (a lock that the browser keeps), and its outcome is told to the other tabs.
 *
 *   starting ──▶ anonymous ◀──▶ signedIn ──▶ expired ──▶ signedIn (same page, same step)
 */
import { problemFrom } from '../api/problem';
import type { Account, Session } from '../api/types';

export type SessionState =
  | { status: 'starting' }
  | { status: 'anonymous' }
  | { status: 'signedIn'; account: Account }
  /** The session ended by itself; the page keeps its step until the same person signs in again. */
  | { status: 'expired'; account: Account };

/** What the session asks of the gateway. */
export interface AuthApi {
  login(email: string, password: string): Promise<Session>;
  refresh(): Promise<Session>;
  logout(token: string, everywhere: boolean): Promise<void>;
}

/** What the session asks of the browser. */
export interface SessionSeams {
  api: AuthApi;
  /** Runs the task while no other tab runs one. */
  exclusive<T>(task: () => Promise<T>): Promise<T>;
  /** To and from the other tabs. */
  channel: { postMessage(message: TabMessage): void; onmessage: ((event: MessageEvent<TabMessage>) => void) | null };
  /** Whether somebody was signed in when the application was last used; no secret. */
  hint: { get(): boolean; set(value: boolean): void };
  now(): number;
}

export type TabMessage = { kind: 'session'; session: Session } | { kind: 'ended' };

/** A token with less time left than this is refreshed before it is used. */
const FRESH_MS = 30_000;

interface Access {
  token: string;
  until: number;
}

export class SessionService {
  private state: SessionState = { status: 'starting' };
  private access: Access | null = null;
  private refreshing: Promise<string | null> | null = null;
  private readonly listeners = new Set<() => void>();

  constructor(private readonly seams: SessionSeams) {
    seams.channel.onmessage = ({ data }) => {
      if (data.kind === 'session') this.adopt(data.session);
      else this.end({ status: 'anonymous' });
    };
  }

  readonly current = (): SessionState => this.state;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  /** Takes up the session of earlier, if there was one. */
  async start(): Promise<void> {
    if (this.state.status !== 'starting') return;
    if (!this.seams.hint.get()) return this.change({ status: 'anonymous' });
    await this.refresh().catch(() => null);
    if (this.current().status === 'starting') this.change({ status: 'anonymous' });
  }

  async login(email: string, password: string): Promise<Account> {
    const session = await this.seams.exclusive(() => this.seams.api.login(email, password));
    this.adopt(session);
    this.seams.channel.postMessage({ kind: 'session', session });
    return session.user;
  }

  /** Signs out here, or on every device. Throws `Problem` when the gateway could not be told. */
  async logout(everywhere: boolean): Promise<void> {
    const token = await this.token();
    if (token !== null) {
      await this.seams.api.logout(token, everywhere).catch((error: unknown) => {
        if (problemFrom(error).status !== 401) throw error;
      });
    }
    this.end({ status: 'anonymous' });
    this.seams.channel.postMessage({ kind: 'ended' });
  }

  /** Forgets a session that ended by itself. */
  readonly abandon = (): void => this.end({ status: 'anonymous' });

  /** A token good for the next request; null when nobody is signed in. */
  async token(): Promise<string | null> {
    if (this.state.status !== 'signedIn') return null;
    return this.isFresh() && this.access ? this.access.token : this.refresh();
  }

  /**
   * A token newer than `spent`; null when the session has ended. Throws `Problem` when nobody could be asked.
   */
  refresh(spent?: string): Promise<string | null> {
    this.refreshing ??= this.seams
      .exclusive(() => this.rotate(spent))
      .finally(() => {
        this.refreshing = null;
      });
    return this.refreshing;
  }

  /** The session ended by itself, as a request or the live connection tells. */
  readonly expire = (): void => {
    if (this.state.status === 'signedIn') this.end({ status: 'expired', account: this.state.account });
  };

  private async rotate(spent: string | undefined): Promise<string | null> {
    // Another tab may have refreshed while this one waited for its turn.
    if (this.access && this.access.token !== spent && this.isFresh()) return this.access.token;
    // It was found out meanwhile that the session has ended: asking again would only make the page forget whose it was.
    if (this.state.status === 'expired' || this.state.status === 'anonymous') return null;
    try {
      const session = await this.seams.api.refresh();
      this.adopt(session);
      this.seams.channel.postMessage({ kind: 'session', session });
      return session.access_token;
    } catch (error) {
      if (problemFrom(error).status !== 401) throw error;
      if (this.state.status === 'starting') this.end({ status: 'anonymous' });
      else this.expire();
      return null;
    }
  }

  private isFresh(): boolean {
    return this.access !== null && this.access.until - this.seams.now() > FRESH_MS;
  }

  private adopt(session: Session): void {
    this.access = { token: session.access_token, until: Date.parse(session.expires_at) };
    this.seams.hint.set(true);
    const known = this.state.status === 'signedIn' && this.state.account.id === session.user.id;
    if (!known) this.change({ status: 'signedIn', account: session.user });
  }

  private end(state: SessionState): void {
    this.access = null;
    this.seams.hint.set(false);
    this.change(state);
  }

  private change(state: SessionState): void {
    this.state = state;
    for (const listener of this.listeners) listener();
  }
}
