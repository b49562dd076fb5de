/**
 * monitoring_db: writes the database that Parsl's own manager would have written, so that every notebook, query and
 * parsl-visualize goes on working, and a run that the bridge alone watches has its monitoring.db, too.
 *
 * A batch is delivered when it is committed. The work is done by a thread (writer.ts), what the rows are is in sink.ts,
 * where they go is in homes.ts.
 */
import { once } from 'node:events';
import { dirname, extname, join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { z } from 'zod';

import { defineExporter } from '../../core/component.ts';
import { BridgeError } from '../../core/errors.ts';
import type { Frame } from '../../core/frame.ts';
import { encodeFrames } from '../../formats/capture.ts';
import { isInput } from './homes.ts';
import { MARK, type Answer, type Order, type Setup, type Told } from './writer.ts';

const config = z.strictObject({
  path: z
    .string()
    .min(1)
    .optional()
    .describe('The one file for all runs; else monitoring.db beside each run’s directory, where Parsl would put it.'),
  inputs: z
    .array(z.string().min(1))
    .default([])
    .describe('Never written to, nor what is in them; the paths of the bridge’s own receivers need not be given.'),
});

/** Bytes that are decoded at a time. */
const PIECE_BYTES = 2 ** 16;
/**
 * So large that most records come and go between two collections of garbage: what survives some stays for long, and the
 * memory of the thread would grow to three times as much.
 */
const resourceLimits = { maxYoungGenerationSizeMb: 24 };

export const monitoringDb = defineExporter({
  type: 'monitoring_db',
  summary: 'Writes monitoring.db as Parsl’s own manager does.',
  config,
  wants: ['frames'],
  create({ path, inputs }, context) {
    const { log } = context;
    let worker: Worker | undefined;
    let answered: ((answer: Extract<Answer, { type: 'done' }>) => void) | undefined;
    let broken: BridgeError | undefined;

    function take(answer: Answer): void {
      if (answer.type === 'done') return answered?.(answer);
      const { run, path, why } = answer;
      log.info({ run, path, why }, 'Rows of a run are written elsewhere.');
    }

    /** One order at a time: the queue waits for the one before. */
    async function order(order: Order): Promise<Extract<Answer, { type: 'done' }>> {
      if (broken !== undefined) throw broken;
      return new Promise((resolve, reject) => {
        answered = resolve;
        refuse = reject;
        const pieces = order.type === 'write' ? order.pieces : [];
        worker?.postMessage(order, pieces.map(({ buffer }) => buffer as ArrayBuffer)); // prettier-ignore
      });
    }
    let refuse: (error: BridgeError) => void = () => {};

    return {
      async start() {
        if (path !== undefined && isInput(path, inputs))
          throw new BridgeError('BRIDGE_CONFIG', `write ${path}: it is also an input`, { hint: 'give another path' });
        const workerData: Setup = {
          mark: MARK,
          path,
          fallbackPath: join(dirname(context.stateFile), 'monitoring.db'),
          stateFile: context.stateFile,
          inputs,
          platform: process.platform,
        };
        worker = new Worker(new URL(`./writer${extname(import.meta.url)}`, import.meta.url), {
          workerData,
          resourceLimits,
        });
        worker.on('message', take);
        worker.on('error', (error) => refuse((broken = BridgeError.from(error, 'BRIDGE_IO', 'write monitoring.db'))));
        const { failed } = await order({ type: 'check' });
        if (failed?.code !== 'BRIDGE_CONFIG') return; // A file that is locked now is tried again.
        await worker.terminate();
        worker = undefined;
        throw asError(failed);
      },
      async export({ frames = [] }) {
        if (frames.length === 0) return;
        const { problems, failed } = await order({ type: 'write', pieces: encoded(frames) });
        for (const problem of problems) context.report(asError(problem));
        if (failed !== undefined) throw asError(failed);
        context.count('sent', frames.length);
      },
      async stop() {
        const stopped = worker;
        worker = undefined;
        if (stopped === undefined || broken !== undefined) return;
        const ended = once(stopped, 'exit');
        stopped.postMessage({ type: 'close' } satisfies Order);
        await ended;
      },
    };
  },
});

function encoded(frames: readonly Frame[]): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let from = 0, to = 0; from < frames.length; from = to) {
    for (let bytes = 0; to < frames.length && bytes < PIECE_BYTES; to++) bytes += frames[to]?.payload.length ?? 0;
    pieces.push(encodeFrames(frames.slice(from, to)));
  }
  return pieces;
}

function asError({ code, message, hint, reason }: Told): BridgeError {
  return new BridgeError(code, message, {
    ...(hint === undefined ? {} : { hint }),
    ...(reason === undefined ? {} : { reason }),
  });
}
