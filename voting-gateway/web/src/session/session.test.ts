import { describe, expect, it } from 'vitest';
import { Problem } from '../api/problem';
import type { Session } from '../api/types';
import { SessionService, type SessionSeams, type TabMessage } from './session';

const user = { id: 'a1', email: 'alice@example.com', name: 'Alice', roles: ['voter'] };
const NOW = Date.parse('2030-01-01T12:00:00Z');
const session = (n: number, minutes = 10): Session => ({
  access_token: `token-${n}`,
  expires_at: new Date(NOW + minutes * 60_000).toISOString(),
  user,
});

/** A gateway whose refresh token is spent by using it, shared by tabs as a cookie is. */
class Gateway {
  issued = 0;
  spent = new Set<number>();
  cookie = 0;
  ended = false;
  refreshes = 0;
  offline = false;

  login = async (): Promise<Session> => {
    this.cookie = ++this.issued;
    return session(this.issued);
  };
  refresh = async (): Promise<Session> => {
    this.refreshes++;
    const used = this.cookie;
    await Promise.resolve();
    if (this.offline) throw new Problem({ code: 'network', status: 0 });
    if (this.ended || this.spent.has(used)) {
      this.ended = true;
      throw new Problem({ code: 'refresh_reused', status: 401 });
    }
    this.spent.add(used);
    this.cookie = ++this.issued;
    return session(this.issued);
  };
  logout = async (): Promise<void> => {
    this.ended = true;
  };
}

/** Tabs of one browser: one cookie, one lock, one channel, one hint. */
function browser(gateway: Gateway) {
  let hinted = false;
  let clock = NOW;
  let queue: Promise<unknown> = Promise.resolve();
  const channels: SessionSeams['channel'][] = [];
  const tab = (): SessionService => {
    const channel: SessionSeams['channel'] = {
      onmessage: null,
      postMessage(message: TabMessage) {
        for (const other of channels) {
          if (other !== channel) other.onmessage?.({ data: message } as MessageEvent<TabMessage>);
        }
      },
    };
    channels.push(channel);
    return new SessionService({
      api: gateway,
      channel,
      hint: { get: () => hinted, set: (value) => void (hinted = value) },
      now: () => clock,
      exclusive: (task) => {
        const turn = queue.then(task);
        queue = turn.catch(() => null);
        return turn;
      },
    });
  };
  return { tab, later: (ms: number) => void (clock += ms), hinted: () => hinted };
}

describe('session', () => {
  it('asks nobody when nobody was signed in', async () => {
    const gateway = new Gateway();
    const tab = browser(gateway).tab();
    await tab.start();
    expect(tab.current()).toEqual({ status: 'anonymous' });
    expect(gateway.refreshes).toBe(0);
  });

  it('refreshes once for many requests of a tab', async () => {
    const gateway = new Gateway();
    const { tab, later } = browser(gateway);
    const one = tab();
    await one.start();
    await one.login('alice@example.com', 'alicepass');
    expect(await one.token()).toBe('token-1');
    later(9.9 * 60_000);
    const tokens = await Promise.all([one.token(), one.token(), one.refresh('token-1')]);
    expect(new Set(tokens)).toEqual(new Set(['token-2']));
    expect(gateway.refreshes).toBe(1);
  });

  it('never spends a refresh token twice across three tabs', async () => {
    const gateway = new Gateway();
    const { tab, later } = browser(gateway);
    const tabs = [tab(), tab(), tab()];
    await Promise.all(tabs.map((one) => one.start()));
    await tabs[0]?.login('alice@example.com', 'alicepass');
    later(11 * 60_000);
    // The new tokens of this gateway have ended by then as well, so every tab refreshes in its turn.
    await Promise.all(tabs.map((one) => one.token()));
    expect(gateway.ended).toBe(false);
    expect(tabs.map((one) => one.current().status)).toEqual(['signedIn', 'signedIn', 'signedIn']);
  });

  it('takes the token that another tab got while it waited', async () => {
    const gateway = new Gateway();
    const { tab } = browser(gateway);
    const [one, two] = [tab(), tab()];
    await Promise.all([one.start(), two.start()]);
    await one.login('alice@example.com', 'alicepass');
    expect(await Promise.all([one.refresh('token-1'), two.refresh('token-1')])).toEqual(['token-2', 'token-2']);
    expect(gateway.refreshes).toBe(1);
  });

  it('takes up the session of earlier', async () => {
    const gateway = new Gateway();
    const { tab } = browser(gateway);
    const first = tab();
    await first.start();
    await first.login('alice@example.com', 'alicepass');
    const second = tab();
    await second.start();
    expect(second.current()).toEqual({ status: 'signedIn', account: user });
  });

  it('keeps who it was when the session ends by itself', async () => {
    const gateway = new Gateway();
    const { tab, hinted } = browser(gateway);
    const one = tab();
    await one.start();
    await one.login('alice@example.com', 'alicepass');
    gateway.ended = true;
    expect(await one.refresh('token-1')).toBeNull();
    expect(one.current()).toEqual({ status: 'expired', account: user });
    expect(hinted()).toBe(false);
    // The answer to a request that was under way tells of it a second time.
    const asked = gateway.refreshes;
    expect(await one.refresh('token-1')).toBeNull();
    expect(one.current()).toEqual({ status: 'expired', account: user });
    expect(gateway.refreshes).toBe(asked);
  });

  it('stays signed in while nobody can be asked', async () => {
    const gateway = new Gateway();
    const one = browser(gateway).tab();
    await one.start();
    await one.login('alice@example.com', 'alicepass');
    gateway.offline = true;
    await expect(one.refresh('token-1')).rejects.toMatchObject({ code: 'network' });
    expect(one.current().status).toBe('signedIn');
  });

  it('signs every tab out', async () => {
    const gateway = new Gateway();
    const { tab } = browser(gateway);
    const [one, two] = [tab(), tab()];
    await Promise.all([one.start(), two.start()]);
    await one.login('alice@example.com', 'alicepass');
    expect(two.current().status).toBe('signedIn');
    await two.logout(true);
    expect(one.current()).toEqual({ status: 'anonymous' });
    expect(await one.token()).toBeNull();
  });
});
