/**
 * capture: plays recorded messages into the bridge: capture files that a user names, and those that the plugin left in
 * the spool directory because no bridge took them.
 *
 * The plugin writes `NAME.capture.tmp` and renames it when it is complete. A spooled file is deleted once the journal
 * holds its messages; after a restart each file is read on where it was. What is whole in a file that was cut off is used; one that is no capture is put aside as `.bad`.
 */
import { readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';

import { defineReceiver } from '../core/component.ts';
import { openDelivery, type Delivery } from '../core/delivery.ts';
import { BridgeError } from '../core/errors.ts';
import { fileMemory, type FileMemory } from '../core/file_memory.ts';
import { behind, readInput, requireReadable, type FiniteReceiver } from '../core/input.ts';
import { createFrameParser } from '../formats/capture.ts';
import { decodeFrames } from '../formats/frames.ts';

const config = z.strictObject({
  paths: z.array(z.string().min(1)).default([]).describe('Capture files, gzip or not, each read once.'),
  spool_dir: z.string().min(1).optional().describe('Directory whose *.capture files are read and deleted.'),
  spool_interval_ms: z.int().min(10).max(600_000).default(2_000).describe('Pause between two looks at it.'),
  frame_bytes_max: z.int().min(1_024).max(2 ** 29).default(2 ** 26).describe('A longer message ends the reading.'),
}); // prettier-ignore

/** The one part of a file. */
const FRAMES = 'frames';

export const capture = defineReceiver({
  type: 'capture',
  summary: 'Reads capture files, and those that the plugin left in the spool directory.',
  config,
  create({ paths, spool_dir, spool_interval_ms, frame_bytes_max }, context): FiniteReceiver {
    const { log } = context;
    const stopping = new AbortController();
    const { signal } = stopping;
    let reading: Promise<void> | undefined;
    let watching: Promise<void> | undefined;

    async function readPaths(): Promise<void> {
      const delivery = openDelivery(context, decodeFrames, signal);
      for (const path of paths) {
        try {
          const file = await fileMemory(path, context.remembered());
          if (file.isRead) log.info({ path }, 'Capture was read before.');
          else if ((await read(path, file, delivery)) !== 'stopped' && (await delivery.add([], file.end())))
            log.info({ path }, 'Capture is read.');
        } catch (error) {
          context.report(BridgeError.from(error, 'BRIDGE_IO', `read ${path}`));
        }
      }
      await delivery.flush();
    }

    async function watchSpool(dir: string): Promise<void> {
      const delivery = openDelivery(context, decodeFrames, signal);
      while (!signal.aborted) {
        await readSpool(dir, delivery);
        await sleep(spool_interval_ms, undefined, { signal }).catch(() => {}); // stop() wakes us.
      }
      await delivery.flush();
    }

    async function readSpool(dir: string, delivery: Delivery): Promise<void> {
      const doing = `read the spool ${dir}`;
      const entries = await readdir(dir, { withFileTypes: true }).catch((error: unknown) => {
        // There may be no spool yet.
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
          context.report(BridgeError.from(error, 'BRIDGE_IO', doing));
        return [];
      });
      for (const { name } of entries.filter((entry) => entry.isFile() && entry.name.endsWith('.capture'))) {
        try {
          if (!(await readSpooled(join(dir, name), delivery))) return;
        } catch (error) {
          context.report(BridgeError.from(error, 'BRIDGE_IO', doing)); // The others may be readable.
        }
      }
    }

    /** False if it was stopped. */
    async function readSpooled(path: string, delivery: Delivery): Promise<boolean> {
      const file = await fileMemory(path, context.remembered());
      const outcome = await read(path, file, delivery);
      if (outcome === 'stopped' || !(await delivery.flush())) return false;
      await (outcome === 'corrupt' ? rename(path, `${path}.bad`) : rm(path));
      log.info({ path, outcome }, 'Spooled capture is taken in.');
      return delivery.add([], file.gone()); // On disk with whatever comes next.
    }

    /** Reads a file to its end, or as far as it can be understood. Throws BRIDGE_IO. */
    async function read(path: string, file: FileMemory, delivery: Delivery): Promise<'read' | 'corrupt' | 'stopped'> {
      const parser = createFrameParser({ frame_bytes_max });
      let offset = Number(file.parts.get(FRAMES) ?? 0);
      try {
        for await (const chunk of behind(readInput(path, signal), offset)) {
          const frames = parser.push(chunk);
          offset += chunk.length;
          if (!(await delivery.add(frames, file.reached(new Map([[FRAMES, offset - parser.end()]]))))) return 'stopped';
          if (file.isStream && !(await delivery.flush())) return 'stopped'; // The next may come in an hour.
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
