import { describe, expect, it } from 'vitest';
import { authority, statusOf } from './testing';
import { verdictOf } from './verdict';

describe('the verdict', () => {
  it('says how many may fail while all answer', () => {
    expect(verdictOf(statusOf(['alive', 'alive', 'alive', 'alive']))).toEqual({ kind: 'agree', tone: 'success', total: 4, spare: 1 });
    expect(verdictOf(statusOf(['alive']))).toEqual({ kind: 'agree', tone: 'success', total: 1, spare: 0 });
  });

  it.each(['suspect', 'down', 'unknown'] as const)('counts one that is %s as not answering', (health) => {
    expect(verdictOf(statusOf(['alive', 'alive', health, 'alive']))).toEqual({ kind: 'enough', tone: 'warning', alive: 3, total: 4, spare: 0 });
  });

  it('says what is missing below the quorum', () => {
    expect(verdictOf(statusOf(['alive', 'down', 'suspect', 'alive']))).toEqual({ kind: 'few', tone: 'danger', alive: 2, total: 4, quorum: 3 });
    expect(verdictOf(statusOf(['down', 'down', 'down', 'down']))).toEqual({ kind: 'none', tone: 'danger', total: 4, quorum: 3 });
  });

  it('does not take a gateway that has just started for a network that is down', () => {
    expect(verdictOf(statusOf(['unknown', 'unknown', 'unknown', 'unknown'])).kind).toBe('unheard');
  });

  it('names the authority that is furthest behind, but not for a block or two', () => {
    const network = (lag: number) => statusOf(['alive', 'alive'], 0, { authorities: [authority(0), authority(1, 'alive', { height: 10 - lag, lag, head: 'bb' })] });
    expect(verdictOf(network(2)).kind).toBe('agree');
    expect(verdictOf(network(50))).toEqual({ kind: 'behind', tone: 'warning', total: 2, name: 'authority-1', lag: 50 });
  });

  it('never calls it agreement when two hold different blocks at a height', () => {
    const forked = statusOf(['alive', 'alive'], 0, { authorities: [authority(0), authority(1, 'down', { head: 'bb' })] });
    expect(verdictOf(forked)).toEqual({ kind: 'fork', tone: 'danger', height: 10 });
  });
});
