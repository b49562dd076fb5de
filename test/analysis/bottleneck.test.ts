import assert from 'node:assert/strict';

import { blockSpans } from '../../bridge/analysis/blocks.ts';
import { bottleneckOf, type BottleneckInput } from '../../bridge/analysis/bottleneck.ts';
import type { Surroundings } from '../../bridge/analysis/managers.ts';
import { limitOf, type Load } from '../../bridge/analysis/limits.ts';
import { waitsOf, type TaskFacts, type TryFacts } from '../../bridge/analysis/waits.ts';
import { evidence } from '../../bridge/analysis/words.ts';
import { makeRows } from '../store/rows.ts';

const rows = makeRows({ tasks: 10, blocks: 1 });
const manager = { ...rows.managers[0]!, executor: 'htex', block: '0', workers: 2, registered: 0, left: null, active: true, last_seen: 0 }; // prettier-ignore
const block = { ...rows.blocks[0]!, executor: 'htex', block: '0', ended: null, states: JSON.stringify([['PENDING', 0], ['RUNNING', 100]]) }; // prettier-ignore

const task = (fields: Partial<TaskFacts> = {}): TaskFacts => ({
  task: 1, app: 'a', state: 'exec_done', final: true, invoked: 0, returned: 600, ready: null, dependencies: 0, joins: false, ...fields,
}); // prettier-ignore
const attempt = (fields: Partial<TryFacts> = {}): TryFacts => ({
  task: 1, try: 0, executor: 'htex', launched: 100, running: 200, running_ended: 500, returned: 600, ...fields,
}); // prettier-ignore
const told = (facts: TaskFacts, tries: TryFacts[], end = 1000): string[] =>
  waitsOf(facts, tries, end).map(({ kind, from, to }) => `${kind} ${from}..${to}`);

const around: Surroundings = { run: { completed: 60e6 }, blocks: [], named: new Set(), lastUse: new Map(), end: 60e6 };
type Given = Partial<BottleneckInput> & { readonly blocks?: Surroundings['blocks'] };
const input = ({ blocks = [], ...fields }: Given): BottleneckInput => ({
  run: { closed: true, completed: 60e6, last_task_info: null, last_seen: 60e6 }, start: 0, end: 60e6, tasks: [], managers: [],
  around: { ...around, blocks }, connected: [], occupied: [], phases: [], errors: [], failedTries: 0, ...fields,
}); // prettier-ignore
/** `count` tasks of which each waits and runs as given, in seconds. */
const tasks = (count: number, [launched, running, ended, returned]: [number, number, number, number], facts: Partial<TaskFacts> = {}) =>
  Array.from({ length: count }, (_, number) => ({
    task: task({ task: number, returned: returned * 1e6, ...facts }),
    tries: [attempt({ task: number, launched: launched * 1e6, running: running * 1e6, running_ended: ended * 1e6, returned: returned * 1e6 })],
  })); // prettier-ignore
const limits = (given: Given): string[] => bottleneckOf(input(given)).periods.map(({ limit }) => limit);

describe('analysis/waits', () => {
  const cases: [string, string[], string[]][] = [
    ['a plain task', told(task(), [attempt()]), ['submit 0..100', 'queued 100..200', 'running 200..500', 'returning 500..600']],
    ['a task that waited for another', told(task({ dependencies: 1, ready: 60 }), [attempt()]).slice(0, 2), ['dependencies 0..60', 'submit 60..100']],
    ['one whose dependency is not back', told(task({ dependencies: 1, final: false, returned: null }), []), ['dependencies 0..1000']],
    ['a worker that never spoke', told(task(), [attempt({ running: null, running_ended: null })]), ['submit 0..100', 'queued 100..600']],
    ['a worker quicker than the launch', told(task(), [attempt({ running: 50 })]), ['submit 0..100', 'running 100..500', 'returning 500..600']],
    ['a second try', told(task(), [attempt({ returned: 300, running_ended: 250 }), attempt({ try: 1, launched: 350, running: 400 })]).slice(3), ['returning 250..300', 'submit 300..350', 'queued 350..400', 'running 400..500', 'returning 500..600']],
    ['one that still runs', told(task({ final: false, returned: null }), [attempt({ running_ended: null, returned: null })]), ['submit 0..100', 'queued 100..200', 'running 200..1000']],
    ['a join app', told(task({ joins: true }), [attempt({ executor: '_parsl_internal', running: null, running_ended: null, returned: 150 })]), ['submit 0..100', 'joining 100..600']],
    ['a memo hit', told(task({ returned: 5 }), []), ['submit 0..5']],
    ['one of which nothing is known', told(task({ invoked: null, returned: null }), []), []],
  ]; // prettier-ignore
  for (const [name, actual, expected] of cases)
    it(`cuts up the time of ${name}`, () => assert.deepEqual(actual, expected));
});

