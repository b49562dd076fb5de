/** What the workers of a run were, from its rows and from the log lines that tell of those that no manager tells of. */
import type Database from 'better-sqlite3';

import { lostManagers, type Surroundings } from '../analysis/managers.ts';
import { connectedSpans, type WorkerSpan } from '../analysis/workers.ts';
import type { BlockRow, ManagerRow } from '../core/row.ts';
import { connectedLines } from './record_scan.ts';
import type { Stored } from './schema.ts';

/** The managers of a run, and what tells how they left. */
export interface Managed extends Surroundings {
  readonly managers: readonly ManagerRow[];
}

/** The same, and the workers that no manager tells of. */
export interface Around extends Managed {
  readonly connected: readonly WorkerSpan[];
}

/** `end`: until when what has not ended lasted. */
export function aroundOf(db: Database.Database, runNo: number, end: number): Around {
  return { ...managedOf(db, runNo, end), connected: connectedSpans(connectedLines(db, runNo), end) };
}

/** For questions that are not about workers: without what only lines of logs tell. */
export function managedOf(db: Database.Database, runNo: number, end: number): Managed {
  const all = <T>(sql: string): T[] => db.prepare<[number], T>(sql).all(runNo);
  const [run] = all<{ completed: number | null }>('SELECT completed FROM run WHERE run_no = ?');
  const managers = all<Stored<ManagerRow>>('SELECT * FROM manager WHERE run_no = ?');
  const lastUse = all<{ manager: string; time: number }>(
    'SELECT manager, max(coalesce(running_ended, running)) AS time FROM try WHERE run_no = ? AND manager IS NOT NULL AND running IS NOT NULL GROUP BY manager',
  );
  const lost = all<{ text: string }>(
    "SELECT fail_history AS text FROM try WHERE run_no = ? AND error = 'ManagerLost' GROUP BY manager, fail_history",
  );
  return {
    run: { completed: run?.completed ?? null },
    managers: managers.map((each) => ({ ...each, active: each.active === 1, draining: each.draining === 1 })),
    blocks: all<BlockRow>('SELECT * FROM block WHERE run_no = ?'),
    named: lostManagers(lost.map(({ text }) => text)),
    lastUse: new Map(lastUse.map(({ manager, time }) => [manager, time])),
    end,
  };
}
