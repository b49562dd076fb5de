/**
 * Makes nested values into the scalars that a record can hold, for decoded pickles and parsed JSON alike.
 *
 * - a list of scalars is comma text (`3,4`), unless one of its texts holds a comma;
 * - any other list, and a dict, is JSON text; times in it are ISO text, numbers that are not finite null;
 * - an enum member is its name, an interval a number of seconds, bytes are their text if that is ASCII, else base64;
 * - an integer beyond 2^53 is text.
 */
import { BridgeError } from '../core/errors.ts';
import type { Value } from '../core/record.ts';
import { formatLocalTime } from '../core/time.ts';
import { Dict, Duration, Global, Instant, LocalTime, Member } from './pickle_globals.ts';

/**
 * What one message may still make: values and characters of text. A pickle can share its parts, so that a message of
 * 100 kB may stand for gigabytes once it is written out.
 */
export interface Allowance {
  values: number;
  characters: number;
}

export const messageLimits = { values_max: 50_000, characters_max: 16 * 1024 * 1024, depth_max: 64 } as const;

export function newAllowance(): Allowance {
  return { values: messageLimits.values_max, characters: messageLimits.characters_max };
}

/** Takes from the allowance; throws `limit` when it is used up. */
export function spend(allowance: Allowance, values: number, characters: number): void {
  allowance.values -= values;
  allowance.characters -= characters;
  if (allowance.values < 0) exceeded('values_max');
  if (allowance.characters < 0) exceeded('characters_max');
}

function exceeded(name: keyof typeof messageLimits): never {
  const why = `more than ${messageLimits[name]} (${name})`;
  throw new BridgeError('BRIDGE_DECODE', `flatten message: ${why}`, { reason: 'limit' });
}

/** `value` as a scalar. A number passes even if it is not finite: the record's key decides what then. */
export function flatten(value: unknown, allowance: Allowance): Value {
  if (typeof value === 'string') spend(allowance, 0, value.length);
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value;
  if (typeof value === 'bigint') return BigInt.asIntN(54, value) === value ? Number(value) : value.toString();
  if (typeof value !== 'object' || value === null) return null;
  if (value instanceof LocalTime || value instanceof Instant) return value.us;
  if (value instanceof Duration) return value.us / 1e6;
  if (value instanceof Member || value instanceof Global) return value.name;
  if (value instanceof Uint8Array) return bytesText(value, allowance);
  return (Array.isArray(value) ? commaText(value, allowance) : undefined) ?? jsonText(value, allowance);
}

function commaText(items: readonly unknown[], allowance: Allowance): string | undefined {
  let length = items.length;
  for (const item of items) {
    if (typeof item === 'string' ? item.includes(',') : typeof item !== 'boolean' && !Number.isFinite(item))
      return undefined;
    length += typeof item === 'string' ? item.length : 1;
  }
  spend(allowance, 0, length);
  return items.join(',');
}

function jsonText(value: unknown, allowance: Allowance): string {
  return JSON.stringify(toJson(value, allowance, 1));
}

/** A copy that JSON.stringify can write, in which nothing is shared. */
function toJson(value: unknown, allowance: Allowance, depth: number): unknown {
  spend(allowance, 1, 0);
  if (typeof value === 'number') return Number.isFinite(value) ? value : null;
  if (value instanceof LocalTime) return formatLocalTime(value.us);
  if (value instanceof Instant) return `${formatLocalTime(value.us)}Z`;
  if (typeof value !== 'object' || value === null || !isContainer(value)) return flatten(value, allowance);
  // A pickle within its own limits is no deeper than this, but it can contain itself.
  if (depth > messageLimits.depth_max) exceeded('depth_max');
  if (Array.isArray(value)) return value.map((item) => toJson(item, allowance, depth + 1));
  const json = Object.create(null) as Record<string, unknown>; // So that no key is special.
  const pairs = value instanceof Dict ? value.pairs : Object.entries(value).flat();
  for (let i = 0; i < pairs.length; i += 2) {
    json[keyText(pairs[i], allowance)] = toJson(pairs[i + 1], allowance, depth + 1);
  }
  return json;
}

function isContainer(value: object): boolean {
  const scalar = value instanceof Uint8Array || value instanceof Duration || value instanceof Member;
  return !scalar && !(value instanceof Global);
}

/** A dict's key as text; Python allows any hashable. */
export function keyText(key: unknown, allowance: Allowance): string {
  return typeof key === 'string' ? (spend(allowance, 0, key.length), key) : String(flatten(key, allowance));
}

function bytesText(bytes: Uint8Array, allowance: Allowance): string {
  spend(allowance, 0, bytes.length * 1.5);
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return bytes.every((byte) => byte >= 0x20 && byte < 0x7f) ? buffer.toString('latin1') : buffer.toString('base64');
}
