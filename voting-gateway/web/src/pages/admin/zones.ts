/** Wall-clock times of a zone, as `datetime-local` writes them, and moments. Pure. */

const MINUTE = 60_000;
const WALL = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}$/;

/** What a clock in the zone shows at a moment: `2030-01-31T18:00`. */
export function toWall(at: Date, zone: string): string {
  const format = new Intl.DateTimeFormat('en-CA', {
    timeZone: zone,
    hourCycle: 'h23',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
  });
  const part = Object.fromEntries(format.formatToParts(at).map(({ type, value }) => [type, value]));
  return `${(part.year ?? '').padStart(4, '0')}-${part.month}-${part.day}T${part.hour}:${part.minute}`;
}

const asUtc = (wall: string): number => Date.parse(`${wall}:00Z`);

/** How far the zone's clocks are ahead of UTC at a moment. */
const offsetAt = (at: number, zone: string): number => asUtc(toWall(new Date(at), zone)) - Math.floor(at / MINUTE) * MINUTE;

/**
 * The moment at which a clock in the zone shows a time, in UTC; of two such moments the first.
 *
 * Null for what is no time, and for a time that the clocks leave out when they go forward.
 */
export function toUtc(wall: string, zone: string): string | null {
  const naive = WALL.test(wall) ? asUtc(wall) : NaN;
  if (Number.isNaN(naive)) return null;
  // The offset of a day before and of a day after are all that can apply.
  const day = 24 * 60 * MINUTE;
  const candidates = [offsetAt(naive - day, zone), offsetAt(naive + day, zone)].map((offset) => naive - offset);
  const fitting = candidates.filter((at) => toWall(new Date(at), zone) === wall);
  return fitting.length === 0 ? null : new Date(Math.min(...fitting)).toISOString();
}

/** Every zone that the browser knows, and UTC, which some leave out. */
export function allZones(): string[] {
  const known = Intl.supportedValuesOf('timeZone');
  return known.includes('UTC') ? known : ['UTC', ...known];
}
