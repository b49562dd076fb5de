import assert from 'node:assert/strict';

import { lanesOf, type LaneTask, type LaneTry } from '../../bridge/analysis/states.ts';

const none = { points: [], phases: [], workers: [] };
const window = { start: 0, end: 100, points: 11 };
const task = (fields: Partial<LaneTask>): LaneTask => ({ state: 'exec_done', final: true, invoked: 0, returned: 90, ...fields }); // prettier-ignore
const attempt = (fields: Partial<LaneTry>, ...states: [string, string, number][]): LaneTry => ({
  launched: null, running: null, running_ended: null, returned: null, states: JSON.stringify(states), ...fields,
}); // prettier-ignore

describe('analysis/states', () => {
  it('counts tasks by the submit side’s word and tries by the workers’ word, apart', () => {
    const { times, submit, execution } = lanesOf(
      [{ task: task({}), tries: [attempt({ launched: 20, running: 40, running_ended: 60, returned: 80 }, ['submit', 'launched', 20])] }],
      none, window,
    ); // prettier-ignore
    assert.deepEqual(times, [0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100]);
    assert.deepEqual(submit, {
      pending: [1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0],
      launched: [0, 0, 1, 1, 1, 1, 1, 1, 1, 0, 0],
      exec_done: [0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1],
    });
    assert.deepEqual(execution, {
      running: [0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0],
      running_ended: [0, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0],
    });
  });

  it('tolerates a worker that was quicker than the launched message, and an end before its start', () => {
    const { execution, raced } = lanesOf(
      [
        { task: task({}), tries: [attempt({ launched: 30, running: 20, running_ended: 50, returned: 60 })] },
        { task: task({}), tries: [attempt({ launched: 10, running: 50, running_ended: 40, returned: 70 })] },
      ],
      none, window,
    ); // prettier-ignore
    assert.equal(raced, 1);
    assert.deepEqual(execution['running'], [0, 0, 1, 1, 1, 0, 0, 0, 0, 0, 0]);
    for (const values of Object.values(execution)) assert.ok(values.every((value) => value >= 0));
  });

  it('lets a try whose end no worker told leave when it returned, and says so', () => {
    const { execution, inferred } = lanesOf(
      [{ task: task({}), tries: [attempt({ launched: 10, running: 20, returned: 50 })] }],
      none,
      window,
    );
    assert.equal(inferred, 1);
    assert.deepEqual(execution['running'], [0, 0, 1, 1, 1, 0, 0, 0, 0, 0, 0]);
  });

  it('takes every try of a task through its states', () => {
    const first = attempt({ launched: 10, returned: 30 }, ['submit', 'launched', 10], ['submit', 'fail_retryable', 30]);
    const second = attempt({ launched: 50, returned: 90 }, ['submit', 'pending', 40], ['submit', 'launched', 50], ['submit', 'exec_done', 90]); // prettier-ignore
    const { submit } = lanesOf([{ task: task({}), tries: [first, second] }], none, window);
    assert.deepEqual(submit['fail_retryable'], [0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
    assert.deepEqual(submit['pending'], [1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    assert.equal(submit['exec_done']!.at(-1), 1);
  });

  it('holds a queue’s last length until another is told, label by label', () => {
    const point = (label: string, time: number, value: number) => ({ metric: 'queue', label, time, value });
    const { queues } = lanesOf(
      [],
      { ...none, points: [point('a', 45, 7), point('a', 21, 3), point('b', 0, 1)] },
      window,
    );
    assert.deepEqual(queues, [
      { metric: 'queue', label: 'a', values: [null, null, null, 3, 3, 7, 7, 7, 7, 7, 7] },
      { metric: 'queue', label: 'b', values: [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1] },
    ]);
  });

  it('counts tries in the queues that logs tell of, and workers, by executor', () => {
    const phases = [
      { name: 'interchange_queue', executor: 'htex', start: 5, end: 42 },
      { name: 'interchange_queue', executor: 'htex', start: 20, end: null },
      { name: 'worker', executor: 'htex', start: 42, end: 60 },
    ];
    const workers = [{ executor: 'htex', workers: 2, from: 10, to: 50 }, { executor: 'htex', workers: 4, from: -5, to: 20 }]; // prettier-ignore
    const answer = lanesOf([], { ...none, phases, workers }, window);
    assert.deepEqual(answer.queues, [{ metric: 'interchange_queue', label: 'htex', values: [0, 1, 2, 2, 2, 1, 1, 1, 1, 1, 1] }]); // prettier-ignore
    assert.deepEqual(answer.workers, [{ metric: 'workers', label: 'htex', values: [4, 6, 2, 2, 2, 0, 0, 0, 0, 0, 0] }]);
  });

  it('says what is not there, and what would supply it', () => {
    const { unplaced, missing } = lanesOf([{ task: task({ invoked: null, returned: null }), tries: [] }], none, window);
    assert.equal(unplaced, 1);
    assert.match(missing.join(' '), /No worker’s word.*No queue length/);
  });
});