describe('analysis/periods', () => {
  const load = (fields: Partial<Load>): Load => ({
    dependencies: 0, submit: 0, queued: 0, running: 0, returning: 0, with_workers: 0, without_workers: 0, untold: 0, to_interchange: null,
    in_interchange: null, at_managers: null, workers: 4, busy: 0, idle: 4, saturated: 0, blocks_pending: 0, completed: 0, ...fields,
  }); // prettier-ignore
  const cases: [string, Partial<Load>][] = [
    ['workers', { busy: 4, idle: 0, with_workers: 100 }],
    ['workers', { busy: 4, idle: 0 }],
    ['workers', { busy: 3.4, idle: 0.6, with_workers: 1000 }],
    ['interchange', { busy: 1, idle: 3, with_workers: 100, dependencies: 1000 }],
    ['managers', { busy: 1, idle: 3, with_workers: 100, at_managers: 3, in_interchange: 97 }],
    ['submit', { busy: 1, idle: 3, with_workers: 100, to_interchange: 90, in_interchange: 10, at_managers: 0 }],
    ['submit', { busy: 1, idle: 3, submit: 50 }],
    ['dependencies', { busy: 1, idle: 3, dependencies: 50, with_workers: 0.5 }],
    ['results', { busy: 1, idle: 3, returning: 50 }],
    ['blocks', { workers: 0, idle: 0, without_workers: 12, dependencies: 40 }],
    ['executor', { workers: null, idle: 0, untold: 5, running: 3 }],
    ['workers', { busy: 2, idle: 1, saturated: 2, with_workers: 12, dependencies: 30 }],
    ['dependencies', { busy: 2, idle: 30, saturated: 2, with_workers: 12, dependencies: 30 }],
    ['tail', { busy: 1, idle: 3, running: 1 }],
    ['idle', {}],
  ];
  for (const [limit, fields] of cases)
    it(`names ${limit} for ${JSON.stringify(fields)}`, () => assert.equal(limitOf(load(fields)), limit));

  it('names the queue of an executor that has no managers', () => {
    const waiting = load({ busy: 1, idle: 3, with_workers: 100, at_managers: 100 });
    assert.deepEqual([limitOf(waiting), limitOf(waiting, false)], ['managers', 'queue']);
  });

  it('tells the numbers that it was read from, without what is nothing', () => {
    assert.equal(
      evidence(load({ busy: 3.96, queued: 99.6, with_workers: 100, in_interchange: 99.6, at_managers: 0, to_interchange: 0, completed: 7 })),
      '4 of 4 workers busy; tasks: 100 with the executor (100 in the interchange’s queue); 7 tasks ended.',
    ); // prettier-ignore
  });
});

