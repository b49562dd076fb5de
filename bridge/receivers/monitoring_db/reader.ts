/**
 * Reads a monitoring.db without writing to it, and without a lock that hurts whoever writes it: each look is one short
 * statement of at most so many rows, after which the file is free; Parsl's manager waits five seconds for that. It never
 * waits for a lock itself: what is locked now is read at the next look.
 *
 * Rows are only ever added to `status`, `resource`, `node` and `block`, so their row numbers say what is new. The rows of
 * a task and its tries change: they are read with each status, and again if they were not as far as the status yet.
 */
import Database from 'better-sqlite3';
import {
  closeSync, copyFileSync, existsSync, mkdtempSync, openSync, readSync, rmSync, statSync, truncateSync,
} from 'node:fs'; // prettier-ignore
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { Positions } from '../../core/component.ts';
import { BridgeError, reasonOf } from '../../core/errors.ts';
import type { Frame } from '../../core/frame.ts';
import { recordsFrame } from '../../core/lines.ts';
import { stringify, type WideRecord } from '../../core/record.ts';
import {
  blockRecord, hasTime, isBehind, nodeRecord, resourceRecord, statusRecord, workflowRecords, type Row,
} from '../../formats/monitoring_db.ts'; // prettier-ignore

const MAGIC = 'SQLite format 3\0';
/** How long a file that is not followed is waited for. */
const LOCK_WAIT_MS = 5_000;
/** What a copy of a file that is cut off may seem to have; its end is a hole. */
const CUT_BYTES_MAX = 2 ** 36;
/** Statuses whose task or try is looked at again, and how often. */
const BEHIND_MAX = 10_000;
const LOOKS_MAX = 100;

/** How far the tables but `workflow` were read, a position's part of this name; the others are what that said of a run. */
const ROWS = 'rows';

interface RowsPosition {
  /** By table, the last row number. */
  readonly tables: Readonly<Record<string, number>>;
  /** Statuses whose task or try was not as far yet. */
  readonly behind: readonly number[];
}

export interface Look {
  readonly records: WideRecord[];
  /** What cannot be used. */
  readonly problems: BridgeError[];
  /** Rows that were new. */
  readonly rows: number;
  /** The file is locked now: there may be more. */
  readonly isLocked: boolean;
}

export interface DbReader {
  /** Where the next look goes on, as far as it has changed since this was asked: to be kept with what was found. */
  moved(): Positions;
  /** Some rows were not as far as others; they have to be looked at again. */
  readonly isWaiting: boolean;
  /** Rows there are in all, roughly: for a progress bar. */
  readonly rowsTotal: number;
  /** Tables or columns have come since it was opened: it has to be opened again. */
  isStale(): boolean;
  /** What is new, at most `rowsMax` rows of each table. */
  look(rowsMax: number): Look;
  close(): void;
}

export interface ReaderOptions {
  /** All that moved() has told. */
  readonly remembered?: Positions | undefined;
  /** Only this run. */
  readonly run?: string | undefined;
  /** The file may still grow: it is read where it lies, never from a copy. */
  readonly follow: boolean;
}

/** True if a file that begins with `head` is a SQLite database. */
export function looksLikeSqlite(head: Uint8Array): boolean {
  return Buffer.from(head.subarray(0, 16)).toString('latin1') === MAGIC;
}

/** Throws BRIDGE_DECODE if the file is no monitoring database, BRIDGE_IO if it cannot be read now. */
export function openReader(path: string, options: ReaderOptions): DbReader {
  const opened = openFile(path, options.follow);
  try {
    return createReader(opened, path, options);
  } catch (error) {
    opened.db.close();
    opened.dispose();
    throw asProblem(error, path);
  }
}

interface Opened {
  readonly db: Database.Database;
  /** What is wrong with the file as a whole. */
  readonly problem?: BridgeError;
  readonly dispose: () => void;
}

