import { describe, expect, it } from 'vitest';
import type { ElectionListItem, ElectionResult } from '../api/types';
import { reduceBoard, reduceElections, reduceMe, reduceResult, withLive } from './live';

const item = { id: 'e1', title: 'T', description: '', start_date: '', end_date: '', hasVoted: true, eligible: true, phase: 'open', roll_size: 3, voted: 1 } as ElectionListItem;

describe('live figures', () => {
  it('lays phase and turnout over a list and keeps what is the caller’s', () => {
    let live = reduceElections(undefined, { kind: 'snapshot', data: { elections: [{ id: 'e1', phase: 'open', voted: 1, roll_size: 3 }] } });
    live = reduceElections(live, { kind: 'event', type: 'turnout', data: { election_id: 'e1', voted: 2, roll_size: 3 } });
    live = reduceElections(live, { kind: 'event', type: 'phase', data: { election_id: 'e1', phase: 'closed' } });
    expect(withLive([item], live)).toEqual([{ ...item, phase: 'closed', voted: 2 }]);
    expect(withLive([item], undefined)).toEqual([item]);
  });

  it('puts a tally into the result in the order of the votes', () => {
    const option = (id: string, votes: number) => ({ id, contest: 0, name: id, votes, elected: false, seats: 0 });
    const result = { total_votes: 1, contests: [{ ballots: 1, options: [option('0-0', 1), option('0-1', 0)] }] } as unknown as ElectionResult;
    const state = reduceResult(undefined, { kind: 'snapshot', data: result });
    const tally = { total_votes: 3, contests: [{ ballots: 3, weight: 3, blank: 0, undervotes: 0, votes: [1, 2] }] };
    const next = reduceResult(state, { kind: 'event', type: 'tally', data: tally });
    expect(next.total_votes).toBe(3);
    expect(next.contests[0]?.options.map(({ id, votes }) => [id, votes])).toEqual([['0-1', 2], ['0-0', 1]]);
    expect(next.candidates).toHaveLength(2);
  });

  it('adds ballots to the list, and own ones by election', () => {
    const ballot = (ballot_hash: string) => ({ position: '1.0', at: '', ballot_hash, code: '' });
    const board = reduceBoard({ total: 9, ballots: [ballot('a')] }, { kind: 'event', type: 'ballots', data: { ballots: [ballot('b')] } });
    expect(board).toMatchObject({ total: 10, ballots: [{ ballot_hash: 'a' }, { ballot_hash: 'b' }] });
    const own = reduceMe([{ election_id: 'e1', ballot_hash: 'a', code: '' }], { kind: 'event', type: 'voted', data: { election_id: 'e1', ballot_hash: 'b', code: '' } });
    expect(own).toEqual([{ election_id: 'e1', ballot_hash: 'b', code: '' }]);
  });
});
