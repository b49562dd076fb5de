/**
 * jsonl: reads wide records from a file of JSON lines, such as the one that parsl-otel itself writes.
 *
 * The file is read once, as fast as what comes after takes it; after a restart it is read again unless it had been
 * read to its end. Lines that are no records are rejected one by one, the others are used.
 */
import { z } from 'zod';

import { defineReceiver } from '../core/component.ts';
import { BridgeError } from '../core/errors.ts';
import { FilesRead, readInput, readingReceiver, requireReadable, type FiniteReceiver } from '../core/input.ts';
import { handOn, inSlices, sift } from '../core/intake.ts';
import { LineBuffer, lineFrames } from '../core/lines.ts';
import { decodeFrames } from '../formats/frames.ts';

const config = z.strictObject({
  path: z.string().min(1).describe('File of JSON lines, gzip or not; - is standard input.'),
  line_bytes_max: z.int().min(1_024).max(2 ** 30).default(2 ** 24).describe('A longer line ends the reading.'),
}); // prettier-ignore

export const jsonl = defineReceiver({
  type: 'jsonl',
  summary: 'Reads wide records from a file of JSON lines.',
  config,
  create({ path, line_bytes_max }, context): FiniteReceiver {
    const { log } = context;
    const files = new FilesRead(context.stateFile);
    const stopping = new AbortController();
    const { signal } = stopping;

    async function read(): Promise<void> {
      try {
        if (await files.has(path)) return log.info({ path }, 'File was read before.');
        const lines = new LineBuffer(line_bytes_max);
        for await (const chunk of readInput(path, signal)) {
          if (!(await deliver(lines.push(chunk)))) return;
        }
        if (!(await deliver(lines.end()))) return;
        await files.add(path);
        log.info({ path }, 'File is read.');
      } catch (error) {
        if (signal.aborted) return;
        // What came before it has been handed on.
        context.report(BridgeError.from(error, 'BRIDGE_IO', `read ${path}`));
      }
    }

    /** False if it was stopped: then the rest is read after the next start. */
    async function deliver(lines: Uint8Array): Promise<boolean> {
      const frames = lineFrames(lines, context.now());
      context.received(frames);
      const sifted = await inSlices(frames, (slice) => sift(slice, decodeFrames, context));
      return handOn(sifted, context, signal);
    }

    return readingReceiver(stopping, () => requireReadable(path), read);
  },
});
