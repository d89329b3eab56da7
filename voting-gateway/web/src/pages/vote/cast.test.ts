import { describe, expect, it } from 'vitest';
import { Problem } from '../../api/problem';
import type { BallotStatus, Receipt } from '../../api/types';
import type { ReceiptCheck, SealedBallot } from '../../ballot';
import { isCast, isUnderWay, step, type CastEvent, type CastState, type Effect } from './cast';

const ballot = { hash: 'aa', electionId: 'e1', bytes: new Uint8Array([1]) } as SealedBallot;
const receipt = { ballot_hash: 'aa', election_id: 'e1', proof: 'p' } as Receipt;
const check = { verdict: 'recorded', ballotHash: 'aa', electionId: 'e1' } as ReceiptCheck;
const offline = new Problem({ code: 'network', status: 0 });
const status = (word: string): BallotStatus => ({ ballot_hash: 'aa', code: 'c', status: word });

function run(events: CastEvent[], from: CastState = { at: 'idle' }): { state: CastState; effects: Effect['do'][] } {
  let state = from;
  const effects: Effect['do'][] = [];
  for (const event of events) {
    const [next, done] = step(state, event);
    state = next;
    effects.push(...done.map((effect) => effect.do));
  }
  return { state, effects };
}

const sealed: CastEvent[] = [{ type: 'review' }, { type: 'sealed', ballot }];
const confirmed: CastEvent[] = [...sealed, { type: 'ask' }, { type: 'confirm' }];

describe('casting', () => {
  it('goes from review to recorded', () => {
    const { state, effects } = run([...confirmed, { type: 'answered', cast: { outcome: 'recorded', receipt } }, { type: 'verified', check }]);
    expect(state.at).toBe('recorded');
    expect(effects).toEqual(['seal', 'forget', 'save', 'announce', 'send', 'announce', 'verify', 'keepReceipt', 'clear', 'announce']);
  });

  it('sends nothing without the decision', () => {
    const without: CastEvent[][] = [
      [...sealed, { type: 'confirm' }],
      [...sealed, { type: 'ask' }, { type: 'goBack' }, { type: 'confirm' }],
      [...sealed, { type: 'ask' }, { type: 'edit' }, { type: 'confirm' }],
      [{ type: 'confirm' }],
    ];
    for (const events of without) expect(run(events).effects).not.toContain('send');
  });

  it('never sends a ballot whose seal was tested', () => {
    const asking: CastEvent[] = [...sealed, { type: 'ask' }];
    const opened: CastEvent[] = [...asking, { type: 'test' }, { type: 'opened', tested: { held: [], holds: true } }];
    expect(run(opened)).toMatchObject({ state: { at: 'tested' }, effects: ['seal', 'open'] });
    const failing: CastEvent[] = [...asking, { type: 'test' }, { type: 'openFailed', problem: offline }];
    for (const before of [opened, failing, [...asking, { type: 'test' } as CastEvent]]) {
      for (const type of ['confirm', 'ask', 'goBack', 'checkAgain', 'review'] as const) {
        const { state, effects } = run([...before, { type }, { type: 'confirm' }]);
        expect(effects).not.toContain('send');
        expect(['opening', 'tested']).toContain(state.at);
      }
    }
    // Only another ballot can be cast.
    const again = run([...opened, { type: 'again' }, { type: 'sealed', ballot }, { type: 'ask' }, { type: 'confirm' }]);
    expect(again.effects).toEqual(['seal', 'open', 'seal', 'forget', 'save', 'announce', 'send']);
    expect(run([...failing, { type: 'test' }]).effects).toEqual(['seal', 'open', 'open']);
    expect(run([...asking, { type: 'test' }, { type: 'test' }]).effects).toEqual(['seal', 'open']);
  });

  it('sends once however often one presses', () => {
    const { effects } = run([...confirmed, { type: 'confirm' }, { type: 'confirm' }, { type: 'ask' }, { type: 'confirm' }]);
    expect(effects.filter((effect) => effect === 'send')).toHaveLength(1);
  });

  it('does not know without an answer, and asks before it sends the same bytes again', () => {
    const { state } = run([...confirmed, { type: 'sendFailed', problem: offline }]);
    expect(state).toMatchObject({ at: 'unknown', checking: false });
    expect(run([{ type: 'checkAgain' }, { type: 'checkAgain' }], state).effects).toEqual(['askStatus']);
    const again = run([{ type: 'checkAgain' }, { type: 'status', status: status('unknown') }], state);
    expect(again.effects).toEqual(['askStatus', 'send']);
    expect(again.state).toMatchObject({ at: 'sending', ballot });
    expect(run([{ type: 'checkAgain' }, { type: 'status', status: status('final') }], state).effects).toEqual(['askStatus', 'fetchReceipt']);
    expect(run([{ type: 'checkAgain' }, { type: 'statusFailed', problem: offline }], state).state).toMatchObject({ at: 'unknown', checking: false });
  });

  it('takes a late answer for what it is', () => {
    const { state } = run([...confirmed, { type: 'late' }]);
    expect(state.at).toBe('unknown');
    expect(run([{ type: 'answered', cast: { outcome: 'recorded', receipt } }, { type: 'verified', check }], state).state.at).toBe('recorded');
  });

  it('tells refused from recorded before', () => {
    const conflict = (ballotHash: string) => new Problem({ code: 'already_voted', status: 409, ballotHash });
    expect(run([...confirmed, { type: 'sendFailed', problem: conflict('bb') }])).toMatchObject({ state: { at: 'refused' } });
    expect(run([...confirmed, { type: 'sendFailed', problem: conflict('aa') }]).effects.at(-1)).toBe('fetchReceipt');
    const refused = run([...confirmed, { type: 'status', status: { ...status('refused'), reason_code: 'just_closed' } }]);
    expect(refused.state).toMatchObject({ at: 'refused', problem: { code: 'just_closed' } });
    expect(refused.effects.at(-1)).toBe('clear');
  });

  it('believes no proof that does not hold', () => {
    const answered: CastEvent[] = [...confirmed, { type: 'answered', cast: { outcome: 'recorded', receipt } }];
    for (const bad of [{ ...check, verdict: 'invalid' }, { ...check, ballotHash: 'bb' }, { ...check, electionId: 'e2' }] as ReceiptCheck[]) {
      const { state, effects } = run([...answered, { type: 'verified', check: bad }]);
      expect(state.at).toBe('unproven');
      expect(effects).not.toContain('clear');
    }
  });

  it('takes up a ballot of before by asking first', () => {
    expect(run([{ type: 'resume', ballot }])).toMatchObject({ state: { at: 'unknown', checking: true }, effects: ['askStatus'] });
    expect(run([...sealed, { type: 'resume', ballot }]).state.at).toBe('sealed');
  });

  it('warns about leaving only while a ballot is under way', () => {
    expect(isUnderWay(run(sealed).state)).toBe(false);
    expect(isUnderWay(run(confirmed).state)).toBe(true);
    expect(isUnderWay(run([...confirmed, { type: 'late' }]).state)).toBe(false);
    expect(isCast(run([...confirmed, { type: 'late' }]).state)).toBe(true);
    expect(run([...confirmed, { type: 'edit' }]).state.at).toBe('sending');
  });
});
