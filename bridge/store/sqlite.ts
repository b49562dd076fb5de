/**
 * The read side on SQLite. One writer, the pipeline; readers in other threads and processes see whole transactions
 * (WAL). The journal sequence travels in the transaction of its rows, so that after a crash the caller replays from
 * `seq()` and nothing is applied in part. `synchronous = NORMAL` may lose the last transactions with the power; the
 * sequence is lost with them, and they come again.
 */
import { rmSync } from 'node:fs';

import Database from 'better-sqlite3';

import { errorType } from '../core/error_type.ts';
import { BridgeError } from '../core/errors.ts';
import type { Rows } from '../core/row.ts';
import { createReads } from './reads.ts';
import { lateSettler } from './late.ts';
import { recordWriter } from './record_writer.ts';
import {
  APPLICATION_ID,
  SCHEMA_VERSION,
  blockColumns,
  ddl,
  managerColumns,
  runColumns,
  sampleColumns,
  taskColumns,
  tryColumns,
} from './schema.ts';
import type { Reads, Store } from './store.ts';

export interface StoreOptions {
  /** Resource samples kept, over all runs; the oldest are cut. About 100 bytes each. */
  readonly samples_max?: number;
  /** Log records kept, over all runs; the oldest are cut. About 300 bytes each. */
  readonly records_max?: number;
}

const SAMPLES_MAX = 1_000_000;
const RECORDS_MAX = 2_000_000;
/** Rows over the limit that are let gather before a cut, so that not every write cuts. */
const SAMPLES_SLACK = 10_000;
const CACHE_KIB = 16_384;

/** Opens the store at `path` (`:memory:` for one that is not kept) to write and to read. */
export function openStore(path: string, options: StoreOptions = {}): Store {
  const { samples_max = SAMPLES_MAX, records_max = RECORDS_MAX } = options;
  const { db, fresh } = openCurrent(path);
  const write = writer(db, samples_max, records_max);
  const meta = db.prepare<[], { seq: number; samples_cut: number; records_cut: number }>('SELECT * FROM meta');
  return {
    ...createReads(db),
    fresh,
    seq: () => meta.get()?.seq ?? 0,
    samplesCut: () => meta.get()?.samples_cut ?? 0,
    recordsCut: () => meta.get()?.records_cut ?? 0,
    write,
    close() {
      if (db.open) db.close();
    },
  };
}

/** Opens a store that is there already, only to read: for another thread or another process. */
export function openReads(path: string): Reads & { close(): void } {
  const db = connect(path, { readonly: true, fileMustExist: true });
  const state = stateOf(db);
  if (state !== 'current') {
    db.close();
    throw new BridgeError('BRIDGE_CONFIG', `read store ${path}: not a store of this version`, {
      hint: 'start the bridge once on this data directory: it builds the store anew',
    });
  }
  return { ...createReads(db), close: () => void db.close() };
}

function connect(path: string, options: Database.Options): Database.Database {
  try {
    const db = new Database(path, options);
    db.pragma('schema_version'); // Reads the header: a file that is no database says so here.
    return db;
  } catch (error) {
    throw BridgeError.from(error, 'BRIDGE_CONFIG', `open store ${path}`);
  }
}

function stateOf(db: Database.Database): 'empty' | 'foreign' | 'other version' | 'current' {
  if (db.pragma('schema_version', { simple: true }) === 0) return 'empty';
  if (db.pragma('application_id', { simple: true }) !== APPLICATION_ID) return 'foreign';
  return db.pragma('user_version', { simple: true }) === SCHEMA_VERSION ? 'current' : 'other version';
}

function openCurrent(path: string): { db: Database.Database; fresh: boolean } {
  let db = connect(path, {});
  let state = stateOf(db);
  if (state === 'foreign') {
    db.close();
    throw new BridgeError('BRIDGE_CONFIG', `open store ${path}: this database is not a parsl-otel store`, {
      hint: 'choose another data directory, or move the file away',
    });
  }
  if (state === 'other version') {
    db.close();
    for (const suffix of ['', '-wal', '-shm']) rmSync(path + suffix, { force: true });
    db = connect(path, {});
    state = 'empty';
  }
  db.pragma('journal_mode = WAL');
  db.pragma('synchronous = NORMAL');
  db.pragma(`cache_size = -${CACHE_KIB}`);
  if (state === 'empty') db.transaction(() => db.exec(ddl)).immediate();
  return { db, fresh: state === 'empty' };
}

type Scalar = string | number | null;
type Insert = (runNo: number, row: object) => void;

/** A prepared insert of one table that replaces the row with the same key; `extra` makes the columns we add. */
function upsert(
  db: Database.Database,
  table: string,
  keys: readonly string[],
  columns: Readonly<Record<string, string>>,
  extra: readonly [column: string, value: (row: Readonly<Record<string, unknown>>) => Scalar][] = [],
): Insert {
  const names = [...Object.keys(columns), ...extra.map(([column]) => column)];
  const set = names.filter((name) => !keys.includes(name)).map((name) => `"${name}" = excluded."${name}"`);
  const statement = db.prepare(
    `INSERT INTO ${table} (run_no, ${names.map((name) => `"${name}"`).join(', ')})
     VALUES (?${', ?'.repeat(names.length)})
     ON CONFLICT (run_no, ${keys.join(', ')}) DO UPDATE SET ${set.join(', ')}`,
  );
  const plain = Object.entries(columns).map(([name, type]) => ({ name, whole: type.startsWith('INTEGER') }));
  return (runNo, row) => {
    const cells = row as Readonly<Record<string, unknown>>; // A row's fields are the columns: schema.ts sees to it.
    const values = plain.map(({ name, whole }) => scalar(cells[name], whole));
    statement.run(runNo, ...values, ...extra.map(([, value]) => value(cells)));
  };
}

