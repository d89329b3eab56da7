import { describe, expect, it } from 'vitest';
import { nextOf } from './AdminList';

describe('what the list of elections asks an administrator for', () => {
  it.each([
    ['draft', 'edit', 'edit'],
    ['ready', 'manage', 'manage'],
    ['open', 'manage', 'manage'],
    ['closed', 'certify', 'manage'],
    ['tallied', 'publish', 'publish'],
    ['published', 'manage', 'manage'],
  ])('in phase %s is %s, and where ballots are sealed %s', (phase, open, sealed) => {
    expect(nextOf({ phase, secrecy: 'open' })).toBe(open);
    expect(nextOf({ phase, secrecy: 'sealed' })).toBe(sealed);
  });
});
