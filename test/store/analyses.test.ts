/** The analyses over recorded run directories: what they say is held against what was picked from the logs by hand. */
import assert from 'node:assert/strict';
import { globSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { readInputs, type ReadInputs } from '../../bridge/commands/from.ts';
import type { Reads } from '../../bridge/store/store.ts';
import { quiet, readRunDirs, unpacked } from '../helpers/run_dirs.ts';

const RUN = '60af0e2a-4e9c-41ec-b7b4-1e79d44fc8ec';

/** Task 5 (executor task 12) of that run: lines of parsl.jsonlog, interchange.jsonlog, manager.jsonlog and worker_0.jsonlog, by hand. */
const byHand: readonly [source: string, line: string][] = [
  ['parsl', 'Task 5 will be sent to executor htex'],
  ['parsl', 'Task 5 has dependency task 4'],
  ['parsl', 'Task 5 submitted for App left, waiting on task 4'],
  ['parsl', 'Task 5 has AppFuture: <AppFuture at 0x7fbadd152b10 state=pending>'],
  ['parsl', 'Task 5 initializing state to pending'],
  ['parsl', 'Task 5 has outstanding dependencies, so launch_if_ready skipping'],
  ['parsl', 'Task 5 will not be memoized'],
  ['parsl', 'Task 5 changing state from pending to launched'],
  ['parsl', 'Parsl task 5 try 0 launched on executor htex with executor id 12'],
  ['parsl', 'Standard out for task 5 will not be redirected.'],
  ['parsl', 'Standard error for task 5 will not be redirected.'],
  ['interchange htex', 'Putting task 12 onto pending_task_queue'],
  ['interchange htex', 'Put task 12 onto pending_task_queue'],
  ['manager c3f9375d7cdd', 'Got executor tasks: [12], cumulative count of tasks: 12'],
  ['interchange htex', "Sent tasks: [12] to manager b'c3f9375d7cdd'"],
  ['worker c3f9375d7cdd/0', 'Received executor task 12'],
  ['worker c3f9375d7cdd/0', 'Normal ending for send_first_message on thread MainThread'],
  ['worker c3f9375d7cdd/0', 'start of monitor'],
  ['worker c3f9375d7cdd/0', 'Sending final resource message'],
  ['worker c3f9375d7cdd/0', 'getting children'],
  ['worker c3f9375d7cdd/0', 'got children'],
  ['worker c3f9375d7cdd/0', 'sending message'],
  ['worker c3f9375d7cdd/0', 'End of monitoring helper'],
  ['worker c3f9375d7cdd/0', 'Normal ending for monitor on thread MainThread'],
  ['worker c3f9375d7cdd/0', 'Normal ending for send_last_message on thread MainThread'],
  ['worker c3f9375d7cdd/0', 'Completed executor task 12'],
  ['worker c3f9375d7cdd/0', 'All processing finished for executor task 12'],
  ['interchange htex', 'Removing task 12 from manager'],
  ['parsl', 'Task 5 changing state from launched to exec_done'],
  ['parsl', 'Standard out for task 5 will not be redirected.'],
  ['parsl', 'Standard error for task 5 will not be redirected.'],
];

describe('store/analyses of a recorded HTEX run', function () {
  this.timeout(60_000);
  let reads: Reads;
  let inputs: ReadInputs;
  before(async () => {
    inputs = await readRunDirs('run_dirs/2026.10.26-W1-htex');
    ({ reads } = inputs);
  });
  after(() => inputs.close());

  it('tells the flow of a task as it is picked by hand from four files', async () => {
    const flow = (await reads.flow(RUN, 5))!;
    assert.deepEqual(
      flow.lines.map(({ source, message }) => [source, message]),
      byHand,
    );
    const times = flow.lines.map(({ time }) => time!);
    assert.deepEqual(times, times.toSorted((a, b) => a - b)); // prettier-ignore
    assert.equal(flow.start, 1_795_261_682_721_216);
  });

  it('tells what each step of it took', async () => {
    const { phases } = (await reads.flow(RUN, 5))!;
    // By hand, from `created` of the lines: 694.643137 last word before the executor, .6474087 put, 695.8061 got, .8082 received, .9765 completed, .9800198 removed.
    const took = Object.fromEntries(phases.map(({ name, start, end }) => [name, Math.round((end! - start!) / 1000)]));
    assert.deepEqual(took, {
      pending: 11_921, try: 1338, queued: 1165, submit: 4, interchange_queue: 1159, manager_queue: 2, running: 168, worker: 168, returning: 5, result: 4,
    }); // prettier-ignore
  });

  it('does not know a task that is not there, or a run', async () => {
    assert.equal(await reads.flow(RUN, 999), undefined);
    assert.equal(await reads.flow('00000000-0000-4000-8000-000000000000', 5), undefined);
    assert.equal(await reads.bottleneck('00000000-0000-4000-8000-000000000000'), undefined);
  });

  it('puts the steps of the typical task in the order of the way', async () => {
    const { steps, tries } = (await reads.lifeline(RUN, {}))!;
    const way = steps.map(({ log, template }) => `${log}: ${template}`);
    const place = (part: string): number => way.findIndex((step) => step.includes(part));
    const places = [
      'initializing state to pending', 'to launched', 'Put task', 'Sent tasks', 'Received executor task', 'start of monitor',
      'Completed executor task', 'Removing task', 'to exec_done',
    ].map(place); // prettier-ignore
    assert.ok(
      places.every((at, k) => at >= 0 && (k === 0 || at > places[k - 1]!)),
      places.join(' '),
    );
    assert.equal(tries, 50, '44 tasks, of which three were tried three times');
    const flaky = (await reads.lifeline(RUN, { app: 'flaky' }))!;
    assert.deepEqual([flaky.tries, flaky.apps], [3, [{ app: 'flaky', tries: 3 }]]);
  });

  it('finds what held the run up: no block yet, then workers that start, then too few of them', async () => {
    const { periods, limits } = (await reads.bottleneck(RUN))!;
    const order = periods.map(({ limit }) => limit);
    assert.deepEqual([order[0], order[1], order.at(-1)], ['idle', 'blocks', 'idle']);
    assert.ok(order.indexOf('managers') > order.indexOf('blocks') && order.indexOf('workers') > order.indexOf('managers'));
    assert.ok(Math.abs(limits.reduce((sum, { share }) => sum + share, 0) - 1) < 1e-9);
  }); // prettier-ignore

  it('counts states by both lanes, and managers by the interchange’s word', async () => {
    const { submit, execution, queues } = (await reads.lanes(RUN, 50))!;
    assert.deepEqual([submit['exec_done']!.at(-1), submit['failed']!.at(-1)], [38, 2]);
    assert.ok(Math.max(...execution['running']!) === 2, 'there are two workers');
    assert.deepEqual(queues.find(({ metric }) => metric === 'parsl.interchange.managers')?.values.at(-1), 1);
  });

  it('draws the plots by app, by a column and by any key of the records', async () => {
    const byApp = (await reads.plots(RUN, { by: 'app', points: 20 }))!;
    assert.equal(byApp.ran, byApp.lines!.length);
    assert.ok(byApp.kinds.includes('left') && byApp.blocks !== null);
    assert.deepEqual((await reads.plots(RUN, { by: 'block', points: 20 }))!.kinds, ['0', 'not told']);
    const byWorker = (await reads.plots(RUN, { by: 'parsl.worker', points: 20 }))!;
    const byNumber = (await reads.plots(RUN, { by: 'parsl.executor_task', points: 20 }))!;
    assert.ok(byNumber.kinds.every((kind) => /^\d+$|^not told$|^others$/.test(kind)) && byNumber.kinds.length > 3);
    assert.deepEqual(byWorker.kinds.filter((kind) => /^\d$/.test(kind)).toSorted(), ['0', '1']); // prettier-ignore
  });
});

describe('store/analyses of a run that hung', function () {
  this.timeout(60_000);

  it('says which thread died, and that its results never came', async () => {
    const inputs = await readRunDirs('fidelity/htex-hung');
    const { reads } = inputs;
    const [run] = await reads.runs();
    const { signs, periods } = (await reads.bottleneck(run!.run))!;
    const ending = signs.find(({ sign }) => sign === 'exceptional_ending')!;
    assert.match(ending.text, /HTEX-Result-Queue-Thread/);
    const where = Object.fromEntries(Object.entries(ending.where!).map(([key, value]) => [key, [value]]));
    const { records } = await reads.records({ where: { 'parsl.dfk': [run!.run], ...where }, limit: 10, offset: 0 });
    assert.match(String(records[0]!['message']), /Traceback/);
    assert.equal(periods.at(-1)!.limit, 'results');
    inputs.close();
  });
});

describe('store/analyses of workers', function () {
  this.timeout(60_000);

  async function ask<T>(name: string, question: (reads: Reads, run: string) => Promise<T>): Promise<T> {
    const inputs = await readRunDirs(name);
    const [run] = await inputs.reads.runs();
    const answer = await question(inputs.reads, run!.run);
    inputs.close();
    return answer;
  }

  it('calls no manager lost that was held before its block was scaled in', async () => {
    const { managers, signs } = await ask('run_dirs/htex-full', async (reads, run) => ({
      managers: await reads.managers(run),
      signs: (await reads.bottleneck(run))!.signs.map(({ sign }) => sign),
    }));
    // monitoring.db says of both that they are active no more; a third one never registered.
    assert.deepEqual(managers.map(({ block, state, left }) => [block, state, left !== null]), [['0', 'gone', true], ['1', 'gone', true]]); // prettier-ignore
    assert.ok(!signs.includes('managers_lost'));
  });

  it('calls a manager lost that was killed', async () => {
    const { managers, sign } = await ask('fidelity/2026.05.25-W3-htex', async (reads, run) => ({
      managers: await reads.managers(run),
      sign: (await reads.bottleneck(run))!.signs.find(({ sign: name }) => name === 'managers_lost'),
    }));
    assert.deepEqual(managers.filter(({ state }) => state === 'lost').map(({ manager }) => manager), ['985f0e22cba9']); // prettier-ignore
    assert.equal(sign!.count, 1);
  });

  it('knows from text logs alone when managers were there and blocks ran', async () => {
    const [managers, blocks, workers, answer] = await ask('fidelity/htex-text-2024', (reads, run) =>
      Promise.all([reads.managers(run), reads.blocks(run), reads.workers(run, 10), reads.bottleneck(run)]),
    );
    assert.deepEqual(managers.map(({ executor, workers: count, state }) => [executor, count, state]), [['htex', 2, 'gone']]); // prettier-ignore
    const [manager] = managers;
    assert.ok(manager!.left! > manager!.registered && manager!.last_seen > manager!.registered);
    assert.equal(blocks[0]!.state, 'RUNNING');
    // By the workflow's own word: 14 tries ended with an exception, one more because a task that it had joined did.
    assert.match(answer!.signs.find(({ sign }) => sign === 'failed_tries')!.text, /^15 of 102 tries failed/);
    const [htex] = workers.executors.filter(({ executor }) => executor === 'htex');
    assert.equal(Math.max(...htex!.workers!), 2);
  });

  for (const name of ['workqueue-parsl', 'taskvine-parsl'])
    it(`counts the cores of workers of ${name} and which were given to tasks`, async () => {
      const [{ periods }, workers] = await ask(`run_dirs/${name}`, async (reads, run) =>
        Promise.all([reads.bottleneck(run).then((answer) => answer!), reads.workers(run, 10)]),
      );
      assert.equal(Math.round(Math.max(...periods.map(({ load }) => load.workers ?? 0))), 2);
      const [first] = workers.executors.filter(({ workers: of }) => of !== null);
      assert.deepEqual([Math.max(...first!.workers!), Math.max(...first!.busy) <= 2], [2, true]);
      assert.ok(first!.busy_time > 0.5 * first!.worker_time!);
    });

  it('counts cores as given to tasks of Work Queue that still run', async () => {
    const directory = unpacked('workqueue-parsl');
    const [log] = globSync('**/transaction_log', { cwd: directory });
    const path = join(directory, log!);
    const lines = readFileSync(path, 'utf8').split('\n');
    // Tasks 6 and 7 have a core each of the worker's two. What was said later is not there yet.
    writeFileSync(path, lines.slice(0, lines.findIndex((line) => line.includes('TASK 6 RUNNING')) + 1).join('\n'));
    for (const other of globSync(['**/{database_manager.jsonlog,monitoring_filesystem_radio.log,monitoring.db}', '*.debug*'], { cwd: directory })) rmSync(join(directory, other)); // prettier-ignore
    const debug = join(directory, globSync('**/debug_log', { cwd: directory })[0]!);
    const talk = readFileSync(debug, 'utf8').split('\n');
    writeFileSync(debug, talk.slice(0, talk.findIndex((line) => line.includes('Task 7 state change: RUNNING'))).join('\n')); // prettier-ignore
    const submit = join(directory, globSync('**/parsl.jsonlog', { cwd: directory })[0]!);
    const said = readFileSync(submit, 'utf8')
      .split('\n')
      .filter((line) => line !== '');
    writeFileSync(submit, said.filter((line) => (JSON.parse(line) as { created: number }).created < 1_795_261_450).join('\n')); // prettier-ignore
    const { reads, close } = await readInputs([directory], {}, quiet);
    const [run] = await reads.runs();
    const { periods } = (await reads.bottleneck(run!.run))!;
    const { executors } = await reads.workers(run!.run, 10);
    close();
    assert.equal(periods.at(-1)!.limit, 'workers');
    assert.deepEqual(executors.map(({ executor, busy }) => [executor, busy.at(-1)]), [['wq_local', 2]]); // prettier-ignore
  });

  it('shows a Work Queue task that lost its worker on its way again, in one try', async () => {
    const directory = unpacked('workqueue-parsl');
    const [log] = globSync('**/transaction_log', { cwd: directory });
    const path = join(directory, log!);
    const lines = readFileSync(path, 'utf8').split('\n');
    const place = lines.findIndex((line) => line.includes('TASK 6 RUNNING')) + 1;
    // The forms that a killed worker left behind, with times within the task's own run: 448.36 to 452.19.
    lines.splice(place, 0,
      '1795261450000000 17999 WORKER worker-9d05a256a538ccbc4b22b157c75ed5a1 127.0.0.1:52858  DISCONNECTION FAILURE',
      '1795261450000001 17999 TASK 6 WAITING index_reference FIRST_RESOURCES {"memory":[300,"MB"],"disk":[200,"MB"],"cores":[1,"cores"]}',
      '1795261451000000 17999 TASK 6 RUNNING 127.0.0.1:52999  FIRST_RESOURCES {"memory":[300,"MB"],"disk":[200,"MB"],"gpus":[0,"gpus"],"cores":[1,"cores"]}',
    ); // prettier-ignore
    writeFileSync(path, lines.join('\n'));
    const { reads, close } = await readInputs([directory], {}, quiet);
    const [run] = await reads.runs();
    const { phases } = (await reads.flow(run!.run, 5))!;
    close();
    const told = phases.filter(({ told_by }) => told_by === 'logs');
    assert.deepEqual(
      told.map(({ name, spell, start, end, end_inferred }) => [name, spell, Math.round((end! - start!) / 1000), end_inferred]),
      [['submit', 1, 967, false], ['manager_queue', 1, 8036, false], ['manager_queue', 2, 1000, false], ['worker', 1, 1642, true], ['worker', 2, 1194, false], ['result', 1, 1, false]],
    ); // prettier-ignore
  });
});
