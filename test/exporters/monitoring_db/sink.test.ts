import Database from 'better-sqlite3';
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

import type { WideRecord } from '../../../bridge/core/record.ts';
import { isLocalDisk } from '../../../bridge/exporters/monitoring_db/file.ts';
import { openSink } from '../../../bridge/exporters/monitoring_db/sink.ts';
import {
  messagesOf,
  oldestDbFile,
  PARSL_1_0,
  readDb,
  recordedDbFile,
  rowsOf,
  writeDb,
} from '../../helpers/monitoring_db.ts';
import { tempDir } from '../../helpers/receiver.ts';

const NAME = '2026.10.26-W1-htex';
const OLD = '1.2.0-W1-udp';
const NFS = 0x6969;
const EXT4 = 0xef53;
const local = { platform: 'linux', fileSystemType: EXT4 } as const;

describe('exporters/monitoring_db/sink', () => {
  let path: string;
  let records: readonly WideRecord[];

  beforeEach(async () => {
    path = join(await tempDir(), 'monitoring.db');
    records = messagesOf(NAME);
  });

  it('goes on where another one stopped, at any message', () => {
    const whole = `${path}.whole`;
    writeDb(whole, records);
    for (const record of records.slice(0, 60)) writeDb(path, [record]);
    writeDb(path, records.slice(60));
    assert.deepEqual(readDb(path), readDb(whole));
  });

  it('remembers a worker’s start that came before its task, over a restart', () => {
    const start = records.find((record) => record['parsl.task_state'] === 'running');
    assert.ok(start !== undefined);
    writeDb(path, [start]);
    writeDb(path, records);
    const whole = `${path}.whole`;
    writeDb(whole, records);
    assert.deepEqual(readDb(path), readDb(whole));
  });

  it('lets several bridges write several runs into one file at the same time', () => {
    const sinks = [openSink(path, local), openSink(path, local)];
    const other = messagesOf('2025.06.30-W4-udp');
    const mixed = [...records, ...other].map((record, i) => ({ record, sink: sinks[(i * 7) % 2]! }));
    for (const [i, { record, sink }] of mixed.entries()) {
      sink.add([record]);
      if (i % 11 === 0) sink.commit();
    }
    for (const sink of sinks) {
      assert.deepEqual(sink.commit(), []);
      sink.close();
    }
    const whole = `${path}.whole`;
    writeDb(whole, [...records, ...other]);
    assert.deepEqual(readDb(path), readDb(whole));
  });

  it('extends a file of 1.2 in place: every row and column stays, and new rows get the new columns', async () => {
    path = recordedDbFile(OLD, await tempDir());
    const before = readDb(path);
    writeDb(path, records);
    const after = readDb(path);
    const fresh = join(await tempDir(), 'fresh.db');
    writeDb(fresh, records);
    const added = readDb(fresh);
    for (const row of before.resource) {
      assert.ok('psutil_process_cpu_percent' in row);
      const kept = after.resource.find(
        (found) => Object.entries(row).every(([name, value]) => found[name] === value),
      ); // prettier-ignore
      assert.ok(kept !== undefined, JSON.stringify(row));
    }
    assert.equal(after.status.length, before.status.length + added.status.length);
    const samples = after.resource.filter(({ psutil_cpu_num }) => psutil_cpu_num !== null);
    assert.deepEqual(
      samples.map((row) => JSON.stringify({ ...row, psutil_process_cpu_percent: undefined })),
      added.resource.map((row) => JSON.stringify(row)),
    );
  });

  it('extends a file of 1.0, whose keys were others', () => {
    const db = new Database(path);
    db.exec(PARSL_1_0);
    db.close();
    writeDb(path, records);
    const { workflow, task, status, node, resource, try: tries } = readDb(path);
    const of = (rows: readonly object[]): object[] => rows.filter((row) => (row as { run_id: string }).run_id === 'r');
    assert.equal((of(workflow)[0] as Record<string, unknown>)['workflow_duration'], 7.5);
    const [kept] = of(task) as Record<string, unknown>[];
    assert.deepEqual([kept?.['task_executor'], kept?.['task_time_invoked']], ['htex', '2020-01-01 00:00:01.000000']);
    assert.equal((of(status)[0] as Record<string, unknown>)['hostname'], 'node');
    const [manager] = of(node) as Record<string, unknown>[];
    assert.deepEqual([manager?.['reg_time'], manager?.['timestamp']], Array(2).fill('2020-01-01 00:00:00.500000'));
    const [sample] = of(resource) as Record<string, unknown>[];
    assert.deepEqual([sample?.['psutil_process_cpu_percent'], sample?.['try_id']], [99.5, 0]);
    const fresh = `${path}.fresh`;
    writeDb(fresh, records);
    assert.deepEqual(tries, readDb(fresh).try);
    assert.equal(task.length, readDb(fresh).task.length + 1);
  });

  it('extends a file that Parsl 1.0.0 itself wrote, and loses no value of it', () => {
    const file = oldestDbFile(dirname(path));
    const old = new Database(file);
    const before = Object.fromEntries(
      ['workflow', 'task', 'status', 'resource', 'node'].map((table) => [
        table,
        old.prepare(`SELECT * FROM ${table}`).all(),
      ]),
    ) as Record<string, Record<string, unknown>[]>;
    old.close();
    writeDb(file, records);
    const after = readDb(file) as unknown as Record<string, Record<string, unknown>[]>;
    for (const [table, rows] of Object.entries(before))
      for (const { id, ...row } of rows) {
        const kept = after[table]?.some((found) => Object.entries(row).every(([name, value]) => found[name] === value));
        assert.ok(kept, `${table} ${JSON.stringify({ id, ...row })}`);
      }
    const fresh = join(dirname(path), 'fresh.db');
    writeDb(fresh, records);
    assert.equal(after['status']?.length, (before['status']?.length ?? 0) + readDb(fresh).status.length);
  });

  it('has a write-ahead log on a local disk and a rollback journal on a network file system', () => {
    const mode = (file: string): unknown => {
      const db = new Database(file, { readonly: true });
      const found = db.pragma('journal_mode', { simple: true });
      db.close();
      return found;
    };
    const disk = openSink(path, local);
    assert.equal(mode(path), 'wal');
    disk.close();
    openSink(path, { platform: 'linux', fileSystemType: NFS }).close();
    assert.equal(mode(path), 'delete');
  });

  it('knows network file systems by statfs, and where it cannot know', () => {
    for (const type of [NFS, 0x0bd00bd0, 0x47504653, -11_317_950 /* CIFS, signed */])
      assert.ok(!isLocalDisk(type, 'linux'));
    for (const type of [EXT4, 0x58465342, 0x01021994]) assert.ok(isLocalDisk(type, 'linux'));
    assert.ok(!isLocalDisk(EXT4, 'darwin'));
  });

  it('survives a reader in the middle of its reading, in both modes', () => {
    for (const fileSystemType of [EXT4, NFS]) {
      const file = `${path}.${fileSystemType}`;
      const sink = openSink(file, { platform: 'linux', fileSystemType, lockWaitMs: 50 });
      sink.add(records.slice(0, 100));
      sink.commit();
      const reader = new Database(file, { readonly: true });
      const reading = reader.prepare('SELECT * FROM status').iterate();
      reading.next();
      sink.add(records.slice(100));
      if (fileSystemType === EXT4) assert.deepEqual(sink.commit(), []);
      else assert.throws(() => sink.commit(), { code: 'BRIDGE_IO' });
      reading.return?.();
      reader.close();
      // What a lock kept out can be added again.
      sink.add(records.slice(100));
      assert.deepEqual(sink.commit(), []);
      sink.close();
      const whole = `${path}.whole`;
      writeDb(whole, records);
      assert.deepEqual(readDb(file), readDb(whole));
    }
  });

  it('writes the neighbours of a row that the table refuses, and tells of it', () => {
    const block = { 'parsl.message_type': 'BLOCK_INFO', 'parsl.dfk': 'r', 'parsl.block': '0', 'parsl.timestamp': 1 };
    const sink = openSink(path, local);
    sink.add([...records, block]);
    const problems = sink.commit();
    sink.close();
    assert.deepEqual(
      problems.map(({ code, reason }) => [code, reason]),
      [['BRIDGE_DECODE', 'row']],
    );
    assert.match(problems[0]?.message ?? '', /block 0 .*NOT NULL/);
    const whole = `${path}.whole`;
    writeDb(whole, records);
    assert.deepEqual(readDb(path), readDb(whole));
  });

  it('refuses a file that is no database, and one that is another program’s, without a change to it', () => {
    writeFileSync(path, 'run_id,task_id\n');
    assert.throws(() => openSink(path, local), { code: 'BRIDGE_CONFIG', message: /no SQLite database/ });
    assert.equal(readFileSync(path, 'utf8'), 'run_id,task_id\n');
    const foreign = `${path}.foreign`;
    const db = new Database(foreign);
    db.exec('CREATE TABLE workflow (name TEXT)');
    db.close();
    const bytes = readFileSync(foreign);
    assert.throws(() => openSink(foreign, local), { code: 'BRIDGE_CONFIG', message: /no monitoring database/ });
    assert.deepEqual(readFileSync(foreign), bytes);
  });

  it('says in one line why a file cannot be made', () => {
    assert.throws(
      () => openSink(join(path, 'none', 'x.db'), local),
      (error: Error & { hint?: string }) => {
        assert.match(error.message, /^write .*x\.db: [^\n]+$/);
        assert.match(error.hint ?? '', /directory/);
        return true;
      },
    );
  });

  it('takes of a task what its first message says, and what changes from its last, in any order of transactions', async () => {
    const message = (state: string, time: number) => ({
      'parsl.message_type': 'TASK_INFO', 'parsl.dfk': 'r', 'parsl.task': 1, 'parsl.try': 0, 'parsl.task_state': state,
      'parsl.timestamp': time, 'parsl.app_name': 'app', 'parsl.executor': `executor of ${state}`,
      'parsl.task_memoize': true, 'parsl.task_stdout': `stdout of ${state}`, 'parsl.task_hashsum': `hash of ${state}`,
      'parsl.task_fail_count': time, 'parsl.task_fail_cost': time / 2, 'parsl.task_try_time_launched': time,
      'parsl.joined_task': `joins of ${state}`,
    }); // prettier-ignore
    // The last two have the same time: the later state counts.
    const messages = [message('pending', 1), message('launched', 2), message('exec_done', 2)];
    for (const order of ['012', '021', '102', '120', '201', '210']) {
      const file = join(await tempDir(), 'monitoring.db');
      for (const i of order) writeDb(file, [messages[Number(i)]!]);
      const { task, try: tries } = readDb(file);
      const { task_stdout, task_hashsum, task_fail_count, task_fail_cost, task_memoize } = task[0] ?? {};
      assert.deepEqual(
        [task_stdout, task_hashsum, task_fail_count, task_fail_cost, task_memoize],
        ['stdout of pending', 'hash of exec_done', 2, 1, '1'],
        order,
      );
      const { task_executor, task_joins, task_try_time_launched } = tries[0] ?? {};
      assert.deepEqual(
        [task_executor, task_joins, task_try_time_launched],
        ['executor of pending', 'joins of exec_done', '1970-01-01 00:00:00.000002'],
        order,
      );
    }
  });

  it('takes the latest of several starts of a try, in any order', async () => {
    const start = (time: number) => ({
      'parsl.message_type': 'WORKER_TASK_INFO', 'parsl.dfk': 'r', 'parsl.task': 1, 'parsl.try': 0,
      'parsl.task_state': 'running', 'parsl.timestamp': time, 'host.name': `node${time}`, 'parsl.block': String(time),
    }); // prettier-ignore
    const pending = {
      'parsl.message_type': 'TASK_INFO', 'parsl.dfk': 'r', 'parsl.task': 1, 'parsl.try': 0, 'parsl.app_name': 'app',
      'parsl.task_state': 'pending', 'parsl.timestamp': 1, 'parsl.executor': 'wq', 'parsl.task_fail_count': 0,
    }; // prettier-ignore
    const messages = [pending, start(5), start(9)];
    for (const order of ['012', '021', '102', '120', '201', '210']) {
      const file = join(await tempDir(), 'monitoring.db');
      for (const i of order) writeDb(file, [messages[Number(i)]!]);
      const [row] = readDb(file).try;
      assert.deepEqual([row?.['hostname'], row?.['block_id']], ['node9', '9'], order);
    }
  });

  it('counts only grow, and an end is kept that came before its run', () => {
    const run = { 'parsl.message_type': 'WORKFLOW_INFO', 'parsl.dfk': 'r' };
    const key = (name: string): string => `parsl.workflow_info.${name}`;
    const end = {
      ...run,
      [key('time_completed')]: 2_000_000,
      [key('tasks_completed_count')]: 9,
      [key('tasks_failed_count')]: 1,
    };
    const start = {
      ...run, [key('time_began')]: 1_000_000, [key('host')]: 'h', [key('user')]: 'u', [key('rundir')]: '/r/000',
      [key('tasks_completed_count')]: 0, [key('tasks_failed_count')]: 0,
    }; // prettier-ignore
    for (const record of [end, start, start]) writeDb(path, [record]);
    const db = new Database(path, { readonly: true });
    const [row] = rowsOf(db).workflow;
    db.close();
    assert.deepEqual(
      [row?.['tasks_completed_count'], row?.['tasks_failed_count'], row?.['time_began'], row?.['time_completed']],
      [9, 1, '1970-01-01 00:00:01.000000', '1970-01-01 00:00:02.000000'],
    );
  });
});
