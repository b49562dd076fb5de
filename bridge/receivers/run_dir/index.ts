/**
 * run_dir: reads the logs of Parsl, Work Queue and TaskVine where they lie: a run directory, a directory of them such as
 * runinfo, any directory or archive with run directories in it. What is read is found by name and content
 * (formats/log_files.ts); keys, pickles and users' data are never opened. A monitoring.db that lies there is read, too.
 *
 * A directory can be followed while the run goes on; how far each file was read is remembered once the journal holds it.
 */
import { stat } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';

import { defineReceiver } from '../../core/component.ts';
import { BridgeError } from '../../core/errors.ts';
import { FilesRead, readingReceiver, requireReadable, type FiniteReceiver } from '../../core/input.ts';
import { readState, writeState } from '../../core/state.ts';
import { logLimits } from '../../formats/log_cutter.ts';
import type { Position } from '../monitoring_db/reader.ts';
import { requireArchive } from './archive.ts';
import { openDatabases } from './databases.ts';
import { openDelivery } from './delivery.ts';
import { directoryTree } from './directory.ts';
import { plan, type Plan } from './plan.ts';
import { readTree } from './read.ts';
import { openTails, type Remembered } from './tail.ts';
import { treeLimits, type Tree } from './tree.ts';

const config = z.strictObject({
  path: z.string().min(1).describe('Run directory, directory with run directories in it, or tar, tar.gz or zip of one.'),
  input: z.string().min(1).optional().describe('Name of the input in its records; its base name where not given.'),
  mode: z.enum(['replay', 'follow']).default('replay').describe('Read once, or go on reading what is added.'),
  poll_interval_ms: z.int().min(10).max(600_000).default(1_000).describe('Pause between two looks at followed files.'),
  scan_interval_ms: z.int().min(10).max(3_600_000).default(5_000).describe('Time between two searches for new files.'),
  files_max: z.int().min(1).max(10_000_000).default(treeLimits.files_max).describe('Logs read at most.'),
  line_bytes_max: z.int().min(1_024).max(2 ** 30).default(logLimits.line_bytes_max)
    .describe('Longer lines are left out and counted.'),
  record_bytes_max: z.int().min(1_024).max(2 ** 30).default(logLimits.record_bytes_max)
    .describe('Longer records of many lines are cut into several.'),
}); // prettier-ignore

interface State {
  readonly path: string;
  /** How far each log was read, by inode. */
  readonly files: Record<string, Remembered>;
  readonly databases: Record<string, Position>;
}

/** How often, at most, positions are written down while much is read. */
const SAVE_EVERY_US = 1_000_000;

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

    async function readDirectory(): Promise<void> {
      const state = await remembered();
      const delivery = openDelivery(context, signal);
      const deliver = delivery.add;
      const files = new Map(Object.entries(state?.files ?? {}));
      const tails = openTails({ root: path, limits, report, onBytes, remembered: files, deliver });
      const isFollowed = mode === 'follow';
      const databases = openDatabases({ root: path, isFollowed, report, remembered: state?.databases ?? {}, deliver });
      const tree = directoryTree(path, inTree, onBytes);
      let found: Plan = { logs: [], databases: [] };
      let scanned = -Infinity;
      let saved = 0;
      try {
        do {
          const isScan = context.now() - scanned >= scan_interval_ms * 1_000;
          if (isScan) {
            found = plan(await tree.look(report), name);
            scanned = context.now();
          }
          const isRead =
            (await databases.look(found.databases)) &&
            (await tails.look(found.logs, !isFollowed)) &&
            (!isScan || (await tails.forgetGone())) &&
            (await delivery.flush());
          if (!isRead) return;
          if (context.now() - saved >= SAVE_EVERY_US) {
            await save(tails.positions, databases.positions);
            saved = context.now();
          }
          if (isFollowed) await sleep(poll_interval_ms, undefined, { signal }).catch(() => {}); // stop() wakes us.
        } while (isFollowed && !signal.aborted);
        log.info({ path, files: found.logs.length, databases: found.databases.length }, 'Run directory is read.');
      } finally {
        databases.close();
        await save(tails.positions, databases.positions);
      }
    }

    async function save(
      files: ReadonlyMap<string, Remembered>,
      databases: Readonly<Record<string, Position>>,
    ): Promise<void> {
      await writeState(context.stateFile, { path, files: Object.fromEntries(files), databases } satisfies State);
    }

    async function remembered(): Promise<State | undefined> {
      const state = (await readState(context.stateFile)) as State | undefined;
      return state?.path === path ? state : undefined;
    }

    async function readArchive(tree: Tree): Promise<void> {
      const files = new FilesRead(context.stateFile);
      if (await files.has(path)) return log.info({ path }, 'Archive was read before.');
      const delivery = openDelivery(context, signal);
      for await (const frames of readTree({ tree, input: name, limits, report })) {
        if (!(await delivery.add(frames, () => {}))) return;
      }
      if (!(await delivery.flush()) || signal.aborted) return;
      await files.add(path);
      log.info({ path }, 'Archive is read.');
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
      try {
        await (archive === undefined ? readDirectory() : readArchive(archive));
      } catch (error) {
        if (!signal.aborted) report(BridgeError.from(error, 'BRIDGE_IO', `read ${path}`));
      }
    }

    return readingReceiver(stopping, prepare, read);
  },
});
