/**
 * Log records of OpenTelemetry as objects that ndjson.ts takes for records. Pure.
 *
 * A record's own attributes outrank those of its scope, and those its resource's; all become keys under their names. A
 * body that is a text is the message; one that is a map is the record's keys, which is what a Collector makes of JSON and
 * of journald. A text that is a line of a log that we know, which is what it makes of a file without a parser, is read as
 * that line, and `log.file.path` then tells where in a run directory it lies.
 */
import { BridgeError } from '../core/errors.ts';
import { stringify, type WideRecord } from '../core/record.ts';
import { decodeLogChunk, encodeLogChunk } from './log_chunk.ts';
import { sniff } from './log_content.ts';
import { placeLog } from './log_files.ts';
import type { AnyValue, Attributes, OtlpLog } from './otlp_request.ts';

/** Spellings of older semantic conventions, and of journald, whose names are its own. */
const names: ReadonlyMap<string, string> = new Map([
  ['code.function', 'code.function.name'], ['code.lineno', 'code.line.number'], ['code.filepath', 'code.file.path'],
  ['process.thread.id', 'thread.id'], ['process.executable.name', 'process.name'],
  ['MESSAGE', 'message'], ['_PID', 'process.pid'], ['_HOSTNAME', 'host.name'], ['SYSLOG_IDENTIFIER', 'process.name'],
]); // prettier-ignore

/** Logs that a line alone can be told to be from. */
const lineFormats = new Set(['parsl_json_log', 'parsl_text_log', 'work_queue_transactions', 'taskvine_transactions']);
const noRunDirs: ReadonlySet<string> = new Set();

/** What records share is written out for each of them: a small request could stand for gigabytes. */
const SHARED_CHARS_MAX = 2 ** 26;

/** One object for each record. Throws BRIDGE_DECODE for a request that would grow beyond its limit. */
export function otlpRecords(logs: readonly OtlpLog[], receiver: string): Record<string, unknown>[] {
  const lengths = new Map<Attributes, number>();
  let shared = 0;
  for (const { resource, scope } of logs) {
    for (const attributes of [resource, scope.attributes]) {
      const length = lengths.get(attributes) ?? JSON.stringify(attributes).length;
      lengths.set(attributes, length);
      shared += length;
    }
    if (shared > SHARED_CHARS_MAX) {
      const why = `attributes of resources and scopes make more than ${SHARED_CHARS_MAX} characters in all records`;
      const hint = 'send fewer records at a time, or smaller resources';
      throw new BridgeError('BRIDGE_DECODE', `read OTLP logs: ${why}`, { reason: 'limit', hint });
    }
  }
  return logs.map((log) => toRecord(log, receiver));
}

function toRecord(log: OtlpLog, receiver: string): Record<string, unknown> {
  const record = Object.create(null) as Record<string, unknown>; // So that no key is special.
  add(record, log.resource);
  add(record, log.scope.attributes);
  if (log.scope.name !== '') record['log.logger'] = log.scope.name;
  const level = levelOf(log);
  if (level !== undefined) record['level'] = level;
  const time = log.time ?? log.observedTime;
  if (time !== undefined) record['time'] = time;
  if (log.traceId !== '') record['trace_id'] = log.traceId;
  if (log.spanId !== '') record['span_id'] = log.spanId;
  if (log.eventName !== '') record['event.name'] = log.eventName;
  addBody(record, log, receiver);
  add(record, log.attributes);
  record['source.format'] ??= 'otlp';
  return record;
}

function add(record: Record<string, unknown>, attributes: Attributes): void {
  for (const name of Object.keys(attributes)) record[names.get(name) ?? name] = attributes[name];
}

function addBody(record: Record<string, unknown>, { body, attributes }: OtlpLog, receiver: string): void {
  if (isMap(body)) return add(record, body);
  if (body === null) return;
  if (typeof body !== 'string') {
    record['message'] = JSON.stringify(body);
    return;
  }
  const line = readLine(body, attributes['log.file.path'], receiver);
  if (line === undefined) record['message'] = body;
  else Object.assign(record, line);
}

function isMap(value: AnyValue): value is { [key: string]: AnyValue } {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !('$bytes' in value);
}

/** What a line of a known log says, and where it lies; undefined if it is none. */
function readLine(text: string, path: AnyValue | undefined, receiver: string): Record<string, unknown> | undefined {
  const format = sniff(Buffer.from(text.slice(0, 4_096)));
  if (format === undefined || !lineFormats.has(format)) return undefined;
  const place = typeof path === 'string' ? placeLog(path, format, noRunDirs) : undefined;
  const records: WideRecord[] = [];
  const payload = encodeLogChunk({ format, keys: { ...place?.keys } }, 1, Buffer.from(text));
  decodeLogChunk(payload, { receiver, arrival: 0 }, records);
  const [record] = records;
  if (record === undefined || records.length > 1) return undefined;
  delete record['source.line']; // It is not known here.
  return JSON.parse(stringify(record)) as Record<string, unknown>;
}

/** 1-4 trace, 5-8 debug, 9-12 info, 13-16 warning, 17-24 error and fatal. */
function levelOf({ severityNumber, severityText }: OtlpLog): string | undefined {
  if (severityNumber >= 17) return 'ERROR';
  if (severityNumber >= 13) return 'WARN';
  if (severityNumber >= 9) return 'INFO';
  if (severityNumber >= 1) return 'DEBUG';
  return severityText === '' ? undefined : severityText;
}
