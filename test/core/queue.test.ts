import fc from 'fast-check';
import assert from 'node:assert/strict';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import type { ExportBatch, Exporter } from '../../bridge/core/component.ts';
import { BridgeError } from '../../bridge/core/errors.ts';
import { estimateBytes, itemsOf, merge } from '../../bridge/core/batch.ts';
import type { QueueOptions } from '../../bridge/core/queue.ts';
import { queued } from '../../bridge/core/queue.ts';
import { retrying } from '../../bridge/core/retry.ts';
import { batchOf, collecting } from '../helpers/exporter.ts';
import { durations, log, metrics, span, tasksByState } from '../helpers/signals.ts';

/** A batch of so many records, each with the number of its batch. */
const records = (batch: number, count = 1): ExportBatch =>
  batchOf({ records: Array.from({ length: count }, () => ({ batch })) });
const numbersOf = ({ records: list }: ExportBatch): unknown[] => list.map(({ batch }) => batch);

/** An exporter whose every export waits to be answered. */
function setUp(options: QueueOptions = {}) {
  const told = collecting();
  const calls: { readonly batch: ExportBatch; resolve(): void; reject(error: unknown): void }[] = [];
  const waiters: (() => void)[] = [];
  let [started, stopped] = [0, 0];
  const exporter: Exporter = {
    start: () => Promise.resolve(void (started += 1)),
    stop: () => Promise.resolve(void (stopped += 1)),
    export: (batch) =>
      new Promise((resolve, reject) => {
        calls.push({ batch, resolve, reject });
        for (const wake of waiters.splice(0)) wake();
      }),
  };
  const never = (_: number, signal: AbortSignal): Promise<void> =>
    new Promise((resolve) => signal.addEventListener('abort', () => resolve()));
  const queue = queued(exporter, told.context, { sleep: never, ...options });
  return {
    queue,
    told,
    calls,
    /** Resolves when so many exports have been asked for. */
    called: async (count: number): Promise<void> => {
      while (calls.length < count) await new Promise<void>((resolve) => waiters.push(resolve));
    },
    /** All promises that can settle have settled. */
    settled: () => new Promise<void>((resolve) => setImmediate(resolve)),
    counts: () => [started, stopped],
  };
}

