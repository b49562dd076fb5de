/**
 * Logs in a directory that were compressed when they were rotated. Each is read once, as it does not grow. What was read of
 * it before, under its name of then, is known by its first bytes, and not read again.
 */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';

import type { Positions } from '../../core/component.ts';
import type { Delivery } from '../../core/delivery.ts';
import { BridgeError } from '../../core/errors.ts';
import { fileMemory } from '../../core/file_memory.ts';
import type { LogLimits, LogPosition } from '../../formats/log_cutter.ts';
import type { PlannedLog } from './plan.ts';
import { READ, readLog } from './read.ts';
import type { Tails } from './tail.ts';
import type { Tree } from './tree.ts';

export interface ZippedOptions {
  readonly root: string;
  readonly tree: Tree;
  readonly limits: LogLimits;
  readonly report: (error: BridgeError) => void;
  readonly remembered: Positions;
  readonly deliver: Delivery['add'];
  /** Knows the logs that were read before they were compressed. Those that are there now it has looked at before. */
  readonly tails: Pick<Tails, 'begunWith'>;
}

export interface Zipped {
  /** Reads those that are new. Resolves to false if the receiver was stopped. */
  look(logs: readonly PlannedLog[]): Promise<boolean>;
}

export function openZipped({ root, tree, limits, report, remembered, deliver, tails }: ZippedOptions): Zipped {
  /** Size and time of change of what was read in this life. */
  const read = new Map<string, string>();

  async function lookAt(log: PlannedLog): Promise<boolean> {
    const path = join(root, log.path);
    const { size, mtimeMs } = await stat(path);
    const stamp = `${size} ${mtimeMs}`;
    if (read.get(log.path) === stamp) return true;
    const file = await fileMemory(path, remembered);
    try {
      if (!file.isRead && !(await readOne(log, file))) return false;
    } catch (error) {
      // One that is broken is told again when it has changed.
      if (error instanceof BridgeError && error.code === 'BRIDGE_DECODE') read.set(log.path, stamp);
      throw error;
    }
    read.set(log.path, stamp);
    return true;
  }

  async function readOne(log: PlannedLog, file: Awaited<ReturnType<typeof fileMemory>>): Promise<boolean> {
    const reached = file.parts.get(log.path);
    if (reached === READ) return deliver([], file.end());
    for await (const { bytes } of tree.read([[log.path]])) {
      const { head, whole, close } = await withHead(bytes);
      const before = await tails.begunWith(head, (position) => file.reached(new Map([[log.path, position]])));
      if (before === 'there') {
        await close(); // It is read where it lies; this is a copy.
        break;
      }
      const position = before ?? (reached as LogPosition | undefined);
      for await (const { frames, positions } of readLog(log, whole, limits, report, position))
        if (!(await deliver(frames, file.reached(positions)))) return false;
    }
    return deliver([], file.end());
  }

  return {
    async look(logs) {
      for (const log of logs) {
        try {
          if (!(await lookAt(log))) return false;
        } catch (error) {
          // One that is gone was deleted.
          if ((error as NodeJS.ErrnoException).code === 'ENOENT') continue;
          report(BridgeError.from(error, 'BRIDGE_IO', `read ${join(root, log.path)}`));
        }
      }
      return true;
    },
  };
}

interface WithHead {
  readonly head: Buffer;
  readonly whole: AsyncIterable<Buffer>;
  /** For who does not read the whole. */
  readonly close: () => Promise<unknown>;
}

/** The first piece of `bytes`, and all of them. Rejects where not even that can be unzipped. */
async function withHead(bytes: AsyncIterable<Buffer>): Promise<WithHead> {
  const pieces = bytes[Symbol.asyncIterator]();
  const first = await pieces.next();
  async function* whole(): AsyncGenerator<Buffer> {
    if (first.done === true) return;
    yield first.value;
    yield* { [Symbol.asyncIterator]: () => pieces };
  }
  const head = first.done === true ? Buffer.alloc(0) : first.value;
  return { head, whole: whole(), close: () => pieces.return?.() ?? Promise.resolve() };
}
