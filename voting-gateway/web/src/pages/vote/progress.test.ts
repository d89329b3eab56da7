import { describe, expect, it } from 'vitest';
import type { Receipt } from '../../api/types';
import type { ReceiptCheck, SealedBallot } from '../../ballot';
import type { LiveMessage } from '../../services/live';
import type { CastState } from './cast';
import { ballotChannel, isOnItsWay, progressOf, reduceBallot, type BallotNews } from './progress';

const authorities = ['a', 'b', 'c', 'd'];
const frame = (stage: string, agreed: string[], more: object = {}): LiveMessage => ({
  kind: 'event',
  type: 'progress',
  data: { ballot_hash: 'aa', stage, agreed, authorities, quorum: 3, ...more },
});
const heard = (...frames: LiveMessage[]): BallotNews | null => frames.reduce<BallotNews | null>((state, message) => reduceBallot('aa', state, message), null);

const ballot = { hash: 'aa' } as SealedBallot;
const receipt = {} as Receipt;
const sending: CastState = { at: 'sending', ballot, received: false, slow: false };
const verifying: CastState = { at: 'verifying', ballot, receipt };
const recorded: CastState = { at: 'recorded', ballot, receipt, check: { signers: ['a', 'c', 'd'], authorities, quorum: 3 } as ReceiptCheck };
const usual = { all: 7, quorum: 5 };

describe('the progress of a ballot', () => {
  it('fills as authorities come to hold it', () => {
    const frames = [frame('unknown', []), frame('pending', ['b']), frame('pending', ['b', 'a'])];
    const shown = frames.map((_, count) => progressOf(sending, heard(...frames.slice(0, count + 1)), usual));
    expect(shown.map(({ agreed, all, quorum }) => [agreed, all, quorum])).toEqual([[0, 4, 3], [1, 4, 3], [2, 4, 3]]);
    expect(shown.map(({ stages }) => stages)).toEqual([
      ['done', 'now', 'later', 'later'],
      ['done', 'done', 'now', 'later'],
      ['done', 'done', 'now', 'later'],
    ]);
  });

  it('never goes back, whatever comes later', () => {
    const news = heard(frame('pending', ['a', 'b']), frame('pending', ['c']), frame('unknown', []), { kind: 'snapshot', data: frame('pending', []).data });
    expect(news).toMatchObject({ received: true, final: false, agreed: ['a', 'b', 'c'] });
    const done = heard(frame('final', []), frame('pending', ['a']));
    expect(progressOf(sending, done, usual)).toMatchObject({ agreed: 3 });
  });

  it('is not recorded when a quorum agrees, nor when the gateway says that it is final', () => {
    for (const news of [heard(frame('pending', ['a', 'b', 'c', 'd'])), heard(frame('final', []))]) {
      expect(progressOf(sending, news, usual).stages).toEqual(['done', 'done', 'done', 'now']);
    }
    expect(progressOf(verifying, heard(frame('pending', authorities)), usual)).toMatchObject({ agreed: 4, stages: ['done', 'done', 'done', 'now'] });
  });

  it('ends with those who signed', () => {
    expect(progressOf(recorded, heard(frame('pending', authorities)), usual)).toEqual({ stages: ['done', 'done', 'done', 'done'], agreed: 3, all: 4, quorum: 3 });
  });

  it('goes on without the channel', () => {
    expect(progressOf(sending, null, usual)).toEqual({ stages: ['done', 'now', 'later', 'later'], agreed: 0, all: 7, quorum: 5 });
    expect(progressOf({ ...sending, received: true }, undefined, usual).stages).toEqual(['done', 'done', 'now', 'later']);
    expect(progressOf(verifying, undefined, usual)).toMatchObject({ agreed: 5, all: 7 });
  });

  it('takes nothing from frames about another ballot, or that say something else', () => {
    const before = heard(frame('pending', ['a']));
    for (const data of [null, 'pending', {}, frame('pending', ['b'], { ballot_hash: 'bb' }).data, frame('pending', ['b'], { quorum: '3' }).data, { ...(frame('pending', []).data as object), agreed: [7] }]) {
      expect(reduceBallot('aa', before, { kind: 'event', type: 'progress', data })).toBe(before);
      expect(reduceBallot('aa', undefined, { kind: 'snapshot', data })).toBeNull();
    }
    // Nobody counts who is no authority.
    expect(heard(frame('pending', ['a', 'x']))?.agreed).toEqual(['a']);
  });

  it('is asked for until the outcome', () => {
    expect(ballotChannel('aa')).toBe('ballot:aa');
    expect([sending, verifying].every(isOnItsWay)).toBe(true);
    const unknown: CastState = { at: 'unknown', ballot, checking: false, problem: null };
    expect(isOnItsWay(unknown)).toBe(true);
    expect([recorded, { at: 'idle' } as CastState, { at: 'sealed', ballot } as CastState].some(isOnItsWay)).toBe(false);
  });
});
