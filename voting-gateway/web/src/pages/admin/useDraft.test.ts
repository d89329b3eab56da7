import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { act, createElement } from 'react';
import { createRoot } from 'react-dom/client';
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import type { Election } from '../../api/types';
import { useDraft, type DraftState } from './useDraft';

vi.stubGlobal('IS_REACT_ACT_ENVIRONMENT', true);

const DAY = 86_400_000;
const at = (days: number): string => new Date(Math.floor((Date.now() + days * DAY) / DAY) * DAY).toISOString();
const contest = {
  title: 'Who?',
  method: 'plurality',
  options: [{ name: 'Ada' }, { name: 'Bob' }],
  seats: 1,
  min: 1,
  max: 1,
  allow_blank: true,
  max_score: 0,
  thresholds: { majority: 'most-votes', quorum_percent: 0 },
  withdrawn: [],
};
const election = (title: string, context: string): Election =>
  ({ id: 'e1', title, description: '', context, phase: 'draft', contests: [contest], start_date: at(2), end_date: at(4), timing: 'fixed', results: 'voters', revote: 'first-counts' }) as unknown as Election;

/** A gateway with one draft, which it replaces only for whoever names its context. */
function startGateway(title: string) {
  const gateway = { draft: election(title, 'c0'), asked: [] as (string | null)[], saves: 0 };
  const json = (status: number, body: unknown) => new Response(JSON.stringify(body), { status, headers: { 'content-type': 'application/json' } });
  vi.stubGlobal('fetch', async (request: Request) => {
    if (request.url.includes('/auth/')) return json(401, { code: 'not_signed_in' });
    if (request.method === 'GET') return json(200, gateway.draft);
    gateway.asked.push(request.headers.get('if-match'));
    if (request.headers.get('if-match') !== `"${gateway.draft.context}"`) return json(412, { code: 'changed_meanwhile' });
    const { title: saved } = (await request.json()) as { title: string };
    gateway.draft = election(saved, `c${++gateway.saves}`);
    return json(200, gateway.draft);
  });
  return gateway;
}

function open(start: Election) {
  const shown = {} as { state: DraftState };
  function Probe() {
    shown.state = useDraft(start, undefined);
    return null;
  }
  const root = createRoot(document.createElement('div'));
  onTestFinished(() => act(() => root.unmount()));
  const client = new QueryClient();
  act(() => root.render(createElement(QueryClientProvider, { client }, createElement(Probe))));
  const does = (task: (state: DraftState) => unknown) => act(async () => void (await Promise.resolve(task(shown.state)).catch(() => undefined)));
  return { shown, does, client };
}

describe('a draft', () => {
  let gateway: ReturnType<typeof startGateway>;
  beforeEach(() => {
    gateway = startGateway('First');
  });

  it('is replaced under the context that it was loaded with, and then under the new one', async () => {
    const { shown, does } = open(gateway.draft);
    for (const title of ['Second', 'Third']) {
      await does((state) => state.change({ title }));
      await does((state) => state.save());
      expect(shown.state).toMatchObject({ isDirty: false, isOvertaken: false, problem: null });
    }
    expect(gateway.asked).toEqual(['"c0"', '"c1"']);
    expect(gateway.draft.title).toBe('Third');
  });

  /** Somebody else saves after the draft was loaded; then this one tries. */
  async function overtaken() {
    const opened = open(gateway.draft);
    gateway.draft = election('Theirs', 'c9');
    await opened.does((state) => state.change({ title: 'Mine' }));
    await opened.does((state) => state.save());
    return opened;
  }

  it('is not replaced where somebody else was faster', async () => {
    const { shown, does } = await overtaken();
    expect(shown.state).toMatchObject({ isOvertaken: true, isDirty: true, problem: null });
    expect(gateway.draft.title).toBe('Theirs');
    await does((state) => state.leaveOpen());
    expect(shown.state).toMatchObject({ isOvertaken: false, isDirty: true });
    expect(shown.state.draft.title).toBe('Mine');
  });

  it('becomes theirs on request, and can be saved again', async () => {
    const { shown, does, client } = await overtaken();
    await does((state) => state.loadTheirs());
    expect(shown.state).toMatchObject({ isOvertaken: false, isDirty: false });
    expect(shown.state.draft.title).toBe('Theirs');
    expect(client.getQueryData(['draft', 'e1'])).toMatchObject({ context: 'c9' });
    await does((state) => state.change({ title: 'Both' }));
    await does((state) => state.save());
    expect(gateway.draft.title).toBe('Both');
  });

  it('replaces theirs on request, under their context', async () => {
    const { shown, does } = await overtaken();
    await does((state) => state.keepMine());
    expect(gateway.asked).toEqual(['"c0"', '"c9"']);
    expect(gateway.draft.title).toBe('Mine');
    expect(shown.state).toMatchObject({ isOvertaken: false, isDirty: false });
  });

  it('asks again where a third was faster still', async () => {
    const { shown, does } = await overtaken();
    const answer = fetch;
    vi.stubGlobal('fetch', async (request: Request) => {
      const before = gateway.draft;
      if (request.method === 'PUT') gateway.draft = election('A third', 'c10');
      const response = await answer(request);
      expect(before.context).not.toBe('c10');
      return response;
    });
    await does((state) => state.keepMine());
    expect(shown.state).toMatchObject({ isOvertaken: true, isDirty: true });
    expect(gateway.draft.title).toBe('A third');
  });

  it('stays as it is where theirs cannot be had', async () => {
    const { shown, does } = await overtaken();
    vi.stubGlobal('fetch', () => Promise.reject(new TypeError('Failed to fetch')));
    await does((state) => state.loadTheirs());
    expect(shown.state).toMatchObject({ isOvertaken: false, isDirty: true, problem: { code: 'network' } });
    expect(shown.state.draft.title).toBe('Mine');
  });
});
