/**
 * run_dir: reads the logs of Parsl, Work Queue and TaskVine where they lie: a run directory, a directory of them such as
 * runinfo, any directory or archive with run directories in it. What is read is found by name and content
 * (formats/log_files.ts); keys, pickles and users' data are never opened. A monitoring.db that lies there is read, too.
 *
 * A directory can be followed while the run goes on. How far each file was read is on disk with what was read.
 */
import { stat } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';

import { defineReceiver } from '../../core/component.ts';
import { openDelivery, type Delivery } from '../../core/delivery.ts';
import { BridgeError } from '../../core/errors.ts';
import { fileMemory } from '../../core/file_memory.ts';
import { readingReceiver, requireReadable, type FiniteReceiver } from '../../core/input.ts';
import { decodeFrames } from '../../formats/frames.ts';
import { logLimits } from '../../formats/log_cutter.ts';
import { requireArchive } from './archive.ts';
import { openDatabases } from './databases.ts';
import { directoryTree } from './directory.ts';
import { plan, type Plan } from './plan.ts';
import { noLogs, readTree } from './read.ts';
import { openTails } from './tail.ts';
import { treeLimits, type Tree } from './tree.ts';
import { openZipped } from './zipped.ts';

const config = z.strictObject({
  path: z.string().min(1).describe('Run directory, directory with run directories in it, or tar, tar.gz or zip of one.'),
  input: z.string().min(1).optional().describe('Name of the input in its records; its base name where not given.'),
  mode: z.enum(['replay', 'follow']).default('replay').describe('Read once, or go on reading what is added.'),
  poll_interval_ms: z.int().min(10).max(600_000).default(1_000).describe('Pause between two looks at followed files.'),
  scan_interval_ms: z.int().min(10).max(3_600_000).default(5_000).describe('Time between two searches for new files.'),
  files_max: z.int().min(1).max(10_000_000).default(treeLimits.files_max).describe('Logs read at most.'),
  line_bytes_max: z.int().min(1_024).max(2 ** 29).default(logLimits.line_bytes_max)
    .describe('Longer lines are left out and counted.'),
  record_bytes_max: z.int().min(1_024).max(2 ** 29).default(logLimits.record_bytes_max)
    .describe('Longer records of many lines are cut into several.'),
}); // prettier-ignore

export const runDir = defineReceiver({
  type: 'run_dir',
  summary: 'Reads or follows the logs of run directories, also in a tar or zip.',
  config,
  create({ path, input, mode, poll_interval_ms, scan_interval_ms, files_max, ...limits }, context): FiniteReceiver {
    const { log } = context;
    const report = (error: BridgeError): void => context.report(error);
    const name = input ?? basename(resolve(path));
    const onBytes = (bytes: number): void => context.read?.(bytes);
    const inTree = { ...treeLimits, files_max };
    const stopping = new AbortController();
    const { signal } = stopping;
    /** Undefined: a directory. */
    let archive: Tree | undefined;

    async function readDirectory(delivery: Delivery): Promise<void> {
      const root = resolve(path);
      const remembered = context.remembered();
      const deliver = delivery.add;
      const tails = openTails({ root, limits, report, onBytes, remembered, deliver });
      const isFollowed = mode === 'follow';
      const databases = openDatabases({ root, isFollowed, report, remembered, deliver });
      const tree = directoryTree(path, inTree, onBytes);
      const zipped = openZipped({ root, tree, limits, report, remembered, deliver, tails });
      let found: Plan = { logs: [], databases: [] };
      let scanned = -Infinity;
      try {
        do {
          const isScan = context.now() - scanned >= scan_interval_ms * 1_000;
          const unseen: BridgeError[] = [];
          if (isScan) {
            found = plan(await tree.look((error) => unseen.push(error)), name, isFollowed);
            scanned = context.now();
            unseen.forEach(report);
            const isEmpty = unseen.length === 0 && found.logs.length + found.databases.length === 0;
            if (isEmpty && !isFollowed) report(noLogs(name));
          }
          // What could not be looked into is not gone.
          const hasSeenAll = isScan && !unseen.some(({ code }) => code === 'BRIDGE_IO');
          const plain = found.logs.filter(({ isZipped }) => !isZipped);
          const isRead =
            (await databases.look(found.databases)) &&
            (await tails.look(plain, !isFollowed)) &&
            (!isScan || (await zipped.look(found.logs.filter(({ isZipped }) => isZipped)))) &&
            (!hasSeenAll || (await tails.forgetGone())) &&
            (await delivery.flush());
          if (!isRead) return;
          if (isFollowed) await sleep(poll_interval_ms, undefined, { signal }).catch(() => {}); // stop() wakes us.
        } while (isFollowed && !signal.aborted);
        log.info({ path, files: found.logs.length, databases: found.databases.length }, 'Run directory is read.');
      } finally {
        databases.close();
      }
    }

    async function readArchive(tree: Tree, delivery: Delivery): Promise<void> {
      const file = await fileMemory(path, context.remembered());
      if (file.isRead) return log.info({ path }, 'Archive was read before.');
      const pieces = readTree({ tree, input: name, limits, report, remembered: file.parts });
      for await (const { frames, positions } of pieces) {
        if (!(await delivery.add(frames, file.reached(positions)))) return;
      }
      await delivery.add([], file.end());
      if (await delivery.flush()) log.info({ path }, 'Archive is read.');
    }

    async function prepare(): Promise<void> {
      await requireReadable(path);
      if ((await stat(path)).isDirectory()) return;
      if (mode === 'follow') {
        const hint = 'leave mode out, or give the directory';
        throw new BridgeError('BRIDGE_CONFIG', `follow ${path}: an archive does not grow`, { hint });
      }
      archive = await requireArchive(path, inTree, signal, onBytes);
    }

    async function read(): Promise<void> {
      const delivery = openDelivery(context, decodeFrames, signal);
      try {
        await (archive === undefined ? readDirectory(delivery) : readArchive(archive, delivery));
      } catch (error) {
        if (!signal.aborted) report(BridgeError.from(error, 'BRIDGE_IO', `read ${path}`));
      } finally {
        await delivery.flush();
      }
    }

    return readingReceiver(stopping, prepare, read);
  },
});
