import Database from 'better-sqlite3';
import assert from 'node:assert/strict';
import { appendFileSync, chmodSync, copyFileSync, existsSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'; // prettier-ignore
import { join } from 'node:path';

import type { WideRecord } from '../../bridge/core/record.ts';
import { monitoringDb } from '../../bridge/receivers/monitoring_db/index.ts';
import { openReader, type DbReader } from '../../bridge/receivers/monitoring_db/reader.ts';
import { recordings } from '../helpers/fixtures.ts';
import { messagesOf, readDb, recordedDb, recordedDbFile, rowsOf, writeDb } from '../helpers/monitoring_db.ts';
import { finished, startReceiver, tempDir } from '../helpers/receiver.ts';

const NAME = '2025.06.30-W1-udp';

function readAll(reader: DbReader, rowsMax = 1_000): WideRecord[] {
  const records: WideRecord[] = [];
  try {
    for (let rows = 1; rows > 0;) {
      const look = reader.look(rowsMax);
      assert.deepEqual(look.problems, []);
      records.push(...look.records);
      rows = look.rows;
    }
    return records;
  } finally {
    reader.close();
  }
}

describe('receivers/monitoring_db', () => {
  let dir: string;
  let path: string;

  beforeEach(async () => {
    dir = await tempDir();
    path = recordedDbFile(NAME, dir);
  });

  describe('gives records from which the sink makes the same database again', () => {
    for (const name of recordings())
      it(name, async () => {
        const source = recordedDbFile(name, await tempDir());
        const copy = join(dir, 'copy.db');
        writeDb(copy, readAll(openReader(source, { follow: false }), 97));
        // Only 1.2 has psutil_process_cpu_percent, and lacks three newer columns.
        const without = name.startsWith('1.')
          ? ['psutil_process_cpu_percent', 'psutil_cpu_num', 'psutil_process_num_ctx_switches_voluntary', 'psutil_process_num_ctx_switches_involuntary'].map((column) => `resource.${column}`)
          : []; // prettier-ignore
        if (Number.parseInt(name) < 2024) without.push(...newColumns);
        assert.deepEqual(readDb(copy, without), rowsOf(recordedDb(name), without));
      });
  });

  it('reads the file to its end, once', async () => {
    const journal = new Map<string, unknown>();
    const receiver = await startReceiver(monitoringDb, { path, batch_rows_max: 50 }, { journal });
    await finished(receiver);
    await receiver.stop();
    const wanted = readAll(openReader(path, { follow: false }));
    const said = (records: readonly WideRecord[]): string[] =>
      records.map((record) => JSON.stringify({ ...record, 'source.receiver': undefined })).sort();
    assert.deepEqual(said(receiver.records), said(wanted));
    const again = await startReceiver(monitoringDb, { path }, { journal });
    await finished(again);
    await again.stop();
    assert.deepEqual(again.records, []);
  });

  it('reads again what was refused', async () => {
    const journal = new Map<string, unknown>();
    const refusing = await startReceiver(
      monitoringDb,
      { path },
      { journal, next: () => Promise.reject(new Error('full')) },
    );
    await refusing.until(({ reported }) => reported.length > 0);
    await refusing.stop();
    const receiver = await startReceiver(monitoringDb, { path }, { journal });
    await finished(receiver);
    assert.equal(receiver.records.length, readAll(openReader(path, { follow: false })).length);
  });

  it('takes one run of several', () => {
    const runs = rowsOf(recordedDb(NAME)).workflow.map(({ run_id }) => String(run_id));
    assert.equal(runs.length, 2);
    for (const run of runs) {
      const records = readAll(openReader(path, { follow: false, run }));
      assert.deepEqual([...new Set(records.map((record) => record['parsl.dfk']))], [run]);
    }
  });

  it('follows a database that is being written, with no rows lost to any order of commits', async () => {
    const growing = join(dir, 'growing.db');
    const receiver = await startReceiver(monitoringDb, { path: growing, mode: 'follow', poll_interval_ms: 10 });
    const db = new Database(growing);
    db.pragma('foreign_keys = OFF');
    const source = recordedDb(NAME);
    for (const { sql } of source.prepare("SELECT sql FROM sqlite_master WHERE type = 'table'").all() as {
      sql: string;
    }[])
      db.exec(sql);
    // As Parsl commits them: statuses before the rows of their tries, and these without what is only known later.
    const rows = rowsOf(source);
    for (const table of ['workflow', 'task', 'status'] as const) insertAll(db, table, rows[table]);
    const bare = { block_id: null, hostname: null, task_try_time_running: null, task_try_time_returned: null };
    await receiver.until(({ records }) => records.length >= rows.status.length);
    insertAll(db, 'try', rows.try.map((row) => ({ ...row, ...bare }))); // prettier-ignore
    for (const row of rows.try)
      db.prepare(
        `UPDATE try SET block_id = @block_id, hostname = @hostname, task_try_time_running = @task_try_time_running,
           task_try_time_returned = @task_try_time_returned
           WHERE try_id = @try_id AND task_id = @task_id AND run_id = @run_id`,
      ).run(row);
    for (const table of ['node', 'block', 'resource'] as const) insertAll(db, table, rows[table]);
    const wanted = new Set(
      rows.try
        .filter((row) => row['hostname'] !== null)
        .map(({ task_id, try_id }) => `${String(task_id)}/${String(try_id)}`),
    );
    const named = (records: readonly WideRecord[]): Set<string> =>
      new Set(
        records
          .filter((record) => record['parsl.task_state'] === 'running' && record['host.name'] !== undefined)
          .map((record) => `${String(record['parsl.task'])}/${String(record['parsl.try'])}`),
      );
    await receiver.until(({ records }) => named(records).size === wanted.size && records.some(isSample));
    await receiver.stop();
    db.close();
    const copy = join(dir, 'copy.db');
    writeDb(copy, receiver.records);
    assert.deepEqual(readDb(copy), rows);
  });

  it('follows a file from before it is there, through the making of its tables', async () => {
    const growing = join(dir, 'growing.db');
    const receiver = await startReceiver(monitoringDb, { path: growing, mode: 'follow', poll_interval_ms: 10 });
    const source = recordedDb(NAME);
    const rows = rowsOf(source);
    const db = new Database(growing);
    db.pragma('foreign_keys = OFF');
    const made = source.prepare("SELECT sql FROM sqlite_master WHERE type = 'table' AND name = ?").pluck();
    // The try table comes when rows of others have been read.
    for (const table of ['block', 'status', 'workflow', 'task'] as const) {
      db.exec(String(made.get(table)));
      insertAll(db, table, rows[table]);
    }
    await receiver.until(({ records }) => records.length >= rows.status.length);
    for (const table of ['try', 'node', 'resource'] as const) {
      db.exec(String(made.get(table)));
      insertAll(db, table, rows[table]);
    }
    await receiver.until(({ records }) => records.filter(isSample).length === rows.resource.length);
    await receiver.stop();
    db.close();
    assert.deepEqual(receiver.reported, []);
    const managers = receiver.records.filter((record) => record['parsl.message_type'] === 'NODE_INFO');
    assert.equal(managers.length, rows.node.length);
  });

  it('goes on after a restart where it stood', async () => {
    const growing = join(dir, 'growing.db');
    const records = messagesOf(NAME);
    const half = Math.floor(records.length / 2);
    const journal = new Map<string, unknown>();
    writeDb(growing, records.slice(0, half));
    const options = { path: growing, mode: 'follow', poll_interval_ms: 10 } as const;
    const first = await startReceiver(monitoringDb, options, { journal });
    await first.until(({ records }) => records.length > 0);
    await first.stop();
    writeDb(growing, records.slice(half));
    const second = await startReceiver(monitoringDb, options, { journal });
    const statuses = rowsOf(recordedDb(NAME)).status.length;
    const keys = (): number => {
      const all = [...first.records, ...second.records].filter((record) => record['parsl.task_state'] !== undefined);
      return new Set(
        all.map((r) => [r['parsl.dfk'], r['parsl.task'], r['parsl.task_state'], r['parsl.timestamp']].join()),
      ).size;
    };
    await second.until(() => keys() === statuses);
    await second.stop();
    assert.ok(second.records.length < first.records.length + second.records.length);
    assert.ok(second.records.filter((r) => r['parsl.task_state'] !== undefined).length < statuses);
  });

  it('takes no lock while it waits: a writer with no patience is never refused', async () => {
    const growing = join(dir, 'growing.db');
    const db = new Database(growing, { timeout: 0 });
    db.pragma('journal_mode = DELETE');
    db.pragma('foreign_keys = OFF');
    for (const { sql } of recordedDb(NAME).prepare("SELECT sql FROM sqlite_master WHERE type = 'table'").all() as {
      sql: string;
    }[])
      db.exec(sql);
    const rows = rowsOf(recordedDb(NAME));
    insertAll(db, 'workflow', rows.workflow);
    const receiver = await startReceiver(monitoringDb, {
      path: growing,
      mode: 'follow',
      poll_interval_ms: 10,
      batch_rows_max: 10,
    });
    for (const row of rows.status) {
      insertAll(db, 'status', [row]); // Throws if the file is locked.
      if (Number(row['task_id']) % 9 === 0) await receiver.until(({ records }) => records.length > 0);
    }
    await receiver.stop();
    db.close();
  });

  describe('bad input', () => {
    const open = (): DbReader => openReader(path, { follow: false });

    it('says that a file is no SQLite database, or another program’s', () => {
      const other = join(dir, 'other.db');
      writeFileSync(other, 'SQLite format 3\0 but not really'.padEnd(4_096, 'x'));
      assert.throws(() => openReader(other, { follow: false }), { code: 'BRIDGE_DECODE', reason: 'corrupt' });
      const foreign = join(dir, 'foreign.db');
      new Database(foreign).exec('CREATE TABLE t (a)').close();
      assert.throws(() => openReader(foreign, { follow: false }), {
        code: 'BRIDGE_DECODE',
        message: /no monitoring database/,
      });
    });

    it('reads the tables that are whole when the file is cut off', () => {
      truncateSync(path, Math.floor(readFileSync(path).length * 0.7));
      const reader = open();
      const records: WideRecord[] = [];
      const problems: string[] = [];
      for (let rows = 1; rows > 0;) {
        const look = reader.look(1_000);
        records.push(...look.records);
        problems.push(...look.problems.map(({ reason }) => String(reason)));
        rows = look.rows;
      }
      reader.close();
      assert.ok(problems.length > 0 && problems.every((reason) => reason === 'corrupt'), problems.join());
      assert.ok(records.length > 0);
    });

    it('says that a file is locked, and reads it when it is free', () => {
      const writer = new Database(path);
      writer.pragma('locking_mode = EXCLUSIVE');
      writer.exec('BEGIN EXCLUSIVE');
      assert.throws(() => openReader(path, { follow: true }), { code: 'BRIDGE_IO', message: /locked/ });
      writer.exec('COMMIT');
      writer.close();
      assert.ok(readAll(open()).length > 100);
    });

    it('reads a file that may not be written to, and a log that nobody has open, without a trace', () => {
      const log = join(dir, 'log.db');
      writeDb(log, messagesOf(NAME));
      const writer = new Database(log);
      writer.pragma('journal_mode = WAL');
      writer.close();
      for (const file of [path, log]) {
        chmodSync(file, 0o444);
        const before = [readFileSync(file), readdirSync(dir).sort()];
        assert.ok(readAll(openReader(file, { follow: false })).length > 100);
        assert.deepEqual([readFileSync(file), readdirSync(dir).sort()], before);
      }
    });

    it('rolls back what a crash left half-written, in a copy', () => {
      const writer = new Database(path);
      writer.pragma('journal_mode = DELETE');
      writer.pragma('cache_size = 2');
      writer.exec(
        'BEGIN; UPDATE status SET task_status_name = task_status_name || 1; UPDATE task SET task_func_name = 2',
      );
      const crashed = join(dir, 'crashed.db');
      for (const end of ['', '-journal']) copyFileSync(`${path}${end}`, `${crashed}${end}`);
      writer.exec('ROLLBACK');
      writer.close();
      const before = readFileSync(crashed);
      const states = new Set(
        readAll(openReader(crashed, { follow: false })).map((record) => record['parsl.task_state']),
      );
      assert.ok(states.has('exec_done') && !states.has('exec_done1'));
      assert.deepEqual(readFileSync(crashed), before);
      assert.ok(existsSync(`${crashed}-journal`));
    });

    it('tells how many rows cannot be placed in time, and reads their neighbours', () => {
      const db = new Database(path);
      db.exec("UPDATE status SET timestamp = 'soon ' || rowid WHERE rowid % 7 = 0");
      db.close();
      const reader = open();
      const { problems, records } = reader.look(10_000);
      reader.close();
      assert.match(
        problems.map(({ message }) => message).join(),
        /\d+ rows of table status have a timestamp that is none/,
      );
      assert.ok(records.length > 300);
    });

    it('reports one line and stops, as a receiver', async () => {
      appendFileSync(join(dir, 'none.db'), 'no database');
      const receiver = await startReceiver(monitoringDb, { path: join(dir, 'none.db') });
      await finished(receiver);
      await receiver.stop();
      assert.deepEqual(
        receiver.reported.map(({ code }) => code),
        ['BRIDGE_DECODE'],
      );
      assert.ok(!receiver.reported[0]?.message.includes('\n'));
    });
  });
});

const newColumns = [
  'psutil_cpu_num',
  'psutil_process_num_ctx_switches_voluntary',
  'psutil_process_num_ctx_switches_involuntary',
].map((column) => `resource.${column}`);

const isSample = (record: WideRecord): boolean => record['parsl.message_type'] === 'RESOURCE_INFO';

function insertAll(db: Database.Database, table: string, rows: readonly Readonly<Record<string, unknown>>[]): void {
  db.transaction(() => {
    for (const row of rows) {
      const names = Object.keys(row);
      db.prepare(`INSERT INTO "${table}" (${names.join()}) VALUES (${names.map((name) => `@${name}`).join()})`).run(
        row,
      );
    }
  })();
}