function openFile(path: string, follow: boolean): Opened {
  const nothing = (): void => {};
  let db: Database.Database | undefined;
  try {
    if (isClosedLog(path) && !follow) return openCopy(path);
    db = new Database(path, { readonly: true, timeout: follow ? 0 : LOCK_WAIT_MS });
    db.prepare('SELECT count(*) FROM sqlite_master').get();
    return { db, dispose: nothing };
  } catch (error) {
    db?.close();
    // A journal that a crash left behind has to be rolled back, which we do in a copy.
    if (isDamage(error) && !follow) return openCut(path, asProblem(error, path));
    const isHot = error instanceof Database.SqliteError && /^SQLITE_(READONLY|CANTOPEN)/.test(error.code);
    if (!isHot || follow || !existsSync(path)) throw asProblem(error, path);
    return openCopy(path);
  }
}

/** True for a file with a write-ahead log that nobody has open: to read it where it lies would make that log again. */
function isClosedLog(path: string): boolean {
  const head = Buffer.alloc(20);
  const file = openSync(path, 'r');
  readSync(file, head);
  closeSync(file);
  return looksLikeSqlite(head) && head[18] === 2 && !existsSync(`${path}-shm`);
}

function openCopy(path: string, repair?: (copy: string) => void): Opened {
  const dir = mkdtempSync(join(tmpdir(), 'parsl-otel-db-'));
  const dispose = (): void => rmSync(dir, { recursive: true, force: true });
  try {
    const copy = join(dir, 'monitoring.db');
    for (const end of ['', '-wal', '-journal'])
      if (existsSync(`${path}${end}`)) copyFileSync(`${path}${end}`, `${copy}${end}`);
    repair?.(copy);
    return { db: new Database(copy), dispose };
  } catch (error) {
    dispose();
    throw error;
  }
}

/** SQLite refuses a file that is cut off as a whole. A copy is given empty pages at its end, and what is there is read. */
function openCut(path: string, problem: BridgeError): Opened {
  const opened = openCopy(path, (copy) => {
    const head = Buffer.alloc(32);
    const file = openSync(copy, 'r');
    readSync(file, head);
    closeSync(file);
    const pageBytes = head.readUInt16BE(16) === 1 ? 65_536 : head.readUInt16BE(16);
    truncateSync(copy, Math.max(statSync(copy).size, Math.min(pageBytes * head.readUInt32BE(28), CUT_BYTES_MAX)));
  });
  try {
    opened.db.prepare('SELECT count(*) FROM sqlite_master').get();
    return { ...opened, problem };
  } catch {
    opened.db.close();
    opened.dispose();
    throw problem; // What was wrong with the source says more than what is wrong with the copy.
  }
}

interface Source {
  readonly name: string;
  readonly select: Database.Statement<(number | string)[]>;
  readonly toRecord: (row: Row) => WideRecord;
}

