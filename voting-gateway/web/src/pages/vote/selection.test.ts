import { describe, expect, it } from 'vitest';
import type { Contest } from '../../api/types';
import { append, EMPTY, issueOf, move, place, score, selectionOf, share, toggle, unrank } from './selection';

const contest = (fields: Partial<Contest>): Contest => ({
  title: 'Q',
  method: 'plurality',
  seats: 1,
  min: 1,
  max: 1,
  allow_blank: true,
  max_score: 0,
  thresholds: { majority: 'most-votes', quorum_percent: 0 },
  withdrawn: [],
  options: ['a', 'b', 'c', 'd'].map((name) => ({ name, description: '' })),
  ...fields,
});

describe('selections', () => {
  it('changes the one mark, and takes no mark too many', () => {
    const one = contest({});
    expect(toggle(one, toggle(one, EMPTY, 0), 2).marks).toEqual([2]);
    const two = contest({ max: 2 });
    const full = toggle(two, toggle(two, EMPTY, 3), 1);
    expect(toggle(two, full, 0)).toBe(full);
    expect(selectionOf(two, full)).toEqual({ marks: [1, 3] });
    expect(toggle(two, full, 3).marks).toEqual([1]);
  });

  it('is blank when nothing is named, where that is allowed', () => {
    expect(selectionOf(contest({}), EMPTY)).toBe('blank');
    expect(issueOf(contest({}), EMPTY)).toBeNull();
    expect(issueOf(contest({ allow_blank: false }), EMPTY)).toBe('choose');
    expect(issueOf(contest({ min: 2, max: 3 }), { ...EMPTY, marks: [0] })).toBe('tooFew');
  });

  it('scores with 0 being a score', () => {
    const scored = contest({ method: 'score', max: 4, max_score: 5 });
    const draft = score(scored, score(scored, EMPTY, 2, 0), 0, 5);
    expect(selectionOf(scored, draft)).toEqual({ scores: [[0, 5], [2, 0]] });
    expect(selectionOf(scored, score(scored, score(scored, draft, 2, null), 0, null))).toBe('blank');
  });

  it('ranks, moves, shares', () => {
    const ranked = contest({ method: 'schulze', max: 4 });
    const three = [2, 0, 1].reduce((draft, option) => append(ranked, draft, option), EMPTY);
    expect(three.ranking).toEqual([[2], [0], [1]]);
    expect(move(three, 0, -1).ranking).toEqual([[0], [2], [1]]);
    expect(move(three, 0, 1).ranking).toEqual([[2], [1], [0]]);
    expect(move(three, 2, -1)).toBe(three);
    expect(place(three, 1, 1).ranking).toEqual([[1], [2], [0]]);
    const shared = share(three, 1, 2);
    expect(shared.ranking).toEqual([[1, 2], [0]]);
    expect(move(shared, 2, -1).ranking).toEqual([[2], [1], [0]]);
    expect(move(shared, 2, 1).ranking).toEqual([[1], [2], [0]]);
    expect(unrank(shared, 0).ranking).toEqual([[1, 2]]);
    expect(selectionOf(ranked, shared)).toEqual({ ranking: [[1, 2], [0]] });
  });

  it('forgets other forms when one is used', () => {
    const one = contest({});
    expect(toggle(one, { ...EMPTY, blank: true }, 1)).toEqual({ ...EMPTY, marks: [1] });
  });
});
