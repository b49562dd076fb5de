/** Databases of recorded runs and those that the sink makes, as plain rows that can be compared. */
import Database from 'better-sqlite3';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import type { WideRecord } from '../../bridge/core/record.ts';
import { openSink } from '../../bridge/exporters/monitoring_db/sink.ts';
import { decodeFrames } from '../../bridge/formats/frames.ts';
import { fixtureBytes, recordedFrames } from './fixtures.ts';

export const tableNames = ['workflow', 'task', 'try', 'status', 'resource', 'node', 'block'] as const;
export type TableName = (typeof tableNames)[number];
export type Row = Readonly<Record<string, unknown>>;
export type Tables = Readonly<Record<TableName, readonly Row[]>>;

/** The records of a recording's messages as they reached the database manager. */
export function messagesOf(recording: string): readonly WideRecord[] {
  const { records, problems } = decodeFrames(recordedFrames(recording), 'test');
  const [problem] = problems;
  if (problem !== undefined) throw problem.error;
  return records;
}

/** What Parsl's own database manager made of a recording's messages. */
export function recordedDb(recording: string): Database.Database {
  const db = new Database(':memory:');
  db.pragma('foreign_keys = OFF');
  db.exec(fixtureBytes(recording, 'monitoring.dump.sql').toString('utf8'));
  return db;
}

/** The same as a file. */
export function recordedDbFile(recording: string, dir: string): string {
  const path = join(dir, `${recording}.db`);
  const db = new Database(path);
  db.pragma('foreign_keys = OFF');
  db.exec(fixtureBytes(recording, 'monitoring.dump.sql').toString('utf8'));
  db.close();
  return path;
}

/** A file that Parsl 1.0.0 wrote, of one run of six tasks. */
export function oldestDbFile(dir: string): string {
  const path = join(dir, '1.0.0.db');
  const db = new Database(path);
  db.pragma('foreign_keys = OFF');
  db.exec(readFileSync(join(import.meta.dirname, '..', 'fixtures', 'monitoring_db', '1.0.0.sql'), 'utf8'));
  db.close();
  return path;
}

/** Writes records, some at a time, a transaction each. */
export function writeDb(path: string, records: readonly WideRecord[], batchSize = 500): void {
  const sink = openSink(path, { platform: process.platform });
  try {
    for (let at = 0; at < records.length; at += batchSize) {
      sink.add(records.slice(at, at + batchSize));
      const [problem] = sink.commit();
      if (problem !== undefined) throw problem;
    }
  } finally {
    sink.close();
  }
}

/** All rows, sorted, without what is not compared (DESIGN.md §9): `node.id`, and what `without` says. */
export function rowsOf(db: Database.Database, without: readonly string[] = []): Tables {
  const rows = (name: string): Row[] =>
    (db.prepare(`SELECT * FROM "${name}"`).all() as Record<string, unknown>[])
      .map((row) => {
        const kept = Object.entries(row).filter(
          ([column]) => !(name === 'node' && column === 'id') && !without.includes(`${name}.${column}`),
        );
        return Object.fromEntries(kept.sort(([a], [b]) => (a < b ? -1 : 1)));
      })
      .sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  return Object.fromEntries(tableNames.map((name) => [name, rows(name)])) as unknown as Tables;
}

export function readDb(path: string, without: readonly string[] = []): Tables {
  const db = new Database(path, { readonly: true });
  try {
    return rowsOf(db, without);
  } finally {
    db.close();
  }
}

/** Columns of each table with their type, whether they are required, and their place in the key. */
export function schemaOf(db: Database.Database): Record<string, unknown> {
  const columns = (name: string): unknown =>
    (db.pragma(`table_info("${name}")`) as Row[]).map(({ name, type, notnull, pk }) => ({ name, type, notnull, pk }));
  const foreign = (name: string): unknown =>
    (db.pragma(`foreign_key_list("${name}")`) as Row[]).map(({ table, from, to }) => ({ table, from, to }));
  return Object.fromEntries(tableNames.map((name) => [name, [columns(name), foreign(name)]]));
}

/** The tables that release 1.0.0 made, as far as they differ. */
export const PARSL_1_0 = `
  CREATE TABLE workflow (run_id TEXT NOT NULL, workflow_name TEXT, workflow_version TEXT, time_began DATETIME NOT NULL,
    time_completed DATETIME, workflow_duration FLOAT, host TEXT NOT NULL, user TEXT NOT NULL, rundir TEXT NOT NULL,
    tasks_failed_count INTEGER NOT NULL, tasks_completed_count INTEGER NOT NULL, PRIMARY KEY (run_id));
  CREATE TABLE task (task_id INTEGER NOT NULL, run_id TEXT NOT NULL, hostname TEXT, task_depends TEXT,
    task_executor TEXT NOT NULL, task_func_name TEXT NOT NULL, task_time_submitted DATETIME, task_time_running DATETIME,
    task_time_returned DATETIME, task_memoize TEXT NOT NULL, task_hashsum TEXT, task_inputs TEXT, task_outputs TEXT,
    task_stdin TEXT, task_stdout TEXT, task_stderr TEXT, task_fail_count INTEGER NOT NULL, task_fail_history TEXT,
    PRIMARY KEY (task_id, run_id), FOREIGN KEY (run_id) REFERENCES workflow (run_id));
  CREATE TABLE status (task_id INTEGER NOT NULL, task_status_name TEXT NOT NULL, timestamp DATETIME NOT NULL,
    run_id TEXT NOT NULL, hostname TEXT, PRIMARY KEY (task_id, run_id, task_status_name, timestamp));
  CREATE TABLE node (id INTEGER NOT NULL, run_id TEXT NOT NULL, hostname TEXT NOT NULL, cpu_count INTEGER NOT NULL,
    total_memory INTEGER NOT NULL, active BOOLEAN NOT NULL, worker_count INTEGER NOT NULL, python_v TEXT NOT NULL,
    reg_time DATETIME NOT NULL, PRIMARY KEY (id));
  CREATE TABLE resource (task_id INTEGER NOT NULL, timestamp DATETIME NOT NULL, run_id TEXT NOT NULL,
    resource_monitoring_interval FLOAT, psutil_process_pid INTEGER, psutil_process_cpu_percent FLOAT,
    PRIMARY KEY (task_id, timestamp, run_id));
  CREATE INDEX ix_task_task_hashsum ON task (task_hashsum);
  INSERT INTO workflow VALUES ('r', 'w', '1', '2020-01-01 00:00:00.000000', NULL, 7.5, 'h', 'u', '/r/000', 0, 1);
  INSERT INTO task VALUES (3, 'r', 'node', '', 'htex', 'app', '2020-01-01 00:00:01.000000', NULL, NULL, '0', NULL, NULL,
    NULL, NULL, NULL, NULL, 0, '');
  INSERT INTO status VALUES (3, 'pending', '2020-01-01 00:00:01.000000', 'r', 'node');
  INSERT INTO node VALUES (1, 'r', 'node', 4, 8, 1, 4, '3.7.16', '2020-01-01 00:00:00.500000');
  INSERT INTO resource VALUES (3, '2020-01-01 00:00:02.000000', 'r', 1.0, 42, 99.5);`;
