import { describe, expect, it } from 'vitest';
import { Problem, problemFrom, problemOf, retrySeconds } from './problem';

const answer = (status: number, headers: Record<string, string> = {}) => new Response(null, { status, headers });

describe('problems', () => {
  it('reads what the gateway says', () => {
    const problem = problemOf(answer(409, { 'x-request-id': 'r1' }), {
      code: 'already_voted',
      title: 'Conflicts with what is there',
      detail: 'a ballot of this voter counts',
      recorded_at: '2030-01-01T00:00:00Z',
      ballot_hash: 'ab',
    });
    expect(problem).toMatchObject({ code: 'already_voted', status: 409, requestId: 'r1', ballotHash: 'ab', isPassing: false });
    expect(problem.recordedAt).toBe('2030-01-01T00:00:00Z');
  });

  it('makes something of an answer that is none of ours', () => {
    expect(problemOf(answer(502), '<html>')).toMatchObject({ code: 'not_understood', status: 502, isPassing: true });
    expect(problemOf(answer(500), { code: 7 })).toMatchObject({ code: 'not_understood' });
    expect(problemOf(answer(500), null).lines).toEqual([]);
  });

  it('knows that no answer means unknown', () => {
    expect(problemFrom(new TypeError('Failed to fetch'))).toMatchObject({ code: 'network', isUnanswered: true });
    expect(problemFrom(new DOMException('late', 'TimeoutError'))).toMatchObject({ code: 'timed_out', isUnanswered: true });
    const known = new Problem({ code: 'x', status: 400 });
    expect(problemFrom(known)).toBe(known);
  });

  it('reads both forms of Retry-After', () => {
    expect(retrySeconds('60')).toBe(60);
    expect(retrySeconds('Tue, 01 Jan 2030 00:00:05 GMT', Date.parse('2030-01-01T00:00:00Z'))).toBe(5);
    expect(retrySeconds('soon')).toBeUndefined();
    expect(retrySeconds(null)).toBeUndefined();
  });
});