describe('analysis/bottleneck', () => {
  it('tells blocks, then workers, then the tail of a run of independent tasks', () => {
    const late = { ...manager, registered: 20e6 };
    const many = [
      ...tasks(40, [0, 20, 40, 40]).slice(0, 2),
      ...tasks(38, [0, 40, 50, 50]),
      ...tasks(1, [0, 50, 60, 60]),
    ];
    assert.deepEqual(limits({ tasks: many, managers: [late] }), ['blocks', 'workers', 'tail']);
  });

  it('tells the workers’ start from the way to them, where logs tell', () => {
    const phase = {
      name: 'manager_queue',
      try: 0,
      spell: 1,
      start_inferred: false,
      end_inferred: false,
      start: 0,
      end: 60e6,
      start_source: null,
      end_source: null,
    } as const;
    const queued = tasks(2, [0, 60, 60, 60]);
    assert.deepEqual(limits({ tasks: queued, managers: [manager] }), ['interchange']);
    assert.deepEqual(limits({ tasks: queued, managers: [manager], phases: [phase, phase] }), ['managers']);
  });

  it('names the executor whose workers are the limit, where another one has idle workers', () => {
    const gpu = { ...manager, manager: 'ff', executor: 'gpu', workers: 1 };
    const queued = Array.from({ length: 20 }, (_, k) => tasks(1, [0, 6 * Math.floor(k / 2), 6 * Math.floor(k / 2) + 6, 60])).flat();
    const { periods } = bottleneckOf(input({ tasks: queued, managers: [manager, gpu] }));
    assert.deepEqual([periods[0]!.limit, periods[0]!.title], ['workers', 'workers of htex']);
  }); // prettier-ignore

  it('counts workers of Work Queue in cores, and says so', () => {
    const connected = [{ executor: 'htex', workers: 4, from: 0, to: 60e6 }];
    const occupied = [0, 1].map(() => ({ executor: 'htex', workers: 2, from: 0, to: 60e6 }));
    const { periods, missing } = bottleneckOf(input({ tasks: tasks(2, [0, 30, 40, 60]), connected, occupied }));
    assert.deepEqual(periods.map(({ limit, load }) => [limit, load.busy, load.workers]), [['workers', 4, 4]]); // prettier-ignore
    assert.match(missing[0]!, /^Workers of htex are counted in cores/);
  });

  it('says where tasks of Work Queue hold workers for longer than they run', () => {
    const connected = [{ executor: 'htex', workers: 1, from: 0, to: 60e6 }];
    const phase = {
      name: 'worker',
      try: 0,
      spell: 1,
      start: 10e6,
      end: 40e6,
      start_inferred: false,
      end_inferred: false,
      start_source: null,
      end_source: null,
    };
    const { signs } = bottleneckOf(input({ tasks: tasks(1, [0, 30, 40, 60]), connected, phases: [phase] }));
    assert.match(signs.find(({ sign }) => sign === 'start_up')!.text, /held their workers 3\.0 times as long/);
    assert.deepEqual(bottleneckOf(input({ tasks: tasks(1, [0, 30, 40, 60]), phases: [phase] })).signs.filter(({ sign }) => sign === 'start_up'), []); // prettier-ignore
  });

  it('says it in words, with what would help, and of which part of the run', () => {
    const { verdict, means, limits: list } = bottleneckOf(input({ tasks: tasks(10, [0, 0, 30, 30]), managers: [manager] }));
    assert.equal(verdict, 'While tasks were under way, the limit was mostly workers (100 % of that time). For 50 % of the run no task was under way.');
    assert.match(means, /More of them/);
    assert.deepEqual(list.map(({ limit, share }) => [limit, share]), [['workers', 0.5], ['idle', 0.5]]);
  }); // prettier-ignore

  it('adds up where the time went, in all and by app', () => {
    const { waits, apps } = bottleneckOf(input({ tasks: [...tasks(3, [1, 3, 9, 10]), ...tasks(1, [2, 2, 4, 4], { app: 'b', task: 9 })] }));
    assert.deepEqual(waits.map(({ kind, count, sum, median }) => [kind, count, sum / 1e6, median / 1e6]), [
      ['submit', 4, 5, 1], ['queued', 3, 6, 2], ['running', 4, 20, 6], ['returning', 3, 3, 1],
    ]);
    assert.deepEqual(apps.map(({ app, tasks: of, waits: medians }) => [app, of, medians.running]), [['a', 3, 6e6], ['b', 1, 2e6]]);
  }); // prettier-ignore

  it('says what logs and managers would add, where there are none', () => {
    const { missing } = bottleneckOf(input({ tasks: tasks(1, [0, 1, 2, 3]) }));
    assert.match(missing.join(' '), /How many workers.*The logs of the run directory/);
  });

  it('says that the logs lie elsewhere in time, where monitoring’s zone was not told', () => {
    const phase = {
      name: 'worker',
      try: 0,
      spell: 1,
      start_inferred: false,
      end_inferred: false,
      start: 3600e6,
      end: 3610e6,
      start_source: null,
      end_source: null,
    } as const;
    const { missing } = bottleneckOf(input({ tasks: tasks(1, [0, 1, 2, 3]), phases: [phase] }));
    assert.match(missing[0]!, /--time-zone/);
  });

  it('knows a thread that an exception ended, and what that does to the run', () => {
    const message = 'Exceptional ending for _result_queue_worker on thread HTEX-Result-Queue-Thread\nTraceback …';
    const ending = { template: 'Exceptional ending for *', log: 'parsl', lines: 1, first: 5, message };
    const stuck = tasks(3, [1, 2, 3, 4], { final: false, returned: null, state: 'launched' });
    const { signs } = bottleneckOf(input({ tasks: stuck, errors: [ending] }));
    assert.deepEqual(signs.map(({ sign, count }) => [sign, count]), [['exceptional_ending', 1], ['never_returned', 3]]); // prettier-ignore
    assert.match(signs[0]!.text, /no result reaches the submit side/);
    assert.deepEqual(signs[0]!.where, { 'log.template': 'Exceptional ending for *', 'source.log': 'parsl' });
  });

  it('knows lost managers, failed blocks, idle workers, failed tries, error lines and clocks that disagree', () => {
    const wrong = { name: 'result', try: 0, spell: 1, start_inferred: false, end_inferred: false, start: 9e6, end: 8e6, start_source: 'worker ab/0', end_source: 'interchange htex' } as const;
    const { signs } = bottleneckOf(input({
      tasks: tasks(2, [1, 2, 3, 4]), managers: [{ ...manager, left: 3e6, active: false }], blocks: [{ ...block, state: 'FAILED', ended: 4e6 }],
      errors: [{ template: 'Task * failed', log: 'parsl', lines: 2, first: 7, message: 'Task 3 failed' }], failedTries: 1, phases: [wrong],
    }));
    assert.deepEqual(signs.map(({ sign }) => sign), ['managers_lost', 'blocks_failed', 'idle_while_work_waits', 'failed_tries', 'error_lines', 'clocks_disagree']);
  }); // prettier-ignore

  it('says nothing of a run in which nothing happened', () => {
    assert.match(bottleneckOf(input({})).verdict, /nothing can be said/);
  });
});

describe('analysis/blocks', () => {
  it('lets a block run from its first manager on, even if nobody said so', () => {
    const silent = { ...block, states: JSON.stringify([['PENDING', 0]]) };
    assert.deepEqual(blockSpans(silent, [{ ...manager, registered: 50 }], 200), [
      { state: 'PENDING', from: 0, to: 50 },
      { state: 'RUNNING', from: 50, to: 200 },
    ]);
    assert.deepEqual(blockSpans(block, [{ ...manager, registered: 150 }], 200), [
      { state: 'PENDING', from: 0, to: 100 },
      { state: 'RUNNING', from: 100, to: 200 },
    ]);
  });
});
