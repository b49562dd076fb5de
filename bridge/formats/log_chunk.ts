/**
 * The payload of a frame on Channel.log: consecutive whole lines of one log file, so that the journal keeps what was
 * written and a replay reads it again.
 *
 *   header   one line of JSON, flat: `format` (which decoder), `line` (number of the first line, from 1), and the
 *            canonical keys that hold for all of the file: `source.path`, `parsl.executor` …
 *   lines    as they stand in the file; the last one needs no newline
 *
 * A chunk begins at the start of a record and ends at the end of one. A line that cannot be used becomes a problem with
 * a payload of its own: the header for that line, and the line.
 */
import { BridgeError } from '../core/errors.ts';
import { setCanonical } from '../core/keys.ts';
import type { Value, WideRecord } from '../core/record.ts';
import { decodeDebug, decodeTable } from './cctools_log.ts';
import { decodeJsonLines } from './json_lines.ts';
import { logFormats, type LogFormat, type LogText } from './log_text.ts';
import { nameRecords } from './nameless.ts';
import type { LineProblem } from './ndjson.ts';
import { decodeParslJsonLog } from './parsl_json_log.ts';
import { decodeParslTextLog } from './parsl_text_log.ts';
import type { Origin } from './parsl_radio.ts';
import { decodePlainText, decodeSubmitScript } from './plain_log.ts';
import { decodeTaskGraph, decodeTaskVineTransactions } from './taskvine_log.ts';
import { decodeWorkQueueTransactions } from './work_queue_log.ts';

/** What a chunk says of its file, but for the line. */
export interface LogHeader {
  readonly format: LogFormat;
  /** Canonical keys, as a record would have them. */
  readonly keys: Readonly<Record<string, string | number>>;
}

const NEWLINE = 0x0a;

const decoders: Readonly<Record<LogFormat, (text: LogText) => void>> = {
  parsl_json_log: decodeParslJsonLog,
  parsl_text_log: decodeParslTextLog,
  work_queue_transactions: decodeWorkQueueTransactions,
  work_queue_performance: (text) => decodeTable(text, 'workqueue'),
  work_queue_debug: decodeDebug,
  taskvine_transactions: decodeTaskVineTransactions,
  taskvine_taskgraph: decodeTaskGraph,
  taskvine_performance: (text) => decodeTable(text, 'taskvine'),
  taskvine_debug: decodeDebug,
  submit_script: decodeSubmitScript,
  batch_output: (text) => decodePlainText(text, 'batch_output'),
  json: decodeJsonLines,
  text: (text) => decodePlainText(text, 'text'),
};

/** The payload that says `lines`, of which the first is the file's `line`th. */
export function encodeLogChunk({ format, keys }: LogHeader, line: number, lines: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.from(`${JSON.stringify({ format, line, ...keys })}\n`), lines]);
}

/** Adds the records of a chunk to `records`. Throws BRIDGE_DECODE if its header cannot be used. */
export function decodeLogChunk(payload: Uint8Array, origin: Origin, records: WideRecord[]): LineProblem[] {
  const end = payload.indexOf(NEWLINE);
  const { format, line, header } = readHeader(payload.subarray(0, Math.max(end, 0)));
  const constants: WideRecord = { 'source.receiver': origin.receiver, 'source.format': format };
  if (origin.arrival > 0) constants['source.arrival'] = origin.arrival;
  const keys: Record<string, string | number> = {};
  for (const [name, value] of header) {
    setCanonical(constants, name, value);
    if (typeof value === 'string' || typeof value === 'number') keys[name] = value;
  }
  const bytes = Buffer.from(payload.buffer, payload.byteOffset + end + 1, payload.byteLength - end - 1);
  const problems: LineProblem[] = [];
  const refuse: LogText['refuse'] = (at, from, to, error) => {
    const line = encodeLogChunk({ format, keys }, at, bytes.subarray(from, to));
    problems.push({ line, error: placed(error, keys, at) });
  };
  const start = records.length;
  decoders[format]({ bytes, line, constants, records, refuse });
  if (constants['source.nameless'] !== undefined) nameRecords(records, start, constants['source.log']);
  return problems;
}

/** `input/path:line`, as editors and terminals know it; `line N` where nothing tells the file. */
export function placeOf(keys: LogHeader['keys'], line: number): string {
  const { 'source.input': input, 'source.path': path } = keys;
  const file = input === path || input === undefined ? path : path === undefined ? input : `${input}/${path}`;
  return file === undefined ? `line ${line}` : `${file}:${line}`;
}

/** The error of one line, with where the line is. */
function placed(error: BridgeError, keys: LogHeader['keys'], line: number): BridgeError {
  const { code, message, hint, reason } = error;
  return new BridgeError(code, `${placeOf(keys, line)}: ${message}`, { cause: error.cause, hint, reason });
}

interface Header {
  readonly format: LogFormat;
  readonly line: number;
  readonly header: readonly (readonly [string, Value])[];
}

function readHeader(bytes: Uint8Array): Header {
  let json: unknown;
  try {
    json = JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch {
    json = undefined; // Told below.
  }
  if (typeof json !== 'object' || json === null || !('format' in json) || !('line' in json)) refuse('no header');
  const { format: name, line, ...rest } = json;
  const format = logFormats.find((known) => known === name);
  if (format === undefined) refuse(`no format ${String(name)}`);
  if (typeof line !== 'number' || !Number.isSafeInteger(line) || line < 1) refuse('the header has no line number');
  const scalars = Object.entries(rest).filter((entry): entry is [string, Value] => typeof entry[1] !== 'object');
  return { format, line, header: scalars };
}

function refuse(why: string): never {
  throw new BridgeError('BRIDGE_DECODE', `read log chunk: ${why}`, { reason: 'log_header' });
}
