import assert from 'node:assert/strict';

import fc from 'fast-check';

import { CoverSweep, StateSweep, intervalStarts, sweepTask, type TaskTimes } from '../../bridge/analysis/series.ts';

const task = (fields: Partial<TaskTimes>): TaskTimes => ({
  task: 1, state: 'exec_done', final: 1, invoked: null, launched: null, running: null, running_ended: null, returned: null,
  is_join: 0, ...fields,
}); // prettier-ignore

const run = (tasks: readonly TaskTimes[], points = 11) => {
  const sweep = new StateSweep({ start: 0, end: 100, points });
  const placed = tasks.map((each) => sweepTask(sweep, each, [each]));
  return { ...sweep.result(), placed };
};

const time = fc.option(fc.integer({ min: -20, max: 130 }), { nil: null });
const anyTask = fc.record({
  task: fc.nat(), state: fc.constantFrom('pending', 'launched', 'running', 'exec_done', 'failed'), final: fc.constantFrom(0, 1),
  invoked: time, launched: time, running: time, running_ended: time, returned: time, is_join: fc.constantFrom(0, 1),
}); // prettier-ignore

describe('analysis/series', () => {
  it('takes a task through its states at the instants they began', () => {
    const { times, states } = run([task({ invoked: 0, launched: 15, running: 30, running_ended: 60, returned: 80 })]);
    assert.deepEqual(times, [0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100]);
    assert.deepEqual(states, {
      pending: [1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0],
      launched: [0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0],
      running: [0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0],
      running_ended: [0, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0],
      exec_done: [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1],
    });
  });

  it('does not lose the run time of a task whose worker was quicker than its launched message', () => {
    const { states } = run([task({ invoked: 0, launched: 30, running: 20, running_ended: 60, returned: 60 })]);
    assert.deepEqual(states['running'], [0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0]);
  });

  it('shows a retried task as pending between its tries and a join as joining after its function returned', () => {
    const sweep = new StateSweep({ start: 0, end: 100, points: 11 });
    const first = { ...task({}), launched: 10, running: 20, running_ended: 30, returned: 30 };
    const second = { ...task({}), launched: 50, running: 60, running_ended: 70, returned: 70 };
    sweepTask(sweep, task({ invoked: 0, returned: 90, is_join: 1 }), [first, second]);
    const { states } = sweep.result();
    assert.deepEqual(states['pending'], [1, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0]);
    assert.deepEqual(states['joining'], [0, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0]);
  });

  it('leaves out, and says so, a task of which no time is known', () => {
    const { placed, states } = run([task({})]);
    assert.deepEqual([placed, states], [[false], {}]);
  });

  it('property: every placed task is in exactly one state from its begin on, and in its own at the end', () => {
    fc.assert(
      fc.property(fc.array(anyTask, { maxLength: 40 }), fc.integer({ min: 2, max: 60 }), (tasks, points) => {
        const { states, placed } = run(tasks, points);
        const total = placed.filter(Boolean).length;
        const sums = Array.from({ length: points }, (_, k) =>
          Object.values(states).reduce((sum, list) => sum + list[k]!, 0),
        );
        assert.equal(sums.at(-1), total);
        sums.forEach((sum, k) => assert.ok(sum >= (sums[k - 1] ?? 0) && sum <= total));
        assert.ok(Object.values(states).every((list) => list.every((count) => count >= 0)));
        for (const state of new Set(tasks.map((each) => each.state))) {
          const inIt = tasks.filter((each, index) => each.state === state && placed[index]).length;
          assert.equal(states[state]?.at(-1) ?? 0, inIt, state);
        }
      }),
    );
  });

  it('averages workers over intervals, so that short tries weigh what they took', () => {
    const cover = new CoverSweep({ start: 0, end: 100, points: 10 });
    cover.add(5, 25, 2);
    cover.add(42, 44, 1);
    assert.deepEqual(cover.result(), [1, 2, 1, 0, 0.2, 0, 0, 0, 0, 0]);
    assert.equal(cover.total, 42);
    assert.deepEqual(intervalStarts({ start: 0, end: 100, points: 4 }), [0, 25, 50, 75]);
  });

  it('property: the mean times the length is the time covered inside the window', () => {
    const interval = fc.record({
      from: fc.integer({ min: -50, max: 150 }),
      length: fc.integer({ min: -5, max: 150 }),
      weight: fc.integer({ min: 1, max: 64 }),
    });
    fc.assert(
      fc.property(fc.array(interval, { maxLength: 30 }), fc.integer({ min: 2, max: 50 }), (intervals, points) => {
        const cover = new CoverSweep({ start: 0, end: 100, points });
        let expected = 0;
        for (const { from, length, weight } of intervals) {
          cover.add(from, from + length, weight);
          expected += Math.max(0, Math.min(100, from + length) - Math.max(0, from)) * weight;
        }
        const area = cover.result().reduce((sum, mean) => sum + mean * (100 / points), 0);
        assert.ok(Math.abs(area - expected) < 0.06 * points + 1e-6 * expected, `${area} ${expected}`);
        assert.ok(Math.abs(cover.total - expected) < 1e-6 * (1 + expected));
        assert.ok(cover.result().every((mean) => mean >= -1e-9));
      }),
    );
  });
});
