import assert from 'node:assert/strict';

import type { WideRecord } from '../../bridge/core/record.ts';
import { LiveEngine, pointsOf } from '../helpers/engine.ts';
import { at, parsl } from '../helpers/records.ts';

function byExecutor(name: string, records: readonly WideRecord[], seconds: number): Record<string, number> {
  const live = new LiveEngine().apply([parsl.begin(0), ...records]).tick(at(seconds));
  const points = pointsOf(live.engine.collect(at(seconds)), name);
  return Object.fromEntries(points.map(({ attributes, value }) => [String(attributes['executor']), value]));
}

const runnable = (records: readonly WideRecord[], seconds: number) =>
  byExecutor('parsl.tasks.runnable', records, seconds);
const oldest = (records: readonly WideRecord[], seconds: number) =>
  byExecutor('parsl.try.queue.oldest', records, seconds);

describe('mappers/waiting', () => {
  const gpu = { 'parsl.executor': 'gpu' };
  const waits = [
    parsl.task(0, 0, 'launched', 2, { launched: 2 }),
    parsl.task(1, 0, 'launched', 5, { launched: 5 }),
    parsl.task(2, 0, 'launched', 1, { launched: 1 }, gpu),
    parsl.worker(2, 0, 'running', 3),
  ];

  it('is counted by executor, zeros included', () => {
    assert.deepEqual(runnable(waits, 12), { gpu: 0, htex: 2 });
    assert.deepEqual(runnable([parsl.block('gpu', '0', 'PENDING', 1)], 12), { gpu: 0 });
  });

  it('shows how long the one has waited that waits longest', () => {
    assert.deepEqual(oldest(waits, 12), { gpu: 0, htex: 10 });
    assert.deepEqual(oldest([...waits, parsl.worker(0, 0, 'running', 12)], 12), { gpu: 0, htex: 7 });
    assert.deepEqual(oldest([...waits, parsl.end(12)], 12), {});
  });

  it('of a task that is tried again counts from the launch of its newest try', () => {
    const again = [parsl.task(0, 0, 'fail_retryable', 6), parsl.task(0, 1, 'launched', 8, { launched: 8 })];
    assert.deepEqual(oldest([parsl.task(0, 0, 'launched', 2, { launched: 2 }), ...again], 12), { htex: 4 });
  });

  it('of an executor whose workers tell nothing is unknown: a launched try may be running', () => {
    const came = (id: number) => [
      parsl.task(id, 0, 'launched', 1, { launched: 1 }),
      parsl.task(id, 0, 'exec_done', 4, { launched: 1, returned: 4, ended: 4 }),
    ];
    const mute = [...came(7), parsl.task(8, 0, 'launched', 5, { launched: 5 })];
    assert.deepEqual([runnable(mute, 60), oldest(mute, 60)], [{ htex: 0 }, {}]);
    // One lost message of a worker is not that.
    const told = [...mute, ...parsl.whole(9, 5, 10)];
    assert.deepEqual([runnable(told, 60), oldest(told, 60)], [{ htex: 1 }, { htex: 55 }]);
  });
});
