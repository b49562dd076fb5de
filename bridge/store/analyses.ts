/**
 * The analyses over what the store holds: rows and records of one run go through the pure functions of analysis/, which
 * keep no more than they say. Each answer comes from one snapshot.
 */
import type Database from 'better-sqlite3';

import { flowOf } from '../analysis/flow.ts';
import { readTask } from './read_task.ts';
import { taskRecords } from './record_scan.ts';
import type { Reads } from './store.ts';

/** Runs `read` on one snapshot for a run that is there; else gives `missing`. */
export type About = <T>(run: string, missing: T, read: (runNo: number, run: string) => T) => Promise<T>;

export function analysisReads(db: Database.Database, about: About): Pick<Reads, 'flow'> {
  return {
    flow: (run, task) =>
      about(run, undefined, (runNo, id) => {
        const detail = readTask(db, runNo, id, task);
        return detail && flowOf(detail, taskRecords(db, runNo, task));
      }),
  };
}