describe('core/queue', () => {
  it('sends nothing before it is started, and all of it afterwards, in order', async () => {
    const { queue, calls, called, settled } = setUp();
    queue.offer(1, records(1));
    queue.offer(2, records(2));
    await settled();
    assert.deepEqual([calls.length, queue.size(), queue.acknowledged()], [0, 2, undefined]);
    await queue.start();
    await called(1);
    assert.deepEqual(numbersOf(calls[0]!.batch), [1, 2]);
    calls[0]!.resolve();
    await settled();
    assert.deepEqual([queue.size(), queue.acknowledged()], [0, 2]);
  });

  it('works again after it was empty', async () => {
    const { queue, calls, called, settled } = setUp();
    await queue.start();
    for (let seq = 1; seq <= 3; seq += 1) {
      queue.offer(seq, records(seq));
      await called(seq);
      calls[seq - 1]!.resolve();
      await settled();
      assert.deepEqual([queue.size(), queue.acknowledged()], [0, seq]);
    }
  });

  it('takes an offer at any moment between two exports', async () => {
    // One more microtask each time: the offer falls before, into and after the end of the loop.
    for (let steps = 0; steps < 12; steps += 1) {
      const { queue, calls, called, settled } = setUp();
      await queue.start();
      queue.offer(1, records(1));
      await called(1);
      calls[0]!.resolve();
      for (let step = 0; step < steps; step += 1) await Promise.resolve();
      queue.offer(2, records(2));
      await settled();
      assert.equal(calls.length, 2, `after ${steps} steps`);
    }
  });

  it('has one batch in flight, and puts together what comes meanwhile', async () => {
    const { queue, calls, called, settled } = setUp({ batch_items_max: 4 });
    await queue.start();
    queue.offer(1, records(1));
    await called(1);
    for (let seq = 2; seq <= 7; seq += 1) queue.offer(seq, records(seq));
    queue.offer(8, records(8, 9));
    queue.offer(9, records(9));
    await settled();
    assert.equal(calls.length, 1);
    const sent = [];
    for (let call = 0; call < 5; call += 1) {
      await called(call + 1);
      sent.push(numbersOf(calls[call]!.batch));
      calls[call]!.resolve();
    }
    assert.deepEqual(sent, [[1], [2, 3, 4, 5], [6, 7], Array(9).fill(8), [9]]);
  });

  it('puts together what is offered in one step', async () => {
    const { queue, calls, called } = setUp();
    await queue.start();
    for (let seq = 1; seq <= 3; seq += 1) queue.offer(seq, records(seq));
    await called(1);
    assert.deepEqual(numbersOf(calls[0]!.batch), [1, 2, 3]);
  });

  it('acknowledges an entry with the last of its batches', async () => {
    const { queue, calls, called, settled } = setUp({ batch_items_max: 1 });
    await queue.start();
    queue.offer(5, records(1));
    queue.offer(5, records(2));
    queue.offer(9, records(3));
    const seen = [];
    for (let call = 0; call < 3; call += 1) {
      await called(call + 1);
      calls[call]!.resolve();
      await settled();
      seen.push(queue.acknowledged());
    }
    assert.deepEqual(seen, [4, 5, 9]);
  });

  it('drops the oldest when it is full, counts it, and never the batch in flight', async () => {
    const { queue, calls, called, told, settled } = setUp({ queue_items_max: 10 });
    await queue.start();
    queue.offer(1, records(1, 4));
    await called(1);
    for (let seq = 2; seq <= 5; seq += 1) queue.offer(seq, records(seq, 3));
    assert.deepEqual([queue.size(), told.dropped], [10, { queue_full: 6 }]);
    assert.deepEqual(
      told.reported.map(({ code, reason }) => [code, reason]),
      [
        ['BRIDGE_REJECTED', 'queue_full'],
        ['BRIDGE_REJECTED', 'queue_full'],
      ],
    );
    assert.equal(queue.acknowledged(), 0);
    calls[0]!.resolve();
    await called(2);
    assert.equal(queue.acknowledged(), 3);
    assert.deepEqual(numbersOf(calls[1]!.batch), [4, 4, 4, 5, 5, 5]);
    calls[1]!.resolve();
    await settled();
    assert.equal(queue.acknowledged(), 5);
  });

  it('takes a batch that is larger than the whole queue, in place of all others', async () => {
    const { queue, told, calls, called } = setUp({ queue_items_max: 10 });
    queue.offer(1, records(1, 5));
    queue.offer(2, records(2, 50));
    assert.deepEqual([queue.size(), told.dropped], [50, { queue_full: 5 }]);
    await queue.start();
    await called(1);
    assert.equal(calls[0]!.batch.records.length, 50);
  });

  it('drops by bytes too', () => {
    const { queue, told } = setUp({ queue_bytes_max: 10_000 });
    const large = batchOf({ logs: [log(1, { body: 'x'.repeat(4_000) })] });
    queue.offer(1, large);
    queue.offer(2, large);
    assert.deepEqual([queue.size(), told.dropped], [1, { queue_full: 1 }]);
  });

  it('gives up what is rejected, counts it by its reason, and goes on', async () => {
    const { queue, calls, called, told, settled } = setUp({ batch_items_max: 2 });
    await queue.start();
    for (let seq = 1; seq <= 4; seq += 1) queue.offer(seq, records(seq, 2));
    const errors = [
      new BridgeError('BRIDGE_REJECTED', 'no', { reason: 'http_400' }),
      new BridgeError('BRIDGE_REJECTED', 'partly', { reason: 'retries_exhausted', items: 1 }),
      new TypeError('bug'),
    ];
    for (const [index, error] of errors.entries()) {
      await called(index + 1);
      calls[index]!.reject(error);
    }
    await called(4);
    calls[3]!.resolve();
    await settled();
    assert.deepEqual(
      [told.dropped, queue.size(), queue.acknowledged()],
      [{ http_400: 2, retries_exhausted: 1, rejected: 2 }, 0, 4],
    );
    assert.deepEqual(
      told.reported.map(({ message }) => message),
      ['no', 'partly', 'export a batch: bug'],
    );
  });

  it('delivers what waits before it stops', async () => {
    const { queue, calls, called, counts } = setUp({ batch_items_max: 1 });
    await queue.start();
    queue.offer(1, records(1));
    queue.offer(2, records(2));
    const stopped = queue.stop(10_000);
    await called(1);
    calls[0]!.resolve();
    await called(2);
    assert.deepEqual(counts(), [1, 0]);
    calls[1]!.resolve();
    await stopped;
    assert.deepEqual([counts(), queue.acknowledged(), queue.size()], [[1, 1], 2, 0]);
  });

  it('leaves what it cannot deliver in time: not acknowledged, not counted', async () => {
    let expire = (): void => {};
    const { queue, calls, called, told } = setUp({
      batch_items_max: 1,
      sleep: () => new Promise((resolve) => (expire = resolve)),
    });
    await queue.start();
    for (let seq = 1; seq <= 3; seq += 1) queue.offer(seq, records(seq));
    await called(1);
    calls[0]!.resolve();
    await called(2);
    const stopped = queue.stop(50);
    expire();
    await Promise.resolve();
    calls[1]!.reject(new BridgeError('BRIDGE_REFUSED', 'busy'));
    await stopped;
    queue.offer(4, records(4));
    assert.deepEqual([queue.acknowledged(), queue.size(), told.dropped, calls.length], [1, 3, {}, 2]);
    assert.deepEqual(told.logged, [
      { level: 'warn', fields: { items: 2 }, message: 'Undelivered items are left to the next start.' },
    ]);
  });

  it('ends the pauses of retries when its time to stop is over', async () => {
    const told = collecting();
    let tries = 0;
    let pausing = (): void => {};
    const paused = new Promise<void>((resolve) => (pausing = resolve));
    const dead: Exporter = {
      start: () => Promise.resolve(),
      stop: () => Promise.resolve(),
      export: () => Promise.reject(new BridgeError('BRIDGE_REFUSED', `dead ${(tries += 1)}`)),
    };
    const sleep = (_: number, signal: AbortSignal): Promise<void> => {
      pausing();
      return new Promise((resolve) => signal.addEventListener('abort', () => resolve()));
    };
    const queue = queued(retrying(dead, told.context, { sleep }), told.context, { sleep: () => Promise.resolve() });
    await queue.start();
    queue.offer(1, records(1));
    await paused;
    await queue.stop(0);
    assert.deepEqual([queue.size(), queue.acknowledged(), told.dropped], [1, undefined, {}]);
  });

  it('stops before it started, twice, and never starts after', async () => {
    const { queue, counts } = setUp();
    queue.offer(1, records(1));
    await Promise.all([queue.stop(1), queue.stop(1)]);
    await queue.start();
    assert.deepEqual([counts(), queue.size(), queue.acknowledged()], [[0, 1], 1, undefined]);
  });

  it('tells when there is room again', async () => {
    const { queue, calls, called, settled } = setUp({ queue_items_max: 10, batch_items_max: 3 });
    await queue.start();
    let told = false;
    await queue.room();
    for (let seq = 1; seq <= 3; seq += 1) queue.offer(seq, records(seq, 3));
    void queue.room().then(() => (told = true));
    await called(1);
    await settled();
    assert.equal(told, false);
    calls[0]!.resolve();
    await called(2);
    assert.equal(told, false);
    calls[1]!.resolve();
    await settled();
    assert.equal(told, true);
  });

  it('keeps nobody waiting for room after it stopped', async () => {
    const { queue } = setUp({ queue_items_max: 1 });
    queue.offer(1, records(1, 5));
    const room = queue.room();
    await queue.stop(0);
    await room;
    await queue.room();
  });

  it('takes nothing of an empty batch', () => {
    const { queue } = setUp();
    queue.offer(1, batchOf({}));
    queue.offer(2, batchOf({ metrics: [{ ...tasksByState, points: [] }] }));
    assert.equal(queue.size(), 0);
  });

  it('delivers or drops everything exactly once, in order, whatever comes', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.integer({ min: 1, max: 9 }), fc.constantFrom('ok', 'reject', 'wait')), { maxLength: 40 }),
        fc.integer({ min: 5, max: 30 }),
        fc.integer({ min: 1, max: 12 }),
        async (script, queue_items_max, batch_items_max) => {
          const { queue, calls, told, settled } = setUp({ queue_items_max, batch_items_max });
          await queue.start();
          let answered = 0;
          let delivered = 0;
          const order: unknown[] = [];
          const answer = async (how: string): Promise<void> => {
            await settled();
            const call = calls[answered];
            if (call === undefined || how === 'wait') return;
            answered += 1;
            if (how === 'ok') {
              delivered += call.batch.records.length;
              order.push(...numbersOf(call.batch));
              call.resolve();
            } else call.reject(new BridgeError('BRIDGE_REJECTED', 'no', { reason: 'no' }));
            await settled();
          };
          for (const [index, [count, how]] of script.entries()) {
            queue.offer(index + 1, records(index + 1, count));
            await answer(how);
            const acknowledged = queue.acknowledged() ?? 0;
            const owed = numbersOf(calls[answered]?.batch ?? batchOf({}));
            for (const seq of owed) assert.ok(Number(seq) > acknowledged);
          }
          while (queue.size() > 0) await answer('ok');
          const offered = script.reduce((sum, [count]) => sum + count, 0);
          assert.equal(delivered + (told.dropped['queue_full'] ?? 0) + (told.dropped['no'] ?? 0), offered);
          assert.deepEqual(
            order,
            order.toSorted((a, b) => Number(a) - Number(b)),
          );
          assert.equal(queue.acknowledged(), script.length === 0 ? undefined : script.length);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('remembers nothing that was sent', async () => {
    setFlagsFromString('--expose-gc');
    const collectGarbage = runInNewContext('gc') as () => void;
    const { queue, calls, called, settled } = setUp({ batch_items_max: 1 });
    await queue.start();
    const sent = ((): WeakRef<object> => {
      const batch = records(1);
      queue.offer(1, batch);
      return new WeakRef(batch);
    })();
    queue.offer(2, records(2));
    await called(1);
    calls.shift()!.resolve();
    await called(1);
    await settled();
    collectGarbage();
    assert.equal(sent.deref(), undefined);
    assert.equal(queue.size(), 1);
  });
});

describe('core/batch', () => {
  it('counts metrics by their points', () => {
    const batch = batchOf({ records: [{}], spans: [span(1)], logs: [log(1), log(2)], metrics });
    assert.equal(itemsOf(batch), 9);
  });

  it('puts batches together in their order', () => {
    const [one, two] = [
      batchOf({ spans: [span(1)], metrics: [durations] }),
      batchOf({ spans: [span(2)], logs: [log(1)] }),
    ];
    assert.deepEqual(merge([one, two]), batchOf({ spans: [span(1), span(2)], logs: [log(1)], metrics: [durations] }));
    assert.equal(merge([one]), one);
  });

  it('estimates bytes by a sample, close to what texts take', () => {
    const logs = Array.from({ length: 1000 }, () => log(1, { body: 'x'.repeat(1000) }));
    const bytes = estimateBytes(batchOf({ logs }));
    assert.ok(bytes > 2_000_000 && bytes < 3_500_000, String(bytes));
    assert.equal(estimateBytes(batchOf({})), 0);
    assert.ok(estimateBytes(batchOf({ records: [{ text: 'x'.repeat(5000) }] })) > 5_000);
    assert.ok(estimateBytes(batchOf({ metrics })) > 1_000);
  });
});
