/**
 * Time. Parsl stamps naive local times (`datetime.now()`), everything else has a zone.
 *
 * - an *instant* is microseconds since the epoch, a number;
 * - a *local time* is the same count for a wall clock whose zone is not known yet: what the clock showed,
 *   read as if it were UTC;
 * - OpenTelemetry's times are nanoseconds since the epoch, a bigint.
 */
const MINUTE_US = 60_000_000;
const QUARTER_US = 15 * MINUTE_US;

/** Where a run's zone was learnt from, best first (DESIGN.md §10). */
export type ZoneSource = 'plugin' | 'config' | 'logs' | 'arrival' | 'machine';

/** Turns local times into instants. `offset` gives what to subtract, in microseconds. */
export interface Zone {
  readonly source: ZoneSource;
  readonly name: string;
  offset(localUs: number): number;
}

const DAY_US = 24 * 60 * MINUTE_US;

const LOCAL_TIME =
  /^(\d{4})-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])[T ]([01]\d|2[0-3]):([0-5]\d)(?::([0-5]\d|60)(?:[.,](\d{1,9}))?)?$/;
const ZONED_TIME = /^(.{16,30}?)(Z|[+-]\d\d:?\d\d)$/;
const OFFSET = /^(?:UTC|GMT)?([+-])(\d\d?):?([0-5]\d)?$/;

/** Reads `YYYY-MM-DD HH:MM:SS.ffffff` (or with a `T`) as a local time; undefined if it is not one. */
export function parseLocalTime(value: string): number | undefined {
  const parts = LOCAL_TIME.exec(value);
  if (parts === null) return undefined;
  const [, year, month, day, hour, minute, second = '0', fraction = ''] = parts;
  const ms = Date.UTC(Number(year), Number(month) - 1, Number(day), Number(hour), Number(minute), Number(second));
  return ms * 1000 + Number(fraction.padEnd(6, '0').slice(0, 6));
}

/** Reads an ISO 8601 time with a zone as an instant; undefined if it has none or is not one. */
export function parseInstant(value: string): number | undefined {
  const parts = ZONED_TIME.exec(value);
  if (parts === null) return undefined;
  const local = parseLocalTime(parts[1] ?? '');
  const offset = parts[2] === 'Z' ? 0 : parseOffset(parts[2] ?? '');
  return local === undefined || offset === undefined ? undefined : local - offset;
}

/** The years 0 to 9999: what Python's datetime and an ISO text of four digits can say. */
const FIRST_US = -62_167_219_200_000_000;
const LAST_US = 253_402_300_799_999_999;

/** Writes a local time as Python's `isoformat(timespec='microseconds')` does; what is no date stays a number. */
export function formatLocalTime(us: number): string {
  if (!(us >= FIRST_US && us <= LAST_US)) return String(us);
  const ms = Math.floor(us / 1000);
  const text = new Date(ms).toISOString();
  return `${text.slice(0, 23)}${String(us - ms * 1000).padStart(3, '0')}`;
}

/** Microseconds to OpenTelemetry's nanoseconds. */
export function toNanos(us: number): bigint {
  return BigInt(us) * 1000n;
}

/** Nanoseconds to microseconds, rounding down. */
export function toMicros(ns: bigint): number {
  return Number(ns / 1000n);
}

/** A zone of fixed offset, in microseconds east of UTC. */
export function fixedZone(offsetUs: number, source: ZoneSource): Zone {
  return { source, name: formatOffset(offsetUs), offset: () => offsetUs };
}

/**
 * A zone by name: an IANA name (`Europe/Berlin`), `UTC`, or an offset (`+01:00`).
 * Returns undefined for a name that this machine does not know.
 */
export function namedZone(name: string, source: ZoneSource): Zone | undefined {
  if (name === 'UTC' || name === 'Z') return { source, name: 'UTC', offset: () => 0 };
  const fixed = parseOffset(name);
  if (fixed !== undefined) return fixedZone(fixed, source);
  let offset = offsetsOf.get(name);
  if (offset === undefined) {
    offset = lookedUp(name);
    if (offset === undefined) return undefined;
    if (offsetsOf.size >= 1_000) offsetsOf.clear();
    offsetsOf.set(name, offset);
  }
  return { source, name, offset };
}

/** Zones that were asked for before: what a run's zone is may be asked for every line of its logs. */
const offsetsOf = new Map<string, Zone['offset']>();

function lookedUp(name: string): Zone['offset'] | undefined {
  let format: Intl.DateTimeFormat;
  try {
    format = new Intl.DateTimeFormat('en-US', { timeZone: name, timeZoneName: 'longOffset' });
  } catch {
    return undefined; // Intl knows no other way to ask whether a zone exists.
  }
  const cache = new Map<number, number>();
  return (localUs) => {
    // Offsets change on quarter hours at the earliest, so one look-up a quarter of an hour is enough.
    const quarter = Math.floor(localUs / QUARTER_US);
    let offset = cache.get(quarter);
    if (offset === undefined) {
      offset = offsetAt(format, localUs);
      if (cache.size > 10_000) cache.clear();
      cache.set(quarter, offset);
    }
    return offset;
  };
}

/** The zone of the machine this runs on, as it was when first asked for: the last resort. */
export function machineZone(): Zone {
  if (machine === undefined) {
    const name = Intl.DateTimeFormat().resolvedOptions().timeZone;
    machine = { ...(namedZone(name, 'machine') ?? fixedZone(0, 'machine')), source: 'machine' };
  }
  return machine;
}

let machine: Zone | undefined;

/**
 * The zone told by how far local times lie from instants that follow them, such as their arrival: the smallest of
 * `instant - local`, rounded to a quarter of an hour, is minus the offset, because a delay is never negative.
 */
export function zoneFromDelay(smallestDelayUs: number, source: ZoneSource): Zone {
  return fixedZone(-Math.round(smallestDelayUs / QUARTER_US) * QUARTER_US + 0, source);
}

function offsetAt(format: Intl.DateTimeFormat, localUs: number): number {
  // The offset depends on the instant and the instant on the offset. Yesterday's leads to the right one also on a day
  // when clocks change, and to the first of two instants that show the same time, which is what Python takes.
  const yesterday = readOffset(format, (localUs - DAY_US) / 1000);
  return readOffset(format, (localUs - yesterday) / 1000);
}

function readOffset(format: Intl.DateTimeFormat, ms: number): number {
  const name = format.formatToParts(ms).find(({ type }) => type === 'timeZoneName')?.value ?? 'GMT';
  return parseOffset(name) ?? 0;
}

function parseOffset(value: string): number | undefined {
  const parts = OFFSET.exec(value);
  if (parts === null) return undefined;
  const minutes = Number(parts[2]) * 60 + Number(parts[3] ?? '0');
  if (minutes >= 24 * 60) return undefined;
  return (parts[1] === '-' ? -minutes : minutes) * MINUTE_US;
}

function formatOffset(offsetUs: number): string {
  const minutes = Math.abs(offsetUs) / MINUTE_US;
  const two = (value: number): string => String(value).padStart(2, '0');
  return `${offsetUs < 0 ? '-' : '+'}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`;
}
