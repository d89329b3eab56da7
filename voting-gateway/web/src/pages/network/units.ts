/** Quantities with their units, always with as many digits, so that columns stand still. Pure. */

/** Silence that is usual between two heartbeats. */
export const JUST_NOW_MS = 1_400;

const MINUTE_S = 60;
const HOUR_S = 3_600;

const inUnit = (value: number, unit: string, digits: number, locale: string): string =>
  new Intl.NumberFormat(locale, {
    style: 'unit',
    unit,
    unitDisplay: 'short',
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  }).format(value);

export const formatMs = (value: number, locale: string): string => inUnit(value, 'millisecond', value < 10 ? 2 : 0, locale);

export const formatMegabytes = (bytes: number, locale: string): string => inUnit(bytes / 1_000_000, 'megabyte', 0, locale);

export const formatBytes = (bytes: number, locale: string): string =>
  bytes < 10_000 ? inUnit(bytes, 'byte', 0, locale) : inUnit(bytes / 1_000, 'kilobyte', 1, locale);

/** Milliseconds with their sign; none is neither ahead nor behind. */
export const formatSigned = (ms: number, locale: string): string =>
  `${new Intl.NumberFormat(locale, { signDisplay: 'exceptZero' }).format(ms)} ms`;

/** How long something took, in the largest unit that is reached. */
export function formatAgo(ms: number, locale: string): string {
  const seconds = Math.round(ms / 1_000);
  if (seconds < MINUTE_S) return inUnit(seconds, 'second', 0, locale);
  if (seconds < HOUR_S) return inUnit(Math.floor(seconds / MINUTE_S), 'minute', 0, locale);
  return inUnit(Math.floor(seconds / HOUR_S), 'hour', 0, locale);
}

/** A rate with two decimals below ten, none above a hundred. */
export function formatRate(value: number, locale: string): string {
  const digits = value < 10 ? 2 : value < 100 ? 1 : 0;
  return new Intl.NumberFormat(locale, { minimumFractionDigits: digits, maximumFractionDigits: digits }).format(value);
}
