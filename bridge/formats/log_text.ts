/**
 * What every decoder of log lines works on: the lines of one chunk (log_chunk.ts), the keys that hold for all of them,
 * and where records and problems go. Pure.
 */
import { BridgeError, reasonOf } from '../core/errors.ts';
import { canonicalValue, findKey } from '../core/keys.ts';
import type { Value, WideRecord } from '../core/record.ts';

export const logFormats = [
  'parsl_json_log', 'parsl_text_log', 'work_queue_transactions', 'work_queue_performance', 'work_queue_debug',
  'taskvine_transactions', 'taskvine_taskgraph', 'taskvine_performance', 'taskvine_debug', 'submit_script',
  'batch_output', 'json', 'text',
] as const; // prettier-ignore
export type LogFormat = (typeof logFormats)[number];

export interface LogText {
  /** Whole lines; the last one needs no newline. */
  readonly bytes: Buffer;
  /** Number of the first line within its file, from 1. */
  readonly line: number;
  /** Canonical keys that hold for every record of the chunk, `source.*` among them. Never changed. */
  readonly constants: WideRecord;
  readonly records: WideRecord[];
  /** Sets one line aside; `start` and `end` are its place in `bytes`. */
  readonly refuse: (line: number, start: number, end: number, error: BridgeError) => void;
}

const NEWLINE = 0x0a;
const CARRIAGE_RETURN = 0x0d;

const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf] as const;

/**
 * Calls `take` for each line that is not blank, with its place in the chunk and its number in the file. Left out of it are
 * the NULs that a file has where nothing was written: one whose writer went on behind its old end after it was truncated,
 * or what a crash of the machine leaves; and the byte order mark and carriage returns of a file that went through Windows.
 */
export function forEachLine(
  { bytes, line: first }: Pick<LogText, 'bytes' | 'line'>,
  take: (start: number, end: number, line: number) => void,
): void {
  let line = first;
  for (let start = 0; start < bytes.length; line++) {
    const newline = bytes.indexOf(NEWLINE, start);
    const next = newline === -1 ? bytes.length : newline;
    const end = next > start && bytes[next - 1] === CARRIAGE_RETURN ? next - 1 : next;
    while (bytes[start] === 0) start++;
    if (line === 1 && BYTE_ORDER_MARK.every((byte, at) => bytes[start + at] === byte)) start += BYTE_ORDER_MARK.length;
    if (end > start) take(start, end, line);
    start = next + 1;
  }
}

/** A record with the keys that hold for all of the chunk. */
export function newRecord(constants: WideRecord, line: number): WideRecord {
  const record: WideRecord = { ...constants };
  record['source.line'] = line;
  return record;
}

/** A word as a number where it is one, else as it stands; nothing where there is none. */
export function putNumber(record: WideRecord, key: string, word: string | undefined, divisor = 1): void {
  if (word === undefined) return;
  const value = Number(word) / divisor;
  record[key] = word !== '' && Number.isFinite(value) ? value : word;
}

/** Digits of microseconds since the epoch as `time`; beyond what it can hold they stay text. */
export function putMicros(record: WideRecord, digits: string): void {
  record['time'] = canonicalValue('nanos', `${digits}000`);
}

/**
 * The key for what a line says under `name`. Where a record is from, the bridge knows: what a line says of that itself,
 * such as `source.path`, is kept under another name.
 */
export function saidKey(name: string): string {
  return name.startsWith('source.') && findKey(name) !== undefined ? `log.${name}` : name;
}

/** Adds to what could not be taken over as it was. */
export function note(record: WideRecord, text: string): void {
  const earlier = record['source.note'];
  record['source.note'] = typeof earlier === 'string' ? `${earlier}; ${text}` : text;
}

/** `value` at `key`, unless it is undefined. */
export function put(record: WideRecord, key: string, value: Value | undefined): void {
  if (value !== undefined) record[key] = value;
}

/** Whatever goes wrong in a line is the line's fault. */
export function asLineError(error: unknown, doing: string, reason: string): BridgeError {
  if (error instanceof BridgeError) return error;
  return new BridgeError('BRIDGE_DECODE', `${doing}: ${reasonOf(error)}`, { cause: error, reason });
}
