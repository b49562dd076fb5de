/**
 * Bodies of records as JSON: lines of it, one array, or one object. Three things can be said:
 *
 *   {"parsl.dfk": "…", "parsl": {"task": 3}, …}          a wide record; nested keys are joined by dots
 *   {"tag": "TASK_INFO", "payload": {…}}                 a monitoring message, as parsl_radio.ts takes it
 *   ["TASK_INFO", {…}]                                   the same, as Parsl itself puts it; also in Parsl's envelopes
 *
 * What JSON lacks is spelt {"$float": "inf"} and {"$bytes": base64}; the NaN and Infinity that Python's json module
 * writes are read, too. Naive times of messages are ISO text with six digits. A line that is no record is a problem of
 * its own, the others are used.
 */
import { BridgeError, reasonOf } from '../core/errors.ts';
import { canonicalValue, findKey, setCanonical } from '../core/keys.ts';
import type { WideRecord } from '../core/record.ts';
import { parseLocalTime } from '../core/time.ts';
import { flatten, newAllowance, type Allowance } from './flatten.ts';
import { parseJson } from './json.ts';
import { decodeRadioMessage, type Origin } from './parsl_radio.ts';
import { Dict, LocalTime } from './pickle_globals.ts';

export interface LineProblem {
  /** The line, or the element of an array, that is no record. */
  readonly line: Uint8Array;
  readonly error: BridgeError;
}

const NEWLINE = 10;
/** A body that is no JSON at all makes no more errors than this. */
const PROBLEMS_MAX = 1_000;
/** Nested objects below this become JSON text. */
const DEPTH_MAX = 16;
const NAIVE_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}$/;
const TAG = /^[A-Z]+(_[A-Z]+)+$/;

/** Adds what the body says to `records`; `source.*` keys that a record brings along are kept. Never throws. */
export function decodeBody(body: Uint8Array, origin: Origin, records: WideRecord[]): LineProblem[] {
  const problems: LineProblem[] = [];
  let line = nextLine(body, 0);
  let json = line === undefined ? undefined : read(line);
  if (line !== undefined && json instanceof BridgeError && nextLine(body, lineEnd(body, line)) !== undefined) {
    // Perhaps an array or an object over several lines.
    const whole = read(body);
    if (!(whole instanceof BridgeError)) {
      take(whole.value, body);
      return problems;
    }
  }
  while (line !== undefined) {
    if (problems.length >= PROBLEMS_MAX) {
      setAside(body.subarray(line.byteOffset - body.byteOffset));
      break;
    }
    json ??= read(line);
    if (json instanceof BridgeError) problems.push({ line, error: json });
    else take(json.value, line);
    json = undefined;
    line = nextLine(body, lineEnd(body, line));
  }
  return problems;

  function take(value: unknown, bytes: Uint8Array): void {
    if (!Array.isArray(value) || isMessage(value)) return takeOne(value, () => bytes);
    for (const item of value) {
      if (problems.length >= PROBLEMS_MAX) return setAside(bytes);
      takeOne(item, () => elementBytes(item, bytes));
    }
  }

  function takeOne(value: unknown, bytes: () => Uint8Array): void {
    try {
      addRecords(value, origin, records);
    } catch (error) {
      problems.push({ line: bytes(), error: asProblem(error) });
    }
  }

  function setAside(rest: Uint8Array): void {
    const why = `more than ${PROBLEMS_MAX} problems in one body, the rest is not read`;
    problems.push({ line: rest, error: new BridgeError('BRIDGE_DECODE', `read JSON: ${why}`, { reason: 'limit' }) });
  }
}

/** Adds what one JSON value says: a record, or the records of a message. Throws BRIDGE_DECODE. */
export function addRecords(value: unknown, origin: Origin, records: WideRecord[]): void {
  if (typeof value !== 'object' || value === null) refuse('neither an object nor a message');
  if (Array.isArray(value)) {
    if (!isMessage(value)) refuse('an array that is no message');
    return decodeRadioMessage(toMessage(value), origin, records);
  }
  if ('tag' in value && 'payload' in value && typeof value.tag === 'string' && TAG.test(value.tag)) {
    return decodeRadioMessage([value.tag, toMessage(value.payload)], origin, records);
  }
  records.push(toRecord(value, origin));
}

