/**
 * What the logs of Work Queue and TaskVine have in common (cctools): lines of words and JSON, a debug log with a local
 * clock of hundredths, tables of numbers with their names on top. Pure.
 */
import type { WideRecord } from '../core/record.ts';
import { BridgeError } from '../core/errors.ts';
import { parseLocalTime } from '../core/time.ts';
import { forEachLine, newRecord, put, putMicros, type LogText } from './log_text.ts';

/** `parsl`-like prefix of a system's own keys. */
export type System = 'workqueue' | 'taskvine';

export interface Transaction {
  readonly record: WideRecord;
  /** The words of the line after time and pid, up to its JSON. */
  readonly words: readonly string[];
  /** The JSON objects that end it. */
  readonly objects: readonly Resources[];
}

type Resources = Readonly<Record<string, unknown>>;

const LINE = /^(\d{10,16}) (\d{1,15}) (\S.*)$/;

/**
 * Each line `<epoch µs> <pid> <WORDS> {json} …` as a record with time, pid and message; `take` adds what its words say.
 * Lines that begin with # tell the grammar, and are no records.
 */
export function decodeTransactions(chunk: LogText, take: (transaction: Transaction) => void): void {
  const { bytes, constants, records } = chunk;
  forEachLine(chunk, (start, end, line) => {
    if (bytes[start] === 0x23) return;
    const text = bytes.toString('utf8', start, end).trimEnd();
    if (text === '') return;
    const parts = LINE.exec(text);
    if (parts === null) return refuse(chunk, line, start, end, 'neither time, pid and record nor a comment');
    const [, micros = '', pid, said = ''] = parts;
    const record = newRecord(constants, line);
    putMicros(record, micros);
    record['process.pid'] = Number(pid);
    const brace = said.indexOf('{');
    const objects = brace === -1 ? [] : readObjects(said.slice(brace));
    if (objects === undefined) return refuse(chunk, line, start, end, 'its JSON is cut off or wrong');
    record['message'] = said;
    take({ record, words: (brace === -1 ? said : said.slice(0, brace)).split(' ').filter(Boolean), objects });
    records.push(record);
  });
}

function refuse(chunk: LogText, line: number, start: number, end: number, why: string): void {
  const error = new BridgeError('BRIDGE_DECODE', `read transaction: ${why}`, { reason: 'transaction' });
  chunk.refuse(line, start, end, error);
}

/** `{…}` or `{…} {…}`. */
function readObjects(text: string): Resources[] | undefined {
  try {
    return JSON.parse(`[${text.replaceAll('} {', '},{')}]`) as Resources[];
  } catch {
    return undefined; // The caller says where.
  }
}

/** `{"cores": [1, "cores"]}` as `prefix.cores` = 1; the units are the system's (MB, s). */
export function putResources(record: WideRecord, prefix: string, resources: Resources | undefined): void {
  for (const name in resources) {
    const said = resources[name];
    const value: unknown = Array.isArray(said) ? said[0] : said;
    if (typeof value === 'number' && Number.isFinite(value)) record[`${prefix}.${name}`] = value;
    else if (typeof value === 'string') record[`${prefix}.${name}`] = value;
  }
}

const DEBUG = /^(\d{4})\/(\d\d)\/(\d\d) (\d\d:\d\d:\d\d\.\d\d) (\S+?)\[(\d+)\] ?([\w-]+): ?/;

/** `YYYY/MM/DD HH:MM:SS.cc program[pid] flag: message`, by a local clock. */
export function decodeDebug(chunk: LogText): void {
  const { bytes, constants, records } = chunk;
  let message: string[] = [];
  let record: WideRecord | undefined;
  const end = (): void => {
    if (record === undefined) return;
    record['message'] = message.join('\n');
    records.push(record);
  };
  forEachLine(chunk, (from, to, line) => {
    const text = bytes.toString('utf8', from, to);
    const parts = DEBUG.exec(text);
    if (parts === null && record !== undefined) {
      message.push(text);
      return;
    }
    end();
    record = newRecord(constants, line);
    message = [text.slice(parts?.[0].length ?? 0)];
    if (parts === null) return;
    const [, year, month, day, clock, program, pid, flag] = parts;
    put(record, 'parsl.timestamp', parseLocalTime(`${year}-${month}-${day} ${clock}`));
    put(record, 'process.name', program);
    record['process.pid'] = Number(pid);
    put(record, 'log.logger', flag);
  });
  end();
}

const TABLE_HEAD = /^#\s*timestamp\s/;

/**
 * A table of numbers: `# timestamp name name …`, then lines of as many numbers. Each line is a record with one key a
 * column, `prefix.name`; the first column is the time. Releases have other columns, so only the names count. A chunk from
 * further down brings the names along in its header.
 */
export function decodeTable(chunk: LogText, prefix: System): void {
  const { bytes, records } = chunk;
  const { columns: told, ...constants } = chunk.constants;
  let columns = typeof told === 'string' ? told.split(' ') : [];
  forEachLine(chunk, (start, end, line) => {
    const text = bytes.toString('utf8', start, end).trim();
    if (text.startsWith('#')) {
      if (TABLE_HEAD.test(text)) columns = tableColumns(text);
      return;
    }
    const values = text.split(/\s+/).map(Number);
    if (values.length !== columns.length || !values.every(Number.isFinite)) {
      const why = columns.length === 0 ? 'no line above names the columns' : `not ${columns.length} numbers`;
      const error = new BridgeError('BRIDGE_DECODE', `read performance: ${why}`, { reason: 'table' });
      return chunk.refuse(line, start, end, error);
    }
    const record = newRecord(constants, line);
    putMicros(record, String(Math.round(values[0] ?? 0)));
    for (let at = 1; at < columns.length; at++) record[`${prefix}.${columns[at] ?? ''}`] = values[at] ?? null;
    records.push(record);
  });
}

/** The names in a table's first line. */
export function tableColumns(head: string): string[] {
  return head.replace(/^#\s*/, '').split(/\s+/);
}
