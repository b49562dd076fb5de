/**
 * jsonl: reads wide records from a file of JSON lines, such as the one that parsl-otel itself writes.
 *
 * The file is read once, as fast as what comes after takes it; after a restart the reading goes on where it was. Lines
 * that are no records are rejected one by one, the others are used.
 */
import { z } from 'zod';

import { defineReceiver } from '../core/component.ts';
import { openDelivery } from '../core/delivery.ts';
import { BridgeError } from '../core/errors.ts';
import { fileMemory } from '../core/file_memory.ts';
import { behind, readInput, readingReceiver, requireReadable, type FiniteReceiver } from '../core/input.ts';
import { LineBuffer, lineFrames } from '../core/lines.ts';
import { decodeFrames } from '../formats/frames.ts';

const config = z.strictObject({
  path: z.string().min(1).describe('File of JSON lines, gzip or not; - is standard input.'),
  line_bytes_max: z.int().min(1_024).max(2 ** 29).default(2 ** 24).describe('A longer line ends the reading.'),
}); // prettier-ignore

/** The one part of the file. */
const LINES = 'lines';

export const jsonl = defineReceiver({
  type: 'jsonl',
  summary: 'Reads wide records from a file of JSON lines.',
  config,
  create({ path, line_bytes_max }, context): FiniteReceiver {
    const { log } = context;
    const stopping = new AbortController();
    const { signal } = stopping;

    async function read(): Promise<void> {
      const delivery = openDelivery(context, decodeFrames, signal);
      try {
        const file = await fileMemory(path, context.remembered());
        if (file.isRead) return log.info({ path }, 'File was read before.');
        const lines = new LineBuffer(line_bytes_max);
        let offset = Number(file.parts.get(LINES) ?? 0);
        const give = (whole: Uint8Array): Promise<boolean> => {
          offset += whole.length;
          return delivery.add(lineFrames(whole, context.now()), file.reached(new Map([[LINES, offset]])));
        };
        for await (const chunk of behind(readInput(path, signal), offset)) {
          if (!(await give(lines.push(chunk)))) return;
          if (file.isStream && !(await delivery.flush())) return; // The next lines may come in an hour.
        }
        await give(lines.end());
        await delivery.add([], file.end());
        if (await delivery.flush()) log.info({ path }, 'File is read.');
      } catch (error) {
        // What came before it is handed on.
        if (!signal.aborted) context.report(BridgeError.from(error, 'BRIDGE_IO', `read ${path}`));
      } finally {
        await delivery.flush();
      }
    }

    return readingReceiver(stopping, () => requireReadable(path), read);
  },
});
