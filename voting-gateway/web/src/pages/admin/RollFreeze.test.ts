import { describe, expect, it } from 'vitest';
import { canFreeze } from './RollFreeze';

describe('a roll can be frozen', () => {
  it('before voting begins, once somebody has a certified key, and once', () => {
    expect(['draft', 'ready', 'scheduled', 'open', 'closed', 'cancelled'].filter((phase) => canFreeze({ phase, certified: 1 }))).toEqual(['draft', 'ready', 'scheduled']);
    expect(canFreeze({ phase: 'ready', certified: 0 })).toBe(false);
    expect(canFreeze({ phase: 'ready', certified: 1, frozen_roll: '00' })).toBe(false);
  });
});
