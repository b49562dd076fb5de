/**
 * A log record in two parts: its *site*, which is what it shares with all that the same line of code of the same process
 * logged into the same file (source, logger, level, template, place), and what is its own. A run of 500,000 records has
 * some hundred sites, so the words are stored once, and a filter by level, file or template is a filter of sites.
 *
 * Which keys belong to a site is a rule by name alone, so that a question knows where to look. Whoever changes the rule
 * raises the schema's version.
 */
import type { Value, WideRecord } from '../core/record.ts';
import type { RecordRow } from '../core/row.ts';
import { NO_TIME, recordColumns } from './schema.ts';

const sitePrefixes = ['log.', 'code.', 'process.', 'thread.', 'source.'];
const siteNames = new Set([
  'level', 'host.name', 'metric',
  'parsl.app_name', 'parsl.executor', 'parsl.executor_type', 'parsl.block', 'parsl.manager', 'parsl.worker',
  'parsl.task_state', 'parsl.phase', 'parsl.phase_edge', 'parsl.phase_ended',
  'parsl.utc_offset', 'workqueue.state', 'taskvine.state', 'error.type', 'interchange.message',
]); // prettier-ignore
/** They differ from one record to the next although their names begin so. */
const ownNames = new Set(['source.line', 'source.copy', 'source.arrival', 'source.note']);

/** True if the key is stored with the site. */
export function isSiteKey(key: string): boolean {
  return siteNames.has(key) || (sitePrefixes.some((prefix) => key.startsWith(prefix)) && !ownNames.has(key));
}

export type RecordColumn = keyof typeof recordColumns;
const columns = Object.keys(recordColumns) as RecordColumn[];

/** True if the key is a column of its own, for values that are whole numbers. */
export function isColumn(key: string): key is RecordColumn {
  return Object.hasOwn(recordColumns, key); // Anyone may ask for `constructor`.
}

export interface Parts {
  /** JSON object. */
  readonly site: string;
  /** JSON array: names of the keys that are not in the site. */
  readonly names: string;
  readonly columns: readonly (number | null)[];
  readonly message: string;
  /** JSON object; null where nothing is left. */
  readonly keys: string | null;
}

/** Splits a record; its run and its time in microseconds are stored beside it. Keys without a value are left out. */
export function split({ record, time }: RecordRow): Parts {
  const nanos = time === null ? undefined : BigInt(time) * 1000n;
  const site: WideRecord = {};
  const own: WideRecord = {};
  const names: string[] = [];
  let hasOwn = false;
  for (const key in record) {
    const value = record[key];
    if (value === null || value === undefined || key === 'parsl.dfk') continue;
    const plain = typeof value === 'bigint' ? value.toString() : value;
    if (isKnownSiteKey(key)) {
      site[key] = plain;
      continue;
    }
    names.push(key);
    if (key === 'message' || (isColumn(key) && Number.isSafeInteger(value))) continue;
    if (key === 'time' && value === nanos) continue;
    own[key] = plain;
    hasOwn = true;
  }
  const message = record['message'] ?? '';
  return {
    site: JSON.stringify(site),
    names: JSON.stringify(names),
    columns: columns.map((key) => (Number.isSafeInteger(record[key]) ? (record[key] as number) : null)),
    message: typeof message === 'string' ? message : String(message),
    keys: hasOwn ? JSON.stringify(own) : null,
  };
}

/** Names are few and come again and again. */
const known = new Map<string, boolean>();

function isKnownSiteKey(key: string): boolean {
  let is = known.get(key);
  if (is === undefined) {
    if (known.size > 10_000) known.clear(); // Anyone may make up names.
    known.set(key, (is = isSiteKey(key)));
  }
  return is;
}

/** How SQLite gives a record back. */
export type StoredRecord = Readonly<Record<RecordColumn, number | null>> & {
  readonly time: number;
  readonly run: string | null;
  readonly site: string;
  readonly message: string;
  readonly keys: string | null;
};

/**
 * The record that was split, but for its keys without a value; a bigint other than `time` comes back as text. `time` is
 * there also where the record told a naive local time alone.
 */
export function join(stored: StoredRecord): WideRecord {
  const record: WideRecord = {};
  const own = stored.keys === null ? {} : (JSON.parse(stored.keys) as Record<string, Value>);
  if (stored.time !== NO_TIME) record['time'] = BigInt(stored.time) * 1000n;
  record['message'] = stored.message;
  if (stored.run !== null) record['parsl.dfk'] = stored.run;
  for (const key of columns) if (stored[key] !== null) record[key] = stored[key];
  Object.assign(record, JSON.parse(stored.site), own);
  const { time } = own;
  if (typeof time === 'string' && /^\d+$/.test(time)) record['time'] = BigInt(time); // Told to the nanosecond.
  return record;
}
