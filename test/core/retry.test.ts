import assert from 'node:assert/strict';

import type { ExportBatch, Exporter } from '../../bridge/core/component.ts';
import { BridgeError } from '../../bridge/core/errors.ts';
import type { RetryOptions } from '../../bridge/core/retry.ts';
import { retrying } from '../../bridge/core/retry.ts';
import { batchOf, collecting } from '../helpers/exporter.ts';

const batch: ExportBatch = batchOf({});

/** Fails with each error in turn, then delivers. A clock that only sleeping moves. */
function setUp(errors: readonly unknown[], options: RetryOptions = {}) {
  const told = collecting();
  const waits: number[] = [];
  let clock = 0;
  let tries = 0;
  let stopped = 0;
  const exporter: Exporter = {
    start: () => Promise.resolve(),
    stop: () => {
      stopped += 1;
      return Promise.resolve();
    },
    export: (given) => {
      assert.equal(given, batch);
      const error = errors[tries++];
      // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- what an exporter may do, too
      return error === undefined ? Promise.resolve() : Promise.reject(error);
    },
  };
  const wrapped = retrying(exporter, told.context, {
    initial_interval_ms: 100,
    max_interval_ms: 400,
    random: () => 0.5,
    now: () => clock,
    sleep: (ms) => {
      waits.push(ms);
      clock += ms;
      return Promise.resolve();
    },
    ...options,
  });
  return { wrapped, waits, told, tries: () => tries, stopped: () => stopped };
}

const refused = new BridgeError('BRIDGE_REFUSED', 'busy');
const failed = new BridgeError('BRIDGE_IO', 'disk full');
const rejected = new BridgeError('BRIDGE_REJECTED', 'never', { reason: 'http_400' });

describe('core/retry', () => {
  it('delivers at once what is taken', async () => {
    const { wrapped, waits, tries } = setUp([]);
    await wrapped.export(batch);
    assert.deepEqual([tries(), waits], [1, []]);
  });

  it('tries again with growing pauses up to a longest one, and reports every refusal', async () => {
    const { wrapped, waits, told, tries } = setUp([refused, failed, refused, refused, failed]);
    await wrapped.export(batch);
    assert.deepEqual([tries(), waits], [6, [100, 150, 225, 337.5, 400]]);
    assert.deepEqual(told.reported, [refused, failed, refused, refused, failed]);
  });

  it('spreads pauses from half to one and a half of the interval', async () => {
    for (const [random, expected] of [
      [0, 50],
      [0.999, 149.9],
    ] as const) {
      const { wrapped, waits } = setUp([refused], { random: () => random });
      await wrapped.export(batch);
      assert.equal(Math.round(waits[0]! * 10) / 10, expected);
    }
  });

  it('comes back no sooner than it was asked to', async () => {
    const later = new BridgeError('BRIDGE_REFUSED', 'later', { retryAfterMs: 5_000 });
    const soon = new BridgeError('BRIDGE_REFUSED', 'soon', { retryAfterMs: 1 });
    const { wrapped, waits } = setUp([later, soon]);
    await wrapped.export(batch);
    assert.deepEqual(waits, [5_000, 150]);
  });

  it('lets through what will never succeed', async () => {
    for (const error of [rejected, new BridgeError('BRIDGE_CONFIG', 'x'), new TypeError('bug')]) {
      const { wrapped, tries, told } = setUp([refused, error]);
      await assert.rejects(wrapped.export(batch), error);
      assert.deepEqual([tries(), told.reported], [2, [refused]]);
    }
  });

  it('gives up in time, with the last refusal as the cause and what was left of the batch', async () => {
    const partly = new BridgeError('BRIDGE_REFUSED', 'busy', { items: 3, hint: 'look there' });
    const { wrapped, tries, waits } = setUp(Array<BridgeError>(99).fill(partly), { max_elapsed_time_ms: 500 });
    await assert.rejects(wrapped.export(batch), (error) => {
      assert.ok(error instanceof BridgeError);
      assert.deepEqual(
        [error.code, error.reason, error.items, error.hint],
        ['BRIDGE_REJECTED', 'retries_exhausted', 3, 'look there'],
      );
      assert.match(error.message, /give up after 4 tries: busy/);
      assert.equal(error.cause, partly);
      return true;
    });
    assert.deepEqual([tries(), waits], [4, [100, 150, 225]]);
  });

  it('never gives up if told so', async () => {
    const { wrapped, tries } = setUp(Array<BridgeError>(500).fill(refused), { max_elapsed_time_ms: 0 });
    await wrapped.export(batch);
    assert.equal(tries(), 501);
  });

  it('ends its pause when it is stopped, tries once more, and hands the refusal back', async () => {
    let wake = (): void => {};
    const sleeping = new Promise<void>((resolve) => (wake = resolve));
    const { wrapped, tries, stopped } = setUp(Array<BridgeError>(9).fill(refused), {
      sleep: (_, signal) => {
        wake();
        return new Promise((resolve) => signal.addEventListener('abort', () => resolve()));
      },
    });
    const exported = assert.rejects(wrapped.export(batch), refused);
    await sleeping;
    await wrapped.stop();
    await exported;
    assert.deepEqual([tries(), stopped()], [2, 1]);
  });

  it('keeps what else the exporter has', () => {
    const routes = [{ method: 'GET', path: '/x', access: 'public', handle: () => {} }] as const;
    const exporter: Exporter = {
      start: () => Promise.resolve(),
      stop: () => Promise.resolve(),
      export: () => Promise.resolve(),
      routes,
    };
    assert.equal(retrying(exporter, collecting().context).routes, routes);
  });

  it('refuses intervals that mean nothing', () => {
    assert.throws(() => setUp([], { initial_interval_ms: 0 }));
  });
});
