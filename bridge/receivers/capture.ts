/**
 * capture: plays recorded messages into the bridge: capture files that a user names, and those that the plugin left in
 * the spool directory because no bridge took them.
 *
 * The plugin writes `NAME.capture.tmp` and renames it when it is complete. A spooled file is deleted once the journal
 * holds its messages. What is whole in a file that was cut off is used; one that is no capture is put aside as `.bad`.
 */
import { readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';

import { defineReceiver } from '../core/component.ts';
import { BridgeError } from '../core/errors.ts';
import type { Frame } from '../core/frame.ts';
import { FilesRead, readInput, requireReadable, type FiniteReceiver } from '../core/input.ts';
import { handOn, inSlices, sift } from '../core/intake.ts';
import { createFrameParser } from '../formats/capture.ts';
import { decodeFrames } from '../formats/frames.ts';

const config = z.strictObject({
  paths: z.array(z.string().min(1)).default([]).describe('Capture files, gzip or not, each read once.'),
  spool_dir: z.string().min(1).optional().describe('Directory whose *.capture files are read and deleted.'),
  spool_interval_ms: z.int().min(10).max(600_000).default(2_000).describe('Pause between two looks at it.'),
  frame_bytes_max: z.int().min(1_024).max(2 ** 30).default(2 ** 26).describe('A longer message ends the reading.'),
}); // prettier-ignore

export const capture = defineReceiver({
  type: 'capture',
  summary: 'Reads capture files, and those that the plugin left in the spool directory.',
  config,
  create({ paths, spool_dir, spool_interval_ms, frame_bytes_max }, context): FiniteReceiver {
    const { log } = context;
    const files = new FilesRead(context.stateFile);
    const stopping = new AbortController();
    const { signal } = stopping;
    let reading: Promise<void> | undefined;
    let watching: Promise<void> | undefined;

    async function readPaths(): Promise<void> {
      for (const path of paths) {
        try {
          if (await files.has(path)) {
            log.info({ path }, 'Capture was read before.');
          } else if ((await read(path)) === 'stopped') {
            return;
          } else {
            await files.add(path);
            log.info({ path }, 'Capture is read.');
          }
        } catch (error) {
          context.report(BridgeError.from(error, 'BRIDGE_IO', `read ${path}`));
        }
      }
    }

    async function watchSpool(dir: string): Promise<void> {
      while (!signal.aborted) {
        await readSpool(dir);
        await sleep(spool_interval_ms, undefined, { signal }).catch(() => {}); // stop() wakes us.
      }
    }

    async function readSpool(dir: string): Promise<void> {
      const doing = `read the spool ${dir}`;
      const entries = await readdir(dir, { withFileTypes: true }).catch((error: unknown) => {
        // There may be no spool yet.
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
          context.report(BridgeError.from(error, 'BRIDGE_IO', doing));
        return [];
      });
      for (const { name } of entries.filter((entry) => entry.isFile() && entry.name.endsWith('.capture'))) {
        try {
          if (!(await readSpooled(join(dir, name)))) return;
        } catch (error) {
          context.report(BridgeError.from(error, 'BRIDGE_IO', doing)); // The others may be readable.
        }
      }
    }

    /** False if it was stopped. */
    async function readSpooled(path: string): Promise<boolean> {
      const outcome = await read(path);
      if (outcome === 'stopped') return false;
      await (outcome === 'corrupt' ? rename(path, `${path}.bad`) : rm(path));
      log.info({ path, outcome }, 'Spooled capture is taken in.');
      return true;
    }

    /** Reads a file to its end, or as far as it can be understood. Throws BRIDGE_IO. */
    async function read(path: string): Promise<'read' | 'corrupt' | 'stopped'> {
      const parser = createFrameParser({ frame_bytes_max });
      try {
        for await (const chunk of readInput(path, signal)) {
          if (!(await deliver(parser.push(chunk)))) return 'stopped';
        }
        parser.push(new Uint8Array(0)); // Throws if what is left is no message's beginning.
      } catch (error) {
        if (signal.aborted) return 'stopped';
        if (!(error instanceof BridgeError) || error.code !== 'BRIDGE_DECODE') throw error;
        context.report(error);
        return error.reason === 'truncated' ? 'read' : 'corrupt';
      }
      const left = parser.end();
      if (left > 0) {
        const message = `read ${path}: it is cut off, its last ${left} bytes are no whole message`;
        context.report(new BridgeError('BRIDGE_DECODE', message, { reason: 'truncated' }));
      }
      return 'read';
    }

    /** False if it was stopped: then the file is read again after the next start. */
    async function deliver(frames: readonly Frame[]): Promise<boolean> {
      context.received(frames);
      const sifted = await inSlices(frames, (slice) => sift(slice, decodeFrames, context));
      return handOn(sifted, context, signal);
    }

    return {
      async start() {
        await Promise.all(paths.map(requireReadable));
        reading = readPaths();
        if (spool_dir !== undefined) watching = watchSpool(spool_dir);
      },
      async stop() {
        if (reading === undefined) return;
        stopping.abort();
        await Promise.all([reading, watching]);
      },
      async finished() {
        await reading;
      },
    };
  },
});
