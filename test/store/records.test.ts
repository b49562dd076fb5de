import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { WideRecord } from '../../bridge/core/record.ts';
import type { RecordRow } from '../../bridge/core/row.ts';
import { openStore } from '../../bridge/store/sqlite.ts';
import type { RecordQuery, Store } from '../../bridge/store/store.ts';
import { openReadsThread } from '../../bridge/store/thread.ts';
import { makeRows, none } from './rows.ts';

const RUN = '00000000-0000-4000-8000-000000000001';
const OTHER = '00000000-0000-4000-8000-000000000002';
const AT = 1_795_253_630_000_000;

/** A record `after` microseconds after AT; null keys are left out. */
function row(after: number | null, record: WideRecord, run: string | null = RUN): RecordRow {
  const about = run === null ? {} : { 'parsl.dfk': run };
  const time = after === null ? {} : { time: BigInt(AT + after) * 1000n };
  return { run, time: after === null ? null : AT + after, record: { ...time, message: 'said', ...about, ...record } };
}

const story = [
  row(30, { message: 'Received executor task 7', 'parsl.task': 3, 'parsl.try': 0, 'parsl.executor_task': 7, 'parsl.worker': 1, 'source.log': 'worker', 'source.line': 4, level: 'INFO' }),
  row(10, { message: 'Task 3 launched', 'parsl.task': 3, 'parsl.try': 0, 'source.log': 'parsl', 'source.line': 1, level: 'INFO', colour: 'red' }),
  row(20, { message: 'Putting task 7 onto pending_task_queue', 'parsl.executor_task': 7, 'source.log': 'interchange', level: 'DEBUG', colour: 'blue', 'log.template': 'Putting task %s' }),
  row(15, { message: 'Task 4 launched', 'parsl.task': 4, 'source.log': 'parsl', level: 'WARN', colour: 'red' }),
  row(5, { message: 'Task 3 of another run', 'parsl.task': 3, 'source.log': 'parsl', level: 'INFO' }, OTHER),
  row(null, { message: 'No time, no run', 'source.log': 'other', ratio: 0.5, 'a.key with "quotes" and \\': 'odd' }, null),
]; // prettier-ignore