/** A tag and a dict, or a message and an address. */
function isMessage(items: readonly unknown[]): boolean {
  const [first] = items;
  if (typeof first === 'string') return TAG.test(first) || first === 'STOP';
  return Array.isArray(first) && typeof first[0] === 'string' && TAG.test(first[0]);
}

/** As the pickle decoder would have given it: objects as dicts, naive times as such where the key does not forbid it. */
function toMessage(value: unknown, key?: string, depth = 0): unknown {
  if (depth > DEPTH_MAX) refuse('a message nested too deep');
  if (typeof value === 'string' && NAIVE_TIME.test(value)) {
    const type = key === undefined ? 'text' : (findKey(key)?.type ?? 'local_time');
    const us = type === 'local_time' ? parseLocalTime(value) : undefined;
    return us === undefined ? value : new LocalTime(us);
  }
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value;
  // In an envelope a time can stand between tag and dict; in lists of values we leave texts alone.
  const inside = depth === 0 ? 'timestamp' : undefined;
  if (Array.isArray(value)) return value.map((item) => toMessage(item, inside, depth + 1));
  const dict = new Dict();
  dict.pairs = Object.entries(value).flatMap(([name, item]) => [name, toMessage(item, name, depth + 1)]);
  return dict;
}

function toRecord(json: object, { receiver, arrival }: Origin): WideRecord {
  const named = json as Record<string, unknown>;
  const record = settle(named) ?? rebuild(named);
  if (Object.keys(record).length === 0) refuse('an object without keys');
  record['source.receiver'] ??= receiver;
  record['source.format'] ??= 'json';
  if (arrival > 0) record['source.arrival'] ??= arrival;
  return record;
}

/**
 * The parsed object itself with its values put into their types, if all its keys are canonical and its values scalars:
 * what a bridge wrote before. Otherwise undefined.
 */
function settle(json: Record<string, unknown>): WideRecord | undefined {
  for (const name in json) {
    const value = json[name];
    if (typeof value === 'object' ? value !== null : typeof value === 'number' && !Number.isFinite(value))
      return undefined;
    if (name === '__proto__') return undefined;
    const key = findKey(name);
    if (key === undefined) continue;
    if (key.key !== name) return undefined;
    const canonical = canonicalValue(key.type, value as string | number | boolean | null);
    if (canonical !== value) json[name] = canonical;
  }
  return json as WideRecord;
}

function rebuild(json: Record<string, unknown>): WideRecord {
  const record: WideRecord = {};
  setAll(record, '', json, newAllowance(), 0);
  return record;
}

function setAll(record: WideRecord, prefix: string, json: object, allowance: Allowance, depth: number): void {
  for (const [name, value] of Object.entries(json) as [string, unknown][]) {
    const key = prefix + name;
    if (isNested(value) && depth < DEPTH_MAX) setAll(record, `${key}.`, value, allowance, depth + 1);
    else setCanonical(record, key, flatten(value, allowance));
  }
}

function isNested(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array);
}

/** The element of an array as JSON again, or if it is nested too deep for that, the array that it came in. */
function elementBytes(item: unknown, array: Uint8Array): Uint8Array {
  try {
    return Buffer.from(JSON.stringify(item));
  } catch {
    return array; // The stack has overflowed.
  }
}

/** The first line from `start` on that is not blank, without its newline. */
function nextLine(body: Uint8Array, start: number): Uint8Array | undefined {
  let at = start;
  while (at < body.length && (body[at] as number) <= 0x20) at++;
  if (at === body.length) return undefined;
  const newline = body.indexOf(NEWLINE, at);
  return body.subarray(at, newline === -1 ? body.length : newline);
}

/** Where a line of the body ends. */
function lineEnd(body: Uint8Array, line: Uint8Array): number {
  return line.byteOffset - body.byteOffset + line.length;
}

function read(bytes: Uint8Array): { readonly value: unknown } | BridgeError {
  try {
    return { value: parseJson(bytes) };
  } catch (error) {
    return asProblem(error);
  }
}

/** Whatever goes wrong in a line is the line's fault: even a stack that overflows, on a million brackets. */
function asProblem(error: unknown): BridgeError {
  if (error instanceof BridgeError) return error;
  return new BridgeError('BRIDGE_DECODE', `read JSON: ${reasonOf(error)}`, { cause: error, reason: 'json' });
}

function refuse(why: string): never {
  throw new BridgeError('BRIDGE_DECODE', `read JSON: ${why}`, { reason: 'json' });
}
