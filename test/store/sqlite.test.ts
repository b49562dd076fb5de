import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import Database from 'better-sqlite3';

import type { Rows, TaskRow, TryRow } from '../../bridge/core/row.ts';
import { openReads, openStore } from '../../bridge/store/sqlite.ts';
import { taskSorts, type Store, type TaskQuery } from '../../bridge/store/store.ts';
import { makeRows, none } from './rows.ts';

const RUN = '00000000-0000-4000-8000-000000000001';
const query: TaskQuery = { sort: 'task', order: 'asc', limit: 100, offset: 0 };
const whole = makeRows({ tasks: 600, samples: 2 });
const run = whole.runs[0]!.run;

const task = (number: number, fields: Partial<TaskRow> = {}): TaskRow => ({
  ...makeRows({ tasks: 1, run: RUN }).tasks[0]!, task: number, run: RUN, app: 'app', fail_history: null, state: 'exec_done', depends: null, ...fields,
}); // prettier-ignore
const attempt = (number: number, fields: Partial<TryRow> = {}): TryRow => ({
  ...makeRows({ tasks: 1, run: RUN }).tries[0]!, task: number, run: RUN, fail_history: null, ...fields,
}); // prettier-ignore
const runRow = makeRows({ tasks: 1, run: RUN }).runs[0]!;
const rows = (some: Partial<Rows>): Rows => ({ ...none, runs: [runRow], ...some });