describe('store/records', () => {
  let store: Store;
  let dir: string;
  const query = (some: Partial<RecordQuery>): RecordQuery => ({ where: {}, limit: 100, offset: 0, ...some });
  const messages = async (some: Partial<RecordQuery>): Promise<unknown[]> =>
    (await store.records(query(some))).records.map(({ message }) => message);

  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'records-'));
    store = openStore(join(dir, 'store.db'));
    const runs = [RUN, OTHER].map((run) => ({ ...makeRows({ tasks: 1, run }).runs[0]!, run }));
    store.write({ ...none, runs, records: story }, 1);
  });

  afterEach(() => {
    store.close();
    rmSync(dir, { recursive: true });
  });

  it('gives records back whole, in order of time, those without one last', async () => {
    const { total, records } = await store.records(query({}));
    const inOrder = [...story].sort((a, b) => (a.time ?? Infinity) - (b.time ?? Infinity)).map(({ record }) => record);
    assert.deepEqual([total, records], [6, inOrder]);
  });

  it('narrows down by keys of every kind, under any spelling, over all runs or some', async () => {
    assert.deepEqual(await messages({ where: { 'parsl.task': [3] } }), ['Task 3 of another run', 'Task 3 launched', 'Received executor task 7']);
    assert.deepEqual(await messages({ where: { parsl_dfk: [RUN.toUpperCase()], task_id: ['3'] } }), ['Task 3 launched', 'Received executor task 7']);
    assert.deepEqual(await messages({ where: { 'parsl.executor_task': [7] } }), ['Putting task 7 onto pending_task_queue', 'Received executor task 7']);
    assert.deepEqual(await messages({ where: { level: ['warning', 'DEBUG'] } }), ['Task 4 launched', 'Putting task 7 onto pending_task_queue']);
    assert.deepEqual(await messages({ where: { colour: ['red'], 'source.log': ['parsl'] } }), ['Task 3 launched', 'Task 4 launched']);
    assert.deepEqual(await messages({ where: { 'parsl.worker': ['1'] } }), ['Received executor task 7']);
    assert.deepEqual(await messages({ where: { ratio: [0.5] } }), ['No time, no run']);
    assert.deepEqual(await messages({ where: { 'a.key with "quotes" and \\': ['odd'] } }), ['No time, no run']);
    assert.deepEqual(await messages({ where: { colour: [] } }), []);
    assert.deepEqual(await messages({ where: { 'parsl.task': ['three'] } }), []);
  }); // prettier-ignore

  it('narrows down by text and time, and pages', async () => {
    assert.deepEqual(await messages({ text: 'LAUNCHED' }), ['Task 3 launched', 'Task 4 launched']);
    assert.deepEqual(await messages({ text: '%' }), []);
    assert.deepEqual(await messages({ from: AT + 15, to: AT + 20 }), [
      'Task 4 launched',
      'Putting task 7 onto pending_task_queue',
    ]);
    const page = await store.records(query({ limit: 2, offset: 1, where: { 'parsl.dfk': [RUN] } }));
    assert.deepEqual(
      [page.total, page.records.map(({ message }) => message)],
      [4, ['Task 4 launched', 'Putting task 7 onto pending_task_queue']],
    );
  });

  it('tells the keys and values that occur, most frequent first', async () => {
    assert.deepEqual(await store.recordKeys(query({ where: { 'parsl.task': [4] } })), [
      'colour', 'level', 'message', 'parsl.dfk', 'parsl.task', 'source.log', 'time',
    ]); // prettier-ignore
    assert.ok((await store.recordKeys(query({}))).includes('ratio'));
    const values = async (key: string, some: Partial<RecordQuery> = {}): Promise<unknown[]> =>
      (await store.recordValues(query(some), key)).map(({ value, records }) => [value, records]);
    assert.deepEqual(await values('source.log'), [['parsl', 3], ['interchange', 1], ['other', 1], ['worker', 1]]); // prettier-ignore
    assert.deepEqual(await values('task_id', { text: 'task' }), [[3, 3], [4, 1]]); // prettier-ignore
    assert.deepEqual(await values('colour', { where: { 'parsl.dfk': [RUN] } }), [['red', 2], ['blue', 1]]); // prettier-ignore
    assert.deepEqual(await values('parsl.dfk'), [[RUN, 4], [OTHER, 1]]); // prettier-ignore
    assert.deepEqual(await values('nothing'), []);
  });

  it('keeps times to the nanosecond, and gives a record of a naive time its instant', async () => {
    const records = [
      row(1, { time: BigInt(AT + 1) * 1000n + 789n }),
      { run: RUN, time: AT + 2, record: { message: 'naive', 'parsl.timestamp': AT + 3_600_000_002 } },
    ];
    store.write({ ...none, records }, 2);
    const page = await store.records(query({ to: AT + 4 }));
    assert.deepEqual(
      page.records.map(({ time }) => time),
      [BigInt(AT + 1) * 1000n + 789n, BigInt(AT + 2) * 1000n],
    );
    assert.equal(page.records[1]?.['parsl.timestamp'], AT + 3_600_000_002);
  });

  it('cuts the oldest beyond its limit, counts them, and forgets sites that nothing is left of', async () => {
    store.close();
    store = openStore(join(dir, 'small.db'), { records_max: 10 });
    const old = Array.from({ length: 20 }, (_, at) => row(at, { 'source.path': 'old.log' }));
    store.write({ ...none, records: old }, 1);
    assert.equal(store.recordsCut(), 0);
    const young = Array.from({ length: 10 }, (_, at) => row(100 + at, { 'source.path': 'young.log' }));
    store.write({ ...none, records: young }, 2);
    assert.equal(store.recordsCut(), 20);
    assert.deepEqual(await store.recordValues(query({}), 'source.path'), [{ value: 'young.log', records: 10 }]);
    store.write({ ...none, records: old.slice(0, 1) }, 3);
    assert.equal((await store.records(query({ where: { 'source.path': ['old.log'] } }))).total, 1);
  });

  it('answers from its thread as it does itself', async () => {
    const reads = openReadsThread(join(dir, 'store.db'));
    assert.deepEqual(await reads.records(query({})), await store.records(query({})));
    assert.deepEqual(await reads.recordKeys(query({})), await store.recordKeys(query({})));
    assert.deepEqual(await reads.recordValues(query({}), 'level'), await store.recordValues(query({}), 'level'));
    await reads.close();
  });
});
