/**
 * JSON logs of Python's logging: Parsl's own (parsl/logconfigs/json.py, since 2026.05), its observability branch, and
 * others that write one LogRecord a line, such as Academy's.
 *
 *   {"created": 1795261675.82, "process": 26961, "processName": "MainProcess", "threadName": "MainThread",
 *    "thread": 1404…, "name": "parsl.dataflow.dflow", "lineno": 123, "funcname": "__init__", "levelname": "INFO",
 *    "msg": "Task %s …", "formatted": "Task 3 …", "parsl.dfk": "…", …}
 *
 * Parsl's has numbers where they are numbers, and texts under `parsl.*`; the branch has texts everywhere, underscores in
 * names and all attributes of the LogRecord. `msg` is the template where arguments were put into it, else the message
 * again. What only repeats another attribute is left out, every other key stays.
 */
import { canonicalValue, setCanonical } from '../core/keys.ts';
import type { Value, WideRecord } from '../core/record.ts';
import { flatten, newAllowance } from './flatten.ts';
import { parseJson } from './json.ts';
import { asLineError, newRecord, type LogText } from './log_text.ts';
import { withoutPayload } from './payload.ts';

/** Attributes of a LogRecord whose names mean something else elsewhere. */
const names: ReadonlyMap<string, string> = new Map([
  ['process', 'process.pid'], ['processName', 'process.name'], ['thread', 'thread.id'], ['threadName', 'thread.name'],
  ['name', 'log.logger'], ['lineno', 'code.line.number'], ['funcname', 'code.function.name'],
  ['funcName', 'code.function.name'], ['pathname', 'code.file.path'],
]); // prettier-ignore

/** What repeats `created`, `levelname`, `pathname`, `formatted` or the record as a whole. */
const repeats: ReadonlySet<string> = new Set([
  'msecs', 'relativeCreated', 'asctime', 'levelno', 'filename', 'module', 'message', 'known_keys', 'repr',
]); // prettier-ignore
/** Attributes that are nearly always empty, and how the branch writes that. */
const oftenEmpty: ReadonlySet<string> = new Set(['args', 'exc_info', 'exc_text', 'stack_info', 'taskName']);
const empty: ReadonlySet<unknown> = new Set([null, 'None', '()', '']);

type Line = Readonly<Record<string, unknown>>;

export function decodeParslJsonLog(chunk: LogText): void {
  const { bytes, constants, records, refuse } = chunk;
  const text = bytes.toString('utf8');
  // Where texts and bytes have the same places, a line need not be looked for twice.
  const isAscii = text.length === bytes.length;
  let line = chunk.line;
  for (let start = 0, from = 0; start < text.length; line++) {
    const newline = text.indexOf('\n', start);
    const end = newline === -1 ? text.length : newline;
    const to = isAscii ? end : lineEnd(bytes, from);
    if (end > start) {
      try {
        records.push(decodeLine(read(text.slice(start, end)), constants, line));
      } catch (error) {
        refuse(line, from, to, asLineError(error, 'read JSON', 'json'));
      }
    }
    start = end + 1;
    from = to + 1;
  }
}

function lineEnd(bytes: Buffer, start: number): number {
  const newline = bytes.indexOf(0x0a, start);
  return newline === -1 ? bytes.length : newline;
}

function read(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return parseJson(Buffer.from(line)); // It knows Python's NaN, and says what is wrong.
  }
}

function decodeLine(json: unknown, constants: WideRecord, line: number): WideRecord {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) throw new Error('not an object');
  const record = newRecord(constants, line);
  const said = json as Line;
  for (const name in said) setOne(record, name, said[name], said);
  const { message } = record;
  if (typeof message === 'string') record['message'] = withoutPayload(message, record);
  return record;
}

function setOne(record: WideRecord, name: string, value: unknown, line: Line): void {
  if (name === 'msg') return setTemplate(record, value, line['formatted']);
  if (name === 'created') return setTime(record, value);
  if (repeats.has(name) && line['formatted'] !== undefined) return;
  if (oftenEmpty.has(name) && empty.has(value)) return;
  setCanonical(record, names.get(name) ?? name, scalar(value));
}

function scalar(value: unknown): Value {
  return typeof value === 'object' && value !== null ? flatten(value, newAllowance()) : (value as Value);
}

/** `msg` is a template if arguments were put into it; what follows it in `formatted` may be a traceback. */
function setTemplate(record: WideRecord, template: unknown, formatted: unknown): void {
  if (typeof template !== 'string') return;
  if (typeof formatted !== 'string') record['message'] = template;
  else if (template.includes('%') && !formatted.startsWith(template)) record['log.template'] = template;
}

/** Seconds since the epoch, to the microsecond, as a number or as a text. */
function setTime(record: WideRecord, created: unknown): void {
  const seconds = typeof created === 'string' ? Number(created) : created;
  record['time'] = Number.isFinite(seconds) ? canonicalValue('nanos', Number(seconds)) : scalar(created);
}
