/**
 * Opens a monitoring.db for writing: makes it, or takes one that any release of Parsl has written and brings its tables
 * to the newest schema in place, without losing a row or a column.
 *
 * A file on a local disk gets a write-ahead log, so that readers and the writer never wait for each other. WAL shares
 * memory between processes, which a network file system does not offer: there it is the rollback journal.
 */
import Database from 'better-sqlite3';
import { closeSync, existsSync, openSync, readSync, statfsSync } from 'node:fs';
import { dirname } from 'node:path';

import { BridgeError, reasonOf } from '../../core/errors.ts';
import { createTable, indexes, quoted, tables, type Column, type Table } from './tables.ts';

/** `po` and the version: a file that the bridge made, not Parsl. */
export const APPLICATION_ID = 0x706f_0001;

/** How long another connection may hold the file before a statement gives up. */
const LOCK_WAIT_MS = 5_000;
const MAGIC = 'SQLite format 3\0';

/** Linux: magic numbers of file systems whose files other hosts share (statfs(2), linux/magic.h). */
const networkFileSystems: ReadonlySet<number> = new Set([
  0x6969, // NFS
  0x517b, 0xff534d42, 0xfe534d42, // SMB, CIFS, SMB2
  0x0bd00bd0, // Lustre
  0x47504653, // GPFS
  0x00c36400, // Ceph
  0x65735546, // FUSE: sshfs, and much else that cannot be told apart
  0x19830326, // BeeGFS
  0x5346414f, 0x6b414653, 0x73757245, // AFS, kAFS, Coda
  0x01021997, // 9p
  0xaad7aaea, // PanFS
  0x20030528, // OrangeFS
]); // prettier-ignore

/** True where WAL is safe: a local disk, as far as statfs can tell. */
export function isLocalDisk(type: number, platform: NodeJS.Platform): boolean {
  // statfs gives the type as a signed number on some machines.
  return platform === 'linux' && !networkFileSystems.has(type >>> 0);
}

export interface OpenOptions {
  readonly platform: NodeJS.Platform;
  /** Told instead of asked for, in tests. */
  readonly fileSystemType?: number;
  readonly lockWaitMs?: number;
}

/** Throws BRIDGE_CONFIG where the file is none that rows can be written to, BRIDGE_IO where it is locked. */
export function openMonitoringDb(path: string, options: OpenOptions): Database.Database {
  const doing = `write ${path}`;
  refuseForeign(path, doing);
  let db: Database.Database | undefined;
  try {
    db = new Database(path, { timeout: options.lockWaitMs ?? LOCK_WAIT_MS });
    const isEmpty = requireMonitoringDb(db, doing);
    const type = options.fileSystemType ?? statfsSync(dirname(path)).type;
    setJournalMode(db, isLocalDisk(type, options.platform) ? 'wal' : 'delete');
    db.pragma('synchronous = FULL');
    // Pages that many commits change are written back once in 16 MB of log, and found in memory.
    db.pragma('wal_autocheckpoint = 4000');
    db.pragma('cache_size = -4000');
    // Neither Parsl nor a file with half a run has a workflow row for every status.
    db.pragma('foreign_keys = OFF');
    bringUpToDate(db, isEmpty);
    return db;
  } catch (error) {
    db?.close();
    if (error instanceof BridgeError) throw error;
    const isLocked = isBusy(error);
    throw new BridgeError(isLocked ? 'BRIDGE_IO' : 'BRIDGE_CONFIG', `${doing}: ${reasonOf(error)}`, {
      cause: error,
      hint: isLocked
        ? 'another program holds the file; it can be written to when that has let go'
        : 'check that the directory is there and can be written to, or give another path',
    });
  }
}

/** What is not SQLite is never written to. */
function refuseForeign(path: string, doing: string): void {
  if (!existsSync(path)) return;
  const head = Buffer.alloc(16);
  let length: number;
  try {
    const file = openSync(path, 'r');
    length = readSync(file, head);
    closeSync(file);
  } catch (error) {
    throw BridgeError.from(error, 'BRIDGE_CONFIG', doing);
  }
  if (length === 0 || head.toString('latin1', 0, length) === MAGIC) return;
  throw new BridgeError('BRIDGE_CONFIG', `${doing}: the file is there and is no SQLite database`, {
    hint: 'give another path',
  });
}

/** True if the file has no tables yet. */
function requireMonitoringDb(db: Database.Database, doing: string): boolean {
  const names = db
    .prepare("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'")
    .pluck()
    .all();
  if (names.length === 0) return true;
  if (names.includes('workflow') && columnsOf(db, 'workflow').some(({ name }) => name === 'run_id')) return false;
  throw new BridgeError('BRIDGE_CONFIG', `${doing}: the file is a database, but no monitoring database`, {
    hint: 'give another path',
  });
}

