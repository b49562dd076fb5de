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
import { asLineError, forEachLine, newRecord, saidKey, type LogText } from './log_text.ts';
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
  // A line at a time is made text: one text of all lines would be too large for the young generation.
  forEachLine(chunk, (start, end, line) => {
    try {
      records.push(decodeLine(read(bytes.toString('utf8', start, end)), constants, line));
    } catch (error) {
      refuse(line, start, end, asLineError(error, 'read JSON', 'json'));
    }
  });
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
  const said = json as Line;
  const record = usual(said, constants, line) ?? newRecord(constants, line);
  const isUsual = 'message' in record;
  if (!isUsual || Object.keys(said).length > usualNames.size) {
    for (const name in said) if (!isUsual || !usualNames.has(name)) setOne(record, name, said[name], said);
  }
  const { message } = record;
  if (typeof message === 'string') record['message'] = withoutPayload(message, record);
  return record;
}

const usualNames: ReadonlySet<string> = new Set([
  'created', 'process', 'processName', 'threadName', 'thread', 'name', 'lineno', 'funcname', 'levelname', 'msg',
  'formatted',
]); // prettier-ignore

/**
 * What Parsl's own handler writes in each line, if it is all there in its types, set at once: ten times as fast as key by
 * key. undefined for a line of any other kind.
 */
function usual(said: Line, constants: WideRecord, line: number): WideRecord | undefined {
  const { created, process, processName, threadName, thread, name, lineno, funcname, levelname, msg, formatted } = said;
  const isUsual =
    isFiniteNumber(created) && isFiniteNumber(process) && isFiniteNumber(thread) && isFiniteNumber(lineno) &&
    typeof processName === 'string' && typeof threadName === 'string' && typeof name === 'string' &&
    typeof funcname === 'string' && typeof levelname === 'string' && typeof formatted === 'string'; // prettier-ignore
  if (!isUsual) return undefined;
  const record: WideRecord = {
    ...constants,
    'source.line': line,
    time: canonicalValue('nanos', created),
    'process.pid': process,
    'process.name': processName,
    'thread.name': threadName,
    'thread.id': String(thread),
    'log.logger': name,
    'code.line.number': lineno,
    'code.function.name': funcname,
    level: canonicalValue('level', levelname),
    message: formatted,
  };
  setTemplate(record, msg, formatted);
  return record;
}

function setOne(record: WideRecord, name: string, value: unknown, line: Line): void {
  if (name === 'msg') return setTemplate(record, value, line['formatted']);
  if (name === 'created') return setTime(record, value);
  if (repeats.has(name) && line['formatted'] !== undefined) return;
  if (oftenEmpty.has(name) && empty.has(value)) return;
  setCanonical(record, names.get(name) ?? saidKey(name), scalar(value));
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
  if (isFiniteNumber(seconds)) record['time'] = canonicalValue('nanos', seconds);
  else setCanonical(record, 'time', scalar(created));
}

function isFiniteNumber(value: unknown): value is number {
  return Number.isFinite(value);
}