describe('store/sqlite', () => {
  let store: Store;
  let dir: string;
  const path = (name = 'store.db') => join(dir, name);
  const found = async (filter: Partial<TaskQuery>) =>
    (await store.tasks(RUN, { ...query, ...filter })).tasks.map((row) => row.task);

  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'store-'));
    store = openStore(path());
  });

  afterEach(() => {
    store.close();
    rmSync(dir, { recursive: true });
  });

  it('keeps rows and sequence over a reopening', async () => {
    assert.deepEqual([store.fresh, store.seq()], [true, 0]);
    store.write(whole, 41);
    store.close();
    store = openStore(path());
    assert.deepEqual([store.fresh, store.seq()], [false, 41]);
    assert.equal((await store.run(run))?.tasks, 600);
  });

  it('counts the same however often, and in whatever portions, the same rows are written', async () => {
    store.write(whole, 1);
    const once = await store.run(run);
    store.write(whole, 1);
    for (const row of whole.tasks.toReversed()) store.write({ ...none, tasks: [row] }, 1);
    assert.deepEqual(await store.run(run), once);
    const counts: Record<string, number> = {};
    for (const { state } of whole.tasks) counts[state] = (counts[state] ?? 0) + 1;
    assert.deepEqual(once?.counts, counts);
    assert.deepEqual(
      once.apps.map(({ tasks }) => tasks).reduce((a, b) => a + b),
      600,
    );
  });

  it('moves a task from one count to another as its row is replaced', async () => {
    store.write(rows({ tasks: [task(1, { state: 'pending', executor: null }), task(2, { state: 'pending' })] }), 1);
    store.write(rows({ tasks: [task(1, { state: 'running', executor: 'htex' })] }), 2);
    const detail = await store.run(RUN);
    assert.deepEqual(detail?.counts, { pending: 1, running: 1 });
    assert.deepEqual(detail.executors, [{ name: 'htex', tasks: 2, counts: { pending: 1, running: 1 } }]);
    assert.equal(await store.revision(RUN), 2);
    assert.equal(await store.revision(run), undefined);
  });

  it('applies a write whole or not at all', () => {
    const broken = task(2, { state: null as unknown as string });
    assert.throws(() => store.write(rows({ tasks: [task(1), broken] }), 7));
    assert.equal(store.seq(), 0);
  });

  it('takes values of the wrong kind of number as near as a column can hold them', async () => {
    store.write(rows({ tasks: [task(1, { invoked: 1.5, launched: NaN })] }), 1);
    const row = await store.task(RUN, 1);
    assert.deepEqual([row?.invoked, row?.launched], [2, null]);
  });

  it('shows no run that only other rows have named yet', async () => {
    store.write({ ...none, tasks: [task(1)] }, 1);
    assert.deepEqual(await store.runs(), []);
    store.write(rows({}), 2);
    assert.deepEqual((await store.runs()).map(({ counts }) => counts), [{ exec_done: 1 }]); // prettier-ignore
  });

  it('finds a run whatever the case of its id', async () => {
    store.write(whole, 1);
    assert.equal((await store.run(run.toUpperCase()))?.run, run);
  });

  it('filters tasks by each key and by text', async () => {
    store.write(
      rows({
        tasks: [
          task(1, { app: 'a', state: 'failed', host: 'nid1', fail_history: `ValueError('100% wrong_')` }),
          task(2, { app: 'b', executor: 'wq', block: '7' }),
          task(3, { app: 'b', state: 'running', stdout: '/out/needle.txt' }),
        ],
        tries: [attempt(2, { fail_history: `ValueError('again')` })],
      }),
      1,
    );
    assert.deepEqual(await found({ state: ['failed', 'running'] }), [1, 3]);
    assert.deepEqual(await found({ app: 'b' }), [2, 3]);
    assert.deepEqual(await found({ app: 'b', state: ['running'] }), [3]);
    assert.deepEqual(await found({ executor: 'wq' }), [2]);
    assert.deepEqual(await found({ block: '7' }), [2]);
    assert.deepEqual(await found({ host: 'nid1' }), [1]);
    assert.deepEqual(await found({ error: 'ValueError' }), [1, 2], 'also a retried one');
    assert.deepEqual(await found({ text: 'NEEDLE' }), [3]);
    assert.deepEqual(await found({ text: '2' }), [2], 'its number');
    assert.deepEqual(await found({ text: '100%' }), [1], 'no wildcard');
    assert.deepEqual(await found({ text: 'n_edle' }), [], 'no wildcard');
    assert.equal((await store.tasks(RUN, { ...query, limit: 1, offset: 1 })).total, 3);
  });

  it('is not talked into other SQL by a filter', async () => {
    store.write(whole, 1);
    for (const evil of [
      `'; DROP TABLE task; --`,
      `' OR 1=1 --`,
      `") UNION SELECT 1 --`,
      '\\',
      '%',
      '_',
      '\0',
      `x' ESCAPE 'y`,
    ]) {
      for (const key of ['app', 'executor', 'host', 'error', 'text', 'block', 'manager'] as const) {
        const { total } = await store.tasks(run, { ...query, [key]: evil });
        assert.ok(total === 0 || key === 'text', `${key} ${evil} ${total}`);
      }
      assert.equal((await store.tasks(run, { ...query, state: [evil] })).total, 0);
      assert.equal(await store.run(evil), undefined);
    }
    assert.equal((await store.tasks(run, query)).total, 600);
  });

  it('sorts by every key both ways, what is not known last, over pages without a gap', async () => {
    store.write(whole, 1);
    for (const sort of taskSorts) {
      for (const order of ['asc', 'desc'] as const) {
        const pages = await Promise.all(
          [0, 250, 500].map((offset) => store.tasks(run, { ...query, sort, order, limit: 250, offset })),
        );
        const tasks = pages.flatMap((page) => page.tasks);
        assert.equal(new Set(tasks.map((row) => row.task)).size, 600, sort);
        const values = tasks.map((row) => row[sort]);
        const known = values.filter((value) => value !== null);
        assert.ok(
          values.slice(0, known.length).every((value) => value !== null),
          `${sort}: null before the end`,
        );
        const lower = (value: string | number) => (typeof value === 'string' ? value.toLowerCase() : value);
        known.slice(1).forEach((value, k) => {
          const [a, b] = [lower(known[k]!), lower(value)];
          assert.ok(order === 'asc' ? a <= b : a >= b, `${sort} ${order}: ${a} ${b}`);
        });
      }
    }
  });

  it('adds up what a task’s tries used', async () => {
    const tries = [
      attempt(1, { try: 0, memory_peak: 5, cpu_time: 1 }),
      attempt(1, { try: 1, memory_peak: 9, cpu_time: 2 }),
    ];
    store.write(rows({ tasks: [task(1), task(2)], tries }), 1);
    const { tasks } = await store.tasks(RUN, { ...query, sort: 'memory_peak', order: 'desc' });
    assert.deepEqual(tasks.map((row) => [row.task, row.memory_peak, row.cpu_time]), [[1, 9, 3], [2, null, null]]); // prettier-ignore
  });

  it('knows a task’s neighbours in both directions', async () => {
    const list = [
      task(1), task(2, { depends: '1' }), task(3, { depends: '1,2,9' }), task(4, { joins: '3', state: 'joining' }),
      task(5, { state: 'memo_done', memo_source: 1 }), task(6, { depends: 'not, a list' }), task(7, { depends: '' }),
    ]; // prettier-ignore
    store.write(rows({ tasks: list }), 1);
    store.write(rows({ tasks: list }), 2);
    const numbers = ({ links }: { links: readonly { task: number }[] }) => links.map((link) => link.task);
    const one = (await store.task(RUN, 1))!;
    const three = (await store.task(RUN, 3))!;
    assert.deepEqual([numbers(one.dependents), numbers(one.memo_users)], [[2, 3], [5]]);
    assert.deepEqual(numbers(three.dependencies), [1, 2, 9]);
    assert.deepEqual(three.dependencies.links[2], { task: 9, app: null, state: null });
    assert.deepEqual([numbers(three.joined_by), three.dependencies.total], [[4], 3]);
    assert.deepEqual(numbers((await store.task(RUN, 4))!.joined), [3]);
    assert.deepEqual((await store.task(RUN, 5))!.memo, { task: 1, app: 'app', state: 'exec_done' });
    assert.deepEqual((await store.task(RUN, 6))!.dependencies, { total: 0, links: [] });
    assert.equal(await store.task(RUN, 99), undefined);
  });

  it('cuts a long list of neighbours and says how many there are', async () => {
    const depends = Array.from({ length: 5000 }, (_, k) => k).join(',');
    store.write(rows({ tasks: [task(6000, { depends })] }), 1);
    const { dependencies } = (await store.task(RUN, 6000))!;
    assert.deepEqual([dependencies.total, dependencies.links.length], [5000, 100]);
  });

  it('groups failures by error and app: tasks that ended so, tries that did', async () => {
    const lost = `ManagerLost(b'aa', 'nid1')`;
    store.write(
      rows({
        tasks: [
          task(1, { state: 'failed', fail_history: lost }),
          task(2, { state: 'exec_done', fail_history: lost }),
          task(3, { state: 'dep_fail', fail_history: null, app: 'b' }),
        ],
        tries: [
          attempt(1, { try: 0, fail_history: lost, host: 'nid1' }),
          attempt(1, { try: 1, fail_history: lost, host: 'nid2' }),
          attempt(2, { try: 0, fail_history: lost, host: 'nid1' }),
        ],
      }),
      1,
    );
    assert.deepEqual(await store.failures(RUN), [
      { error: 'ManagerLost', app: 'app', tasks: 1, tries: 3, hosts: 2, task: 2, message: lost },
      { error: '_OTHER', app: 'b', tasks: 1, tries: 0, hosts: 0, task: 3, message: '' },
    ]);
  });

  it('gives states over time that add up, and end with the run’s counts', async () => {
    store.write(whole, 1);
    const series = await store.states(run, 500);
    const counts = (await store.run(run))!.counts;
    assert.equal(series.times.length, 500);
    assert.deepEqual(series.times.at(-1), whole.runs[0]!.completed);
    for (const [state, list] of Object.entries(series.states)) assert.equal(list.at(-1), counts[state] ?? 0, state);
    series.times.forEach((time, k) => {
      const invoked = whole.tasks.filter((row) => row.invoked !== null && row.invoked <= time).length;
      assert.equal(Object.values(series.states).reduce((sum, list) => sum + list[k]!, 0), invoked); // prettier-ignore
    });
  });

  it('gives workers and busy workers that add up to the times of the rows', async () => {
    store.write(whole, 1);
    const { executors, times } = await store.workers(run, 100);
    const htex = executors.find(({ executor }) => executor === 'htex')!;
    const end = whole.runs[0]!.completed!;
    const had = whole.managers.reduce((sum, { registered, workers }) => sum + (end - registered) * workers!, 0);
    assert.ok(Math.abs(htex.worker_time! - had) < 10);
    const ran = whole.tries.reduce(
      (sum, row) => sum + (row.running === null ? 0 : (row.running_ended ?? row.returned!) - row.running),
      0,
    );
    assert.ok(Math.abs(htex.busy_time - ran) < 10);
    assert.equal(htex.inferred, whole.tries.filter((row) => row.running !== null && row.running_ended === null).length);
    assert.equal(times.length, 100);
    htex.busy.forEach((busy, k) => assert.ok(busy <= htex.workers![k]! + 1e-6));
  });

  it('takes a try that has not come back as running on, and a manager that is not lost as still there', async () => {
    const began = runRow.began!;
    const manager = { ...whole.managers[0]!, run: RUN, registered: began, lost: null, active: true, workers: 4 };
    const unknown = { ...manager, manager: 'other', workers: null };
    const open = attempt(1, { running: began + 50e6, launched: began, running_ended: null, returned: null });
    const live = { ...runRow, completed: null, last_seen: began + 100e6 };
    store.write(
      {
        ...none,
        runs: [live],
        tasks: [task(1, { final: false, state: 'running' })],
        tries: [open],
        managers: [manager, unknown],
      },
      1,
    );
    const [htex] = (await store.workers(RUN, 2)).executors;
    assert.deepEqual([htex?.workers, htex?.busy, htex?.inferred, htex?.unknown_managers], [[4, 4], [0, 1], 0, 1]);
  });

  it('tells what blocks and managers ran, and not where nobody knows', async () => {
    store.write(whole, 1);
    const blocks = await store.blocks(run);
    assert.deepEqual(blocks.map(({ managers }) => managers), [4, 4, 4]); // prettier-ignore
    const placed = whole.tries.filter(({ block }) => block !== null).length;
    assert.equal(blocks.reduce((sum, { tries }) => sum + tries, 0), placed); // prettier-ignore
    const managers = await store.managers(run);
    assert.equal(managers.reduce((sum, { tries }) => sum + tries!, 0), placed); // prettier-ignore
    store.write(rows({ managers: whole.managers.map((row) => ({ ...row, run: RUN })) }), 2);
    assert.ok((await store.managers(RUN)).every(({ tries }) => tries === null));
    assert.equal((await store.hosts(run)).length, 12);
  });

  it('has empty answers for a run that is not there or has nothing', async () => {
    store.write(rows({}), 1);
    for (const id of [RUN, 'nobody']) {
      assert.deepEqual(await store.tasks(id, query), { total: 0, tasks: [] });
      assert.deepEqual(
        [await store.blocks(id), await store.managers(id), await store.failures(id), await store.hosts(id)],
        [[], [], [], []],
      );
      assert.deepEqual((await store.workers(id, 100)).executors, []);
      assert.deepEqual((await store.states(id, 100)).states, {});
    }
    assert.equal(await store.run('nobody'), undefined);
  });

  it('keeps the newest samples within its limit and counts what it cut', async () => {
    store.close();
    store = openStore(path('small.db'), { samples_max: 10 });
    const sample = { ...whole.samples[0]!, run: RUN, task: 1, try: 0 };
    for (let k = 0; k < 25; k += 1) store.write(rows({ tasks: [task(1)], samples: [{ ...sample, time: k }] }), k);
    store.write(rows({ samples: [{ ...sample, time: 24 }] }), 25);
    const { samples } = (await store.task(RUN, 1))!;
    assert.deepEqual([samples[0]?.time, samples.at(-1)?.time, store.samplesCut() + samples.length], [11, 24, 25]);
  });

  it('thins the samples of one try and keeps the last', async () => {
    const sample = { ...whole.samples[0]!, run: RUN, task: 1, try: 0 };
    const samples = Array.from({ length: 1201 }, (_, time) => ({ ...sample, time }));
    store.write(rows({ tasks: [task(1)], samples }), 1);
    const shown = (await store.task(RUN, 1))!.samples;
    assert.ok(shown.length <= 500 && shown.length > 300);
    assert.equal(shown.at(-1)?.time, 1200);
  });

  it('throws away a store of another schema, and says that it is fresh', () => {
    store.write(whole, 5);
    store.close();
    const db = new Database(path());
    db.pragma('user_version = 0');
    db.close();
    assert.throws(() => openReads(path()), { code: 'BRIDGE_CONFIG' });
    store = openStore(path());
    assert.deepEqual([store.fresh, store.seq()], [true, 0]);
  });

  it('never touches a database that is not its own, or a file that is none', () => {
    const db = new Database(path('monitoring.db'));
    db.exec('CREATE TABLE workflow (run_id TEXT)');
    db.close();
    assert.throws(() => openStore(path('monitoring.db')), { code: 'BRIDGE_CONFIG', message: /not a parsl-otel store/ });
    writeFileSync(path('text'), 'no database, but quite long enough to be taken for one '.repeat(40));
    assert.throws(() => openStore(path('text')), { code: 'BRIDGE_CONFIG' });
  });
});
