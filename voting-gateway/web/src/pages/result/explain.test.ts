import { describe, expect, it } from 'vitest';
import type { ContestResult, Pairs, Tie } from '../../api/types';
import { kindOf, leftOut, pickedIn, roundOf, taken } from './explain';

/** 0 beats 1, 1 beats 2, 2 beats 0, equally clearly; two of them are taken. */
const CIRCLE: Pairs = { preferences: [[0, 6, 3], [3, 0, 6], [6, 3, 0]], paths: [], locked: [[0, 1], [1, 2]] };
const tie = (news: Partial<Tie> = {}): Tie => ({ round: 0, purpose: 'election', options: [0, 1, 2], picked: [0], by: 'lot', ...news });
const contest = (news: Partial<ContestResult>): ContestResult =>
  ({ method: 'plurality', rounds: [], options: [], ...news }) as unknown as ContestResult;
const option = (place: number, elected: boolean) => ({ id: `0-${place}`, elected }) as ContestResult['options'][number];

describe('ties', () => {
  it('of ranked pairs are about comparisons only where one of them won something', () => {
    expect(kindOf(contest({ method: 'ranked-pairs', pairs: CIRCLE }), tie())).toBe('pair');
    const level: Pairs = { preferences: [[0, 2, 5], [2, 0, 5], [1, 1, 0]], paths: [], locked: [[0, 2], [1, 2]] };
    expect(kindOf(contest({ method: 'ranked-pairs', pairs: level }), tie({ options: [0, 1] }))).toBe('election');
    expect(kindOf(contest({ method: 'schulze', pairs: { ...CIRCLE, locked: [] } }), tie())).toBe('election');
  });

  it('of lists are about a seat, others about what they say', () => {
    expect(kindOf(contest({ method: 'dhondt' }), tie())).toBe('seat');
    for (const purpose of ['exclusion', 'surplus', 'order']) expect(kindOf(contest({}), tie({ purpose }))).toBe(purpose);
  });

  it('name those whom the drawn order elected', () => {
    const drawn = tie({ picked: [2, 0, 1] });
    expect(pickedIn(contest({ options: [option(2, true), option(0, false), option(1, false)] }), drawn)).toEqual([2]);
    expect(pickedIn(contest({ options: [option(2, false)] }), drawn)).toEqual([2, 0, 1]);
    expect(pickedIn(contest({ options: [option(2, true)] }), { ...drawn, purpose: 'order' })).toEqual([2, 0, 1]);
    const twelve = tie({ options: [2, 12], picked: [2] });
    expect(pickedIn(contest({ options: [option(12, true), option(2, false)] }), twelve)).toEqual([2]);
  });

  it('have a step only where the count has steps', () => {
    const round = { step: 'first' } as ContestResult['rounds'][number];
    expect(roundOf(contest({ rounds: [round, round] }), tie({ round: 1 }))).toBe(2);
    expect(roundOf(contest({ rounds: [] }), tie())).toBeNull();
  });
});

it('a comparison that was won and not taken is left out', () => {
  expect(taken(CIRCLE)).toEqual([[0, 1], [1, 2]]);
  expect(leftOut(CIRCLE)).toEqual([[2, 0]]);
});
