/** Numbers and times as people of a language write them. Pure, so that they can be tested. */

export const formatNumber = (value: number, locale: string): string => new Intl.NumberFormat(locale).format(value);

/** A decimal that the API sends as text, with the locale's separators and every digit kept. */
export function formatDecimal(value: string, locale: string): string {
  const [whole = '0', fraction] = value.split('.');
  const parts = new Intl.NumberFormat(locale).formatToParts(1.5);
  const separator = parts.find((part) => part.type === 'decimal')?.value ?? '.';
  const grouped = new Intl.NumberFormat(locale).format(BigInt(whole));
  return fraction === undefined ? grouped : grouped + separator + fraction;
}

/** A part of a whole, with one decimal; nothing is a part of nothing. */
export function formatShare(part: number, whole: number, locale: string): string {
  const share = whole > 0 ? part / whole : 0;
  return new Intl.NumberFormat(locale, { style: 'percent', maximumFractionDigits: 1 }).format(share);
}

/** Digits to be compared by eye, four at a time. */
export const formatDigits = (digits: string): string => digits.match(/.{1,4}/g)?.join(' ') ?? '';

/** Names in a row, as a sentence has them. */
export const formatList = (names: string[], locale: string): string => new Intl.ListFormat(locale).format(names);

export function formatDateTime(iso: string, locale: string, timeZone?: string): string {
  return new Intl.DateTimeFormat(locale, {
    weekday: 'short',
    day: 'numeric',
    month: 'short',
    year: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    timeZone,
  }).format(new Date(iso));
}

/** The time of day alone, to the second: for figures that are a little old. */
export function formatClock(at: number, locale: string): string {
  return new Intl.DateTimeFormat(locale, { hour: '2-digit', minute: '2-digit', second: '2-digit' }).format(at);
}

/** Whether a date falls on the same day in both zones, so that the second one needs its time only. */
export function sameDay(iso: string, timeZone: string, other: string): boolean {
  const day = (zone: string) => new Date(iso).toLocaleDateString('en-CA', { timeZone: zone });
  return day(timeZone) === day(other);
}

export function formatTime(iso: string, locale: string, timeZone: string): string {
  return new Intl.DateTimeFormat(locale, { hour: '2-digit', minute: '2-digit', timeZone }).format(new Date(iso));
}

const UNITS: readonly [Intl.RelativeTimeFormatUnit, number][] = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
];

/** How far away a moment is, in the largest unit that fits: “in 3 days”, “2 hours ago”. */
export function formatRelative(iso: string, now: number, locale: string): string {
  const distance = Date.parse(iso) - now;
  const [unit, size] = UNITS.find(([, size]) => Math.abs(distance) >= size) ?? (['minute', 60_000] as const);
  return new Intl.RelativeTimeFormat(locale, { numeric: 'auto' }).format(Math.trunc(distance / size), unit);
}

export const localZone = (): string => Intl.DateTimeFormat().resolvedOptions().timeZone;

/** A long hexadecimal digest in short, to compare at a glance. */
export const shortHash = (hash: string): string => `${hash.slice(0, 8)}…${hash.slice(-8)}`;
