/** A decoded pickle in the spelling of messages.jsonl, to be compared with what Python made of the same bytes. */
import { formatLocalTime } from '../../bridge/core/time.ts';
import { Dict, Duration, Global, Instant, LocalTime, Member } from '../../bridge/formats/pickle_globals.ts';

export function plain(value: unknown): unknown {
  if (value instanceof Dict) {
    const entries: [string, unknown][] = [];
    for (let i = 0; i < value.pairs.length; i += 2) entries.push([String(value.pairs[i]), plain(value.pairs[i + 1])]);
    return Object.fromEntries(entries);
  }
  if (Array.isArray(value)) return value.map(plain);
  if (value instanceof LocalTime) return formatLocalTime(value.us);
  if (value instanceof Instant) return `${formatLocalTime(value.us)}Z`;
  if (value instanceof Duration) return { $duration: value.us };
  if (value instanceof Member || value instanceof Global) return value.name;
  if (value instanceof Uint8Array) return { $bytes: Buffer.from(value).toString('base64') };
  if (typeof value === 'bigint') return { $int: value.toString() };
  if (typeof value === 'number' && !Number.isFinite(value)) {
    return { $float: Number.isNaN(value) ? 'nan' : value > 0 ? 'inf' : '-inf' };
  }
  return value;
}
