/** Databases of recorded runs and those that the sink makes, as plain rows that can be compared. */
import Database from 'better-sqlite3';
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