/** While others read, a file stays with the journal it has: a log can wait, but must go from where it is not safe. */
function setJournalMode(db: Database.Database, mode: 'wal' | 'delete'): void {
  if (db.pragma('journal_mode', { simple: true }) === mode) return;
  try {
    db.pragma(`journal_mode = ${mode}`);
  } catch (error) {
    if (mode === 'delete' || !isBusy(error)) throw error;
  }
}

function isBusy(error: unknown): boolean {
  return error instanceof Database.SqliteError && error.code.startsWith('SQLITE_BUSY');
}

function bringUpToDate(db: Database.Database, isEmpty: boolean): void {
  // A file that is up to date is not locked.
  const missing = tables.filter((table) => !isUpToDate(db, table));
  const present = db.prepare("SELECT name FROM sqlite_master WHERE type = 'index'").pluck().all() as string[];
  if (missing.length === 0 && indexes.every((index) => present.some((name) => index.includes(` ${name} `)))) return;
  db.transaction(() => {
    if (isEmpty) db.pragma(`application_id = ${APPLICATION_ID}`);
    for (const table of tables) upgrade(db, table);
    for (const index of indexes) db.exec(index);
  }).immediate();
}

interface Found extends Column {
  /** Place in the primary key, from 1; 0 for none. */
  readonly key: number;
}

function columnsOf(db: Database.Database, table: string): Found[] {
  const rows = db.pragma(`table_info(${quoted(table)})`) as {
    name: string;
    type: string;
    notnull: number;
    pk: number;
  }[];
  return rows.map(({ name, type, notnull, pk }) => ({ name, type, isRequired: notnull === 1, key: pk }));
}

function isUpToDate(db: Database.Database, { name, columns }: Table): boolean {
  const found = new Set(columnsOf(db, name).map((column) => column.name));
  return columns.every((column) => found.has(column.name)) && keyIsRight(db, name);
}

function keyIsRight(db: Database.Database, name: string): boolean {
  const wanted = tables.find((table) => table.name === name)?.primaryKey ?? [];
  const key = columnsOf(db, name)
    .filter(({ key }) => key > 0)
    .sort((a, b) => a.key - b.key);
  return key.length === wanted.length && wanted.every((column) => key.some((found) => found.name === column));
}

/** A column that may be empty is added; anything else makes a new table, into which the rows are copied. */
function upgrade(db: Database.Database, table: Table): void {
  const found = columnsOf(db, table.name);
  if (found.length === 0) {
    db.exec(createTable(table));
    return;
  }
  if (isUpToDate(db, table)) return;
  const known = new Set(found.map(({ name }) => name));
  const added = table.columns.filter(({ name }) => !known.has(name));
  const extra = found.filter(({ name }) => table.columns.every((column) => column.name !== name));
  if (keyIsRight(db, table.name) && !added.some(({ isRequired }) => isRequired) && !extra.some((c) => c.isRequired)) {
    for (const { name, type } of added) db.exec(`ALTER TABLE ${quoted(table.name)} ADD COLUMN ${quoted(name)} ${type}`);
    return;
  }
  const older = `parsl_otel_older_${table.name}`;
  db.exec(`ALTER TABLE ${quoted(table.name)} RENAME TO ${older}`);
  // Indexes move along with the renamed table and would keep their names from the new one.
  const moved = db.prepare("SELECT name FROM sqlite_master WHERE type = 'index' AND tbl_name = ? AND sql IS NOT NULL");
  for (const index of moved.pluck().all(older) as string[]) db.exec(`DROP INDEX ${quoted(index)}`);
  db.exec(createTable(table, extra));
  const values = table.columns.map((column) => valueFrom(column, table.name, known));
  const into = [...table.columns, ...extra].map(({ name }) => quoted(name)).join(', ');
  const from = [...values, ...extra.map(({ name }) => quoted(name))].join(', ');
  db.exec(`INSERT INTO ${quoted(table.name)} (${into}) SELECT ${from} FROM ${older}`);
  db.exec(`DROP TABLE ${older}`);
}

/**
 * What stands in a required column that the older release did not have: Parsl 1.0 numbered no tries (0), named no
 * managers ('') and told a node's time as reg_time.
 */
function valueFrom({ name, type, isRequired }: Column, table: string, known: ReadonlySet<string>): string {
  const empty = /TEXT|DATETIME/.test(type) ? "''" : '0';
  if (known.has(name)) return isRequired ? `coalesce(${quoted(name)}, ${empty})` : quoted(name);
  if (table === 'node' && (name === 'timestamp' || name === 'last_heartbeat') && known.has('reg_time'))
    return `coalesce(reg_time, '')`;
  if (name === 'task_fail_cost' && known.has('task_fail_count')) return 'coalesce(task_fail_count, 0)';
  if (name === 'task_time_invoked' && known.has('task_time_submitted')) return 'task_time_submitted';
  return isRequired ? empty : 'NULL';
}
