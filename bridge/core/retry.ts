/**
 * retrying(exporter): tries a batch again while the other side refuses it or cannot be reached (BRIDGE_REFUSED,
 * BRIDGE_IO), with exponential back-off and jitter, never sooner than the other side asked. Everything else passes
 * through. It has the exporter's own interface, and keeps its contract: a batch that was tried long enough is given up
 * with BRIDGE_REJECTED; after stop() the last refusal comes through, so that whoever holds the batch may keep it.
 */
import { setTimeout as sleepFor } from 'node:timers/promises';
import { z } from 'zod';

import type { Exporter, ExporterContext } from './component.ts';
import { BridgeError } from './errors.ts';

/** The Collector's `retry_on_failure`. */
export const retryOnFailure = z.strictObject({
  initial_interval_ms: z.int().min(1).max(600_000).default(1_000).describe('Pause before a batch is tried again.'),
  max_interval_ms: z.int().min(1).max(3_600_000).default(30_000).describe('Longest pause; each is 1.5 times the last.'),
  max_elapsed_time_ms: z
    .int()
    .min(0)
    .default(0)
    .describe('A batch refused for so long is given up, so that one batch cannot stop all others for ever; 0: never.'),
});

export interface RetryOptions extends Partial<z.output<typeof retryOnFailure>> {
  /** Random number in [0, 1). */
  readonly random?: () => number;
  /** Milliseconds on a clock that only goes forward. */
  readonly now?: () => number;
  /** Resolves after `ms`, or as soon as `signal` fires. */
  readonly sleep?: (ms: number, signal: AbortSignal) => Promise<void>;
}

const MULTIPLIER = 1.5;

export function retrying(
  exporter: Exporter,
  { report }: Pick<ExporterContext, 'report'>,
  { random = Math.random, now = () => performance.now(), sleep = pause, ...intervals }: RetryOptions = {},
): Exporter {
  const { initial_interval_ms, max_interval_ms, max_elapsed_time_ms } = retryOnFailure.parse(intervals);
  const stopping = new AbortController();

  return {
    ...exporter,
    start: () => exporter.start(),
    async export(batch) {
      const began = now();
      for (let tries = 1, interval = initial_interval_ms; ; tries += 1) {
        try {
          await exporter.export(batch);
          return;
        } catch (error) {
          if (!isRetryable(error) || stopping.signal.aborted) throw error;
          // Half to one and a half times the interval, so that many bridges do not come back at the same moment.
          const wait = Math.max(interval * (0.5 + random()), error.retryAfterMs ?? 0);
          if (max_elapsed_time_ms > 0 && now() - began + wait > max_elapsed_time_ms) throw givenUp(error, tries);
          report(error);
          await sleep(wait, stopping.signal);
        }
        interval = Math.min(interval * MULTIPLIER, max_interval_ms);
      }
    },
    async stop() {
      stopping.abort();
      await exporter.stop();
    },
  };
}

/** True for what may succeed another time. */
export function isRetryable(error: unknown): error is BridgeError {
  return error instanceof BridgeError && (error.code === 'BRIDGE_REFUSED' || error.code === 'BRIDGE_IO');
}

function givenUp(error: BridgeError, tries: number): BridgeError {
  return new BridgeError('BRIDGE_REJECTED', `give up after ${tries} tries: ${error.message}`, {
    cause: error,
    reason: 'retries_exhausted',
    hint: error.hint,
    items: error.items,
  });
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleepFor(ms, undefined, { signal }).catch(() => {}); // stop() ends the pause.
}