function createReader(
  { db, dispose, problem }: Opened,
  path: string,
  { remembered = new Map(), run, follow }: ReaderOptions,
): DbReader {
  const damage = problem === undefined ? [] : [problem];
  const columns = new Map(
    ['workflow', 'task', 'try', 'status', 'resource', 'node', 'block'].map((table) => [table, columnsOf(db, table)]),
  );
  const has = (table: string): boolean => (columns.get(table)?.length ?? 0) > 0;
  if (!columns.get('workflow')?.includes('run_id') || !columns.get('status')?.includes('task_status_name')) {
    const tables = Number(db.prepare('SELECT count(*) FROM sqlite_master').pluck().get());
    const isBegun = tables === 0 || [...columns.values()].some((names) => names.length > 0);
    throw new BridgeError('BRIDGE_DECODE', `read ${path}: a database, but no monitoring database`, {
      reason: isBegun ? 'unfinished' : 'unknown_format',
    });
  }
  const schemaOf = (): unknown => db.pragma('schema_version', { simple: true });
  const schema = schemaOf();
  const ofRun = run === undefined ? '' : 'AND s.run_id = ?';
  const runs = run === undefined ? [] : [run];
  const prepare = (sql: string): Source['select'] => db.prepare(sql);
  const page = `${ofRun} ORDER BY s.rowid LIMIT ?`;
  const simple = (table: string, toRecord: Source['toRecord']): Source[] =>
    has(table)
      ? [
          {
            name: table,
            toRecord,
            select: prepare(`SELECT s.rowid AS "row number", s.* FROM ${table} s WHERE s.rowid > ? ${page}`),
          },
        ]
      : [];
  const joined = statusQuery(columns);
  const sources: Source[] = [
    { name: 'status', toRecord: statusRecord, select: prepare(`${joined} WHERE s.rowid > ? ${page}`) },
    ...simple('node', nodeRecord),
    ...simple('block', blockRecord),
    ...simple('resource', resourceRecord),
  ];
  const one = db.prepare<[number]>(`${joined} WHERE s.rowid = ?`);
  const workflows = db.prepare(`SELECT s.* FROM workflow s WHERE true ${ofRun} ORDER BY s.rowid`);
  const last = (table: string): number => Number(db.prepare(`SELECT max(rowid) FROM ${table}`).pluck().get() ?? 0);
  // A file that has fewer rows than were read is another one.
  const position = remembered.get(ROWS) as RowsPosition | undefined;
  const isOther = sources.some(({ name }) => last(name) < (position?.tables[name] ?? 0));
  const known = isOther ? undefined : position;
  const tables: Record<string, number> = { ...known?.tables };
  const said = new Map(isOther ? [] : remembered);
  const moved = new Map<string, unknown>();
  const behind = new Map<number, number>(known?.behind.map((rowid) => [rowid, 0]));
  const broken = new Set<string>();

  function look(rowsMax: number): Look {
    const found = { records: [] as WideRecord[], problems: damage.splice(0), rows: 0, isLocked: false };
    guarded('workflow', found, () => lookAtWorkflows(found.records));
    guarded('status', found, () => lookAgain(found.records));
    for (const source of sources) guarded(source.name, found, () => lookAt(source, rowsMax, found));
    return found;
  }

  /** A damaged table is told of once; the others are read. */
  function guarded(table: string, found: { problems: BridgeError[]; isLocked: boolean }, read: () => void): void {
    if (broken.has(table)) return;
    try {
      read();
    } catch (error) {
      if (isBusy(error)) {
        found.isLocked = true;
        return;
      }
      broken.add(table);
      found.problems.push(asProblem(error, `table ${table} of ${path}`));
    }
  }

  function lookAtWorkflows(records: WideRecord[]): void {
    for (const row of workflows.all(...runs) as Row[]) {
      const id = `run ${String(row['run_id'])}`;
      const text = stringify(row);
      if (said.get(id) === text) continue;
      said.set(id, text);
      moved.set(id, text);
      records.push(...workflowRecords(row));
    }
  }

  function lookAgain(records: WideRecord[]): void {
    for (const [rowid, looks] of behind) {
      const row = one.get(rowid) as Row | undefined;
      if (row !== undefined && isBehind(row) && looks < LOOKS_MAX) {
        behind.set(rowid, looks + 1);
        continue;
      }
      behind.delete(rowid);
      if (row !== undefined) records.push(statusRecord(row));
    }
  }

  function lookAt(
    { name, select, toRecord }: Source,
    rowsMax: number,
    found: Omit<Look, 'rows'> & { rows: number },
  ): void {
    let unplaced = 0;
    for (const row of readRows(select, tables[name] ?? 0, rowsMax)) {
      const rowid = Number(row['row number']);
      tables[name] = rowid;
      found.rows += 1;
      const record = toRecord(row);
      if (hasTime(record)) found.records.push(record);
      else unplaced += 1;
      if (follow && name === 'status' && behind.size < BEHIND_MAX && isBehind(row)) behind.set(rowid, 0);
    }
    if (unplaced > 0) {
      const message = `read ${path}: ${unplaced} rows of table ${name} have a timestamp that is none`;
      found.problems.push(new BridgeError('BRIDGE_DECODE', message, { reason: 'row' }));
    }
  }

  /** Up to a damaged page the rows are good: they are read in ever smaller steps. */
  function readRows(select: Source['select'], from: number, rowsMax: number): Row[] {
    try {
      return select.all(from, ...runs, rowsMax) as Row[];
    } catch (error) {
      if (!isDamage(error) || rowsMax === 1) throw error;
      return readRows(select, from, Math.floor(rowsMax / 2));
    }
  }

  return {
    moved() {
      moved.set(ROWS, { tables: { ...tables }, behind: [...behind.keys()] } satisfies RowsPosition);
      const all = new Map(moved);
      moved.clear();
      return all;
    },
    get isWaiting() {
      return behind.size > 0;
    },
    get rowsTotal() {
      return sources.reduce((sum, { name }) => sum + last(name), 0);
    },
    isStale() {
      try {
        return schemaOf() !== schema;
      } catch {
        return false; // Locked: the next look will tell.
      }
    },
    look,
    close() {
      db.close();
      dispose();
    },
  };
}

