/**
 * monitoring_db: replays a database that Parsl's own manager has written, or follows one that it is writing, with no
 * change to the workflow.
 *
 * Where the reading stands is on disk with what was read. A file that is followed need not be there
 * yet; it is looked at only when it has changed, and never kept locked (reader.ts).
 */
import { existsSync, realpathSync, statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';

import { defineReceiver } from '../../core/component.ts';
import { openDelivery } from '../../core/delivery.ts';
import { BridgeError } from '../../core/errors.ts';
import { readingReceiver, requireReadable, type FiniteReceiver } from '../../core/input.ts';
import { fromScope, inScope } from '../../core/positions.ts';
import { decodeFrames } from '../../formats/frames.ts';
import { framesOf, openReader, stampOf, type DbReader } from './reader.ts';

const config = z.strictObject({
  path: z.string().min(1).describe('The database, such as runinfo/monitoring.db.'),
  mode: z.enum(['replay', 'follow']).default('replay').describe('Read once, or go on reading what is added.'),
  run: z.string().min(1).optional().describe('Id of the one run to read; all where it is not given.'),
  poll_interval_ms: z.int().min(10).max(600_000).default(1_000).describe('Pause between two looks at a followed file.'),
  batch_rows_max: z.int().min(1).max(100_000).default(1_000).describe('Rows of a table read at a time.'),
}); // prettier-ignore

/** Looks at a file that is locked each time, before it is told. */
const LOCKED_LOOKS_MAX = 30;

export const monitoringDb = defineReceiver({
  type: 'monitoring_db',
  summary: 'Replays or follows a monitoring.db of any Parsl release since 1.0.',
  config,
  create({ path, mode, run, poll_interval_ms, batch_rows_max }, context): FiniteReceiver {
    const { log } = context;
    const stopping = new AbortController();
    const { signal } = stopping;
    const delivery = openDelivery(context, decodeFrames, signal);
    let reader: DbReader | undefined;
    /** How far what was handed on goes; undefined before the file was opened. */
    let positions: Map<string, unknown> | undefined;
    let lockedLooks = 0;
    let bytesPerRow = 0;
    let trouble = '';

    async function replay(): Promise<void> {
      try {
        reader = open();
        bytesPerRow = statSync(path).size / Math.max(1, reader.rowsTotal);
        while (await readOn(reader));
        if ((await delivery.flush()) && !signal.aborted) log.info({ path }, 'Database is read.');
      } catch (error) {
        context.report(BridgeError.from(error, 'BRIDGE_IO', `read ${path}`));
      } finally {
        reader?.close();
        await delivery.flush();
      }
    }

    async function follow(): Promise<void> {
      let seen = '';
      while (!signal.aborted) {
        const stamp = stampOf(path);
        if (stamp !== seen && (await lookAtFollowed())) seen = stamp;
        await sleep(poll_interval_ms, undefined, { signal }).catch(() => {}); // stop() wakes us.
      }
      reader?.close();
    }

    /** True if there is nothing more to read until the file changes. */
    async function lookAtFollowed(): Promise<boolean> {
      try {
        if (reader?.isStale() === true) closeReader();
        reader ??= open();
        while (await readOn(reader));
        await delivery.flush();
        trouble = '';
        return lockedLooks === 0 && !reader.isWaiting && !signal.aborted;
      } catch (error) {
        const problem = BridgeError.from(error, 'BRIDGE_IO', `read ${path}`);
        // No file yet, or one that Parsl has just begun, is no trouble; anything else is told once.
        const isYetToCome = !existsSync(path) || problem.reason === 'unfinished';
        if (!isYetToCome && problem.message !== trouble) context.report(problem);
        trouble = problem.message;
        return false;
      }
    }

    function open(): DbReader {
      positions ??= inScope(scope(), context.remembered());
      return openReader(path, { run, follow: mode === 'follow', remembered: positions });
    }

    /** Of which database and which of its runs the positions are. */
    function scope(): string {
      const file = existsSync(path) ? realpathSync(path) : path;
      return run === undefined ? file : `${file} run ${run}`;
    }

    function closeReader(): void {
      reader?.close();
      reader = undefined;
    }

    /** Hands on what is new; false when there is no more of it now. */
    async function readOn(from: DbReader): Promise<boolean> {
      const { records, problems, rows, isLocked } = from.look(batch_rows_max);
      context.read?.(rows * bytesPerRow);
      problems.forEach((problem) => context.report(problem));
      tellLocked(isLocked);
      if (records.length > 0 || rows > 0) {
        const moved = from.moved();
        for (const [part, position] of moved) positions?.set(part, position);
        if (!(await delivery.add(framesOf(records), fromScope(scope(), moved)))) return false;
      }
      return rows > 0 && !isLocked && !signal.aborted;
    }

    function tellLocked(isLocked: boolean): void {
      lockedLooks = isLocked ? lockedLooks + 1 : 0;
      if (lockedLooks !== LOCKED_LOOKS_MAX) return;
      const hint = 'some program keeps a transaction open; what it writes is read when it has ended';
      context.report(new BridgeError('BRIDGE_IO', `read ${path}: locked for long`, { reason: 'locked', hint }));
    }

    return mode === 'replay'
      ? readingReceiver(stopping, () => requireReadable(path), replay)
      : readingReceiver(stopping, () => Promise.resolve(), follow);
  },
});