function scalar(value: unknown, whole: boolean): Scalar {
  if (typeof value === 'number') return Number.isFinite(value) ? (whole ? Math.round(value) : value) : null;
  if (typeof value === 'boolean') return value ? 1 : 0;
  return typeof value === 'string' ? value : null;
}

const historyOf = ({ fail_history }: Readonly<Record<string, unknown>>): string | undefined =>
  typeof fail_history === 'string' && fail_history !== '' ? fail_history : undefined;

/** A try without an error text did not fail. */
const errorOf = (row: Readonly<Record<string, unknown>>): string | null => {
  const history = historyOf(row);
  return history === undefined ? null : errorType(history);
};

function writer(db: Database.Database, samplesMax: number, recordsMax: number): (rows: Rows, seq: number) => void {
  const tables = {
    task: upsert(db, 'task', ['task'], taskColumns, [
      // A task that was retried and ended well keeps its history, but it has no error.
      ['error', (row) => (row['state'] === 'failed' || row['state'] === 'dep_fail' ? errorType(historyOf(row)) : null)],
    ]), // prettier-ignore
    try: upsert(db, 'try', ['task', 'try'], tryColumns, [['error', errorOf]]),
    block: upsert(db, 'block', ['executor', 'block'], blockColumns),
    manager: upsert(db, 'manager', ['manager'], managerColumns),
    sample: upsert(db, 'sample', ['task', 'try', 'time'], sampleColumns),
  };
  const putRun = runWriter(db);
  const records = recordWriter(db, recordsMax);
  const settle = lateSettler(db);
  const cutSamples = sampleCutter(db, samplesMax);
  const setSeq = db.prepare<[number]>('UPDATE meta SET seq = ?');

  const write = db.transaction((rows: Rows, seq: number): void => {
    const numbers = putRun(rows, seq);
    const all = (insert: Insert, list: readonly { readonly run: string }[]): void => {
      for (const row of list) insert(numbers(row.run), row);
    };
    all(tables.task, rows.tasks);
    all(tables.try, rows.tries);
    all(tables.block, rows.blocks);
    all(tables.manager, rows.managers);
    all(tables.sample, rows.samples);
    if (rows.samples.length > 0) cutSamples();
    records.write(rows.records, numbers);
    if (settle(rows, seq, numbers)) records.forget();
    setSeq.run(seq);
  });
  return (rows, seq) => {
    try {
      write(rows, seq);
    } catch (error) {
      records.forget(); // Sites that were made in it are not there.
      throw error;
    }
  };
}

/** Writes the runs' own rows and marks every run that a row names as changed; gives the runs' numbers. */
function runWriter(db: Database.Database): (rows: Rows, seq: number) => (run: string) => number {
  const names = Object.keys(runColumns);
  const put = db.prepare(
    `INSERT INTO run (run, revision, ${names.join(', ')}) VALUES (?, ?${', ?'.repeat(names.length)})
     ON CONFLICT (run) DO UPDATE SET ${names.map((name) => `${name} = excluded.${name}`).join(', ')}`,
  );
  const touch = db.prepare<[string, number], { run_no: number }>(
    `INSERT INTO run (run, revision) VALUES (?, ?)
     ON CONFLICT (run) DO UPDATE SET revision = excluded.revision RETURNING run_no`,
  );
  return (rows, seq) => {
    for (const row of rows.runs) {
      const cells = row as unknown as Readonly<Record<string, unknown>>;
      put.run(row.run, seq, ...names.map((name) => scalar(cells[name], runColumns[name as keyof typeof runColumns] === 'INTEGER')));
    } // prettier-ignore
    const numbers = new Map<string, number>();
    const number = (run: string): number => {
      let no = numbers.get(run);
      if (no === undefined) {
        no = touch.get(run, seq)?.run_no ?? 0;
        numbers.set(run, no);
      }
      return no;
    };
    for (const { run } of rows.runs) number(run);
    return number;
  };
}

function sampleCutter(db: Database.Database, samplesMax: number): () => void {
  // Ids only grow, so their range is the number of samples but for the gaps that repeated samples leave.
  const range = db.prepare<[], { first: number | null; last: number | null }>(
    'SELECT (SELECT min(id) FROM sample) AS first, (SELECT max(id) FROM sample) AS last',
  );
  const cut = db.prepare<[number]>('DELETE FROM sample WHERE id <= ?');
  const count = db.prepare<[number]>('UPDATE meta SET samples_cut = samples_cut + ?');
  return () => {
    const { first, last } = range.get() ?? {};
    if (first == null || last == null || last - first + 1 <= samplesMax + Math.min(SAMPLES_SLACK, samplesMax)) return;
    count.run(cut.run(last - samplesMax).changes);
  };
}
