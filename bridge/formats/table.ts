/**
 * A table of the user's own: CSV with a header line, or NDJSON. CSV as RFC 4180 has it: fields by commas, lines by LF
 * or CRLF, quotes around what holds either, a quote within doubled. Strict: what does not fit is an error that names
 * its line, because a row read wrongly would be joined to the wrong task.
 */
import { BridgeError } from '../core/errors.ts';
import type { Value } from '../core/record.ts';

export type Row = Readonly<Record<string, Value>>;

const ROWS_MAX = 5_000_000;

/** Throws BRIDGE_DECODE. */
export function readTable(text: string): Row[] {
  const start = text.search(/\S/);
  return text[start] === '{' ? readNdjson(text) : readCsv(text.replace(/^\uFEFF/, ''));
}

function readNdjson(text: string): Row[] {
  const rows: Row[] = [];
  text.split('\n').forEach((line, at) => {
    if (line.trim() === '') return;
    let row: unknown;
    try {
      row = JSON.parse(line);
    } catch (error) {
      throw wrong(at + 1, 'no JSON', error);
    }
    if (typeof row !== 'object' || row === null || Array.isArray(row)) throw wrong(at + 1, 'not an object');
    const scalars = Object.entries(row).filter((entry): entry is [string, Value] => typeof entry[1] !== 'object');
    rows.push(Object.fromEntries(scalars));
  });
  return rows;
}

function readCsv(text: string): Row[] {
  const [header = [], ...lines] = fieldsOf(text);
  if (header.length === 0 || header.some((name) => name.trim() === '')) throw wrong(1, 'a column has no name');
  return lines.map((fields, at) => {
    if (fields.length !== header.length)
      throw wrong(at + 2, `${fields.length} fields, but the header has ${header.length}`);
    return Object.fromEntries(fields.map((field, column) => [(header[column] ?? '').trim(), numberOr(field)]));
  });
}

/** `3` is the number, `03` and `3 apples` are texts. */
function numberOr(field: string): Value {
  return /^-?(0|[1-9]\d{0,14})(\.\d+)?$/.test(field) ? Number(field) : field;
}

/** Records of fields; empty lines are none. */
function fieldsOf(text: string): string[][] {
  const records: string[][] = [];
  let fields: string[] = [];
  for (let at = 0; at < text.length;) {
    const [field, end] = text[at] === '"' ? quoted(text, at, records.length + 1) : plain(text, at);
    fields.push(field);
    const next = text[end];
    if (next === ',') {
      at = end + 1;
      if (at === text.length) fields.push('');
      continue;
    }
    if (next !== undefined && next !== '\n' && next !== '\r') throw wrong(records.length + 1, 'text after a quote');
    if (fields.length > 1 || fields[0] !== '') records.push(fields);
    if (records.length > ROWS_MAX) throw wrong(ROWS_MAX, 'more rows than can be joined with');
    fields = [];
    at = next === '\r' && text[end + 1] === '\n' ? end + 2 : end + 1;
  }
  if (fields.length > 0) records.push(fields);
  return records;
}

function plain(text: string, at: number): [string, number] {
  let end = at;
  while (end < text.length && text[end] !== ',' && text[end] !== '\n' && text[end] !== '\r') end += 1;
  return [text.slice(at, end), end];
}

function quoted(text: string, at: number, record: number): [string, number] {
  let field = '';
  for (let from = at + 1; ;) {
    const close = text.indexOf('"', from);
    if (close < 0) throw wrong(record, 'a quote is not closed');
    field += text.slice(from, close);
    if (text[close + 1] !== '"') return [field, close + 1];
    field += '"';
    from = close + 2;
  }
}

function wrong(line: number, why: string, cause?: unknown): BridgeError {
  return new BridgeError('BRIDGE_DECODE', `read table, row ${line}: ${why}`, { cause });
}
