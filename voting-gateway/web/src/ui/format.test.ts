import { describe, expect, it } from 'vitest';
import { formatDateTime, formatDecimal, formatRelative, formatShare, sameDay, shortHash } from './format';

describe('format', () => {
  it('keeps every digit of a decimal', () => {
    expect(formatDecimal('1234.50000', 'en')).toBe('1,234.50000');
    expect(formatDecimal('1234.5', 'de')).toBe('1.234,5');
    expect(formatDecimal('18446744073709551615', 'en')).toBe('18,446,744,073,709,551,615');
  });

  it('shares nothing of nothing', () => {
    expect(formatShare(0, 0, 'en')).toBe('0%');
    expect(formatShare(1, 3, 'en')).toBe('33.3%');
    expect(formatShare(2, 3, 'de').replace(/\s/, ' ')).toBe('66,7 %');
  });

  it('says how far away a moment is', () => {
    const now = Date.parse('2030-01-01T12:00:00Z');
    expect(formatRelative('2030-01-04T13:00:00Z', now, 'en')).toBe('in 3 days');
    expect(formatRelative('2030-01-01T10:00:00Z', now, 'en')).toBe('2 hours ago');
    expect(formatRelative('2030-01-01T12:00:20Z', now, 'en')).toBe('this minute');
  });

  it('knows when the zones disagree about the day', () => {
    expect(sameDay('2030-01-01T23:30:00Z', 'Europe/Berlin', 'UTC')).toBe(false);
    expect(sameDay('2030-01-01T12:30:00Z', 'Europe/Berlin', 'UTC')).toBe(true);
  });

  it('writes times in the zone asked for', () => {
    expect(formatDateTime('2030-01-01T23:30:00Z', 'en-GB', 'Europe/Berlin')).toContain('2 Jan 2030');
    expect(shortHash('0123456789abcdef0123456789abcdef')).toBe('01234567…89abcdef');
  });
});