function columnsOf(db: Database.Database, table: string): string[] {
  return (db.pragma(`table_info("${table}")`) as { name: string }[]).map(({ name }) => name);
}

/** Each status with what its task and its try say, as far as the release had such columns. */
function statusQuery(columns: ReadonlyMap<string, readonly string[]>): string {
  const of = (table: string): readonly string[] => columns.get(table) ?? [];
  const named = (table: string, alias: string): string[] =>
    of(table).map((name) => `${alias}."${name.replaceAll('"', '""')}" AS "${table}.${name.replaceAll('"', '""')}"`);
  const selected = ['s.rowid AS "row number"', 's.*', ...named('task', 't')];
  const joins = of('task').length > 0 ? ['LEFT JOIN task t ON t.task_id = s.task_id AND t.run_id = s.run_id'] : [];
  if (of('try').length > 0 && of('status').includes('try_id')) {
    selected.push(...named('try', 'y'));
    joins.push('LEFT JOIN try y ON y.try_id = s.try_id AND y.task_id = s.task_id AND y.run_id = s.run_id');
  } else {
    selected.push(
      `iif(s.task_status_name = 'launched', (SELECT count(*) FROM status e WHERE e.task_id = s.task_id AND
         e.run_id = s.run_id AND e.task_status_name = 'launched' AND e.timestamp < s.timestamp), NULL) AS launches`,
    );
  }
  return `SELECT ${selected.join(', ')} FROM status s ${joins.join(' ')}`;
}

function isBusy(error: unknown): boolean {
  return error instanceof Database.SqliteError && error.code.startsWith('SQLITE_BUSY');
}

function isDamage(error: unknown): boolean {
  return error instanceof Database.SqliteError && /^SQLITE_(CORRUPT|NOTADB)/.test(error.code);
}

function asProblem(error: unknown, path: string): BridgeError {
  if (error instanceof BridgeError) return error;
  if (!isDamage(error)) return new BridgeError('BRIDGE_IO', `read ${path}: ${reasonOf(error)}`, { cause: error });
  const hint = 'what can be read of it is used; sqlite3 FILE .recover may bring back more';
  return new BridgeError('BRIDGE_DECODE', `read ${path}: ${reasonOf(error)}`, {
    cause: error,
    hint,
    reason: 'corrupt',
  });
}

/** Lines a frame: what the journal keeps in one piece. */
const FRAME_RECORDS = 500;

/** Records as frames. They came at no time that says anything about their clocks. */
export function framesOf(records: readonly WideRecord[]): Frame[] {
  const frames: Frame[] = [];
  for (let at = 0; at < records.length; at += FRAME_RECORDS)
    frames.push(recordsFrame(records.slice(at, at + FRAME_RECORDS), 0));
  return frames;
}

/** Changes when the file, or its log, does: a look that is not needed takes no lock at all. */
export function stampOf(path: string): string {
  return ['', '-wal']
    .map((end) => {
      try {
        const { mtimeMs, size } = statSync(`${path}${end}`);
        return `${mtimeMs} ${size}`;
      } catch {
        return 'none'; // There is no log, or no file yet.
      }
    })
    .join(' ');
}
