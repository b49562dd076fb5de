/**
 * Late knowledge (DESIGN.md §5). Live, a log record that lacks its task waits for some seconds and is then let go and written
 * as it is; the line that tells whose it is may come minutes later, from a slow disk or a file that is read last. When its run
 * closes, and when such a record comes after that, the stored records themselves tell the rest: a directory of one run makes
 * its records the run's, an executor's number of a task makes them the task's. What contradicts itself is left alone; what
 * was exported before stays as it was.
 */
import type Database from 'better-sqlite3';

import type { RecordRow, Rows } from '../core/row.ts';

/** True of a record of a run that others may tell more of, or that may tell more of others. */
function isOfNumber({ record }: RecordRow): boolean {
  return taskKeys.some((key) => record[key] !== undefined);
}

const systemKeys = ['workqueue.task', 'taskvine.task'] as const;
const taskKeys = ['parsl.executor_task', ...systemKeys] as const;

const directory = (site: string): string =>
  `coalesce(${site}.keys ->> '$."source.input"', '') || ' ' || (${site}.keys ->> '$."source.run_dir"')`;
const executor = (site: string): string => `${site}.keys ->> '$."parsl.executor"'`;

/**
 * Settles the runs that close with these rows, and those that had closed and to which records come that lack or tell something;
 * within the transaction of the caller. True if sites changed, so that what is remembered of them is void.
 */
export function lateSettler(db: Database.Database): (rows: Rows, seq: number, numbers: (run: string) => number) => boolean {
  const settle = settler(db);
  const isClosed = db.prepare<[number], { closed: number | null }>('SELECT closed FROM run WHERE run_no = ?');
  const inDirectory = db.prepare<[string], { run_no: number }>(
    `SELECT DISTINCT run_no FROM record_site WHERE run_no > 0 AND keys ->> '$."source.run_dir"' IN (SELECT value FROM json_each(?))`,
  );
  const touch = db.prepare<[number, number]>('UPDATE run SET revision = ? WHERE run_no = ?');
  return (rows, seq, numbers) => {
    const asked = new Map<number, Asked>();
    const isOver = (runNo: number): boolean => isClosed.get(runNo)?.closed === 1;
    for (const [run, records] of Map.groupBy(rows.records, ({ run }) => run)) {
      if (run !== null) {
        const runNo = numbers(run);
        const late = isOver(runNo) ? records.filter(isOfNumber) : [];
        if (late.length > 0) asked.set(runNo, askedBy(late));
        continue;
      }
      const directories = new Set(records.flatMap(({ record }) => record['source.run_dir'] ?? []));
      if (directories.size === 0) continue;
      // Of another input, perhaps: only what they turn out to be given is looked at.
      for (const { run_no } of inDirectory.all(JSON.stringify([...directories])))
        if (!asked.has(run_no) && isOver(run_no)) asked.set(run_no, []);
    }
    for (const { run, closed } of rows.runs) if (closed) asked.set(numbers(run), 'all');
    let changed = false;
    for (const [runNo, what] of asked) {
      const isChanged = settle(runNo, what);
      if (isChanged || what.length > 0) touch.run(seq, runNo);
      changed ||= isChanged;
    }
    return changed;
  };
} // prettier-ignore

/** What of a run is to be told: all, or executor tasks of these numbers. */
type Asked = 'all' | readonly number[];

/** Records of one run: of those with a number it alone is looked at, lest half a million be for each few that come late. */
function askedBy(records: readonly RecordRow[]): Asked {
  const told = records.flatMap(({ record }) => {
    const number = record['parsl.executor_task'];
    return typeof number === 'number' ? [number] : [];
  });
  return told.length === records.length ? [...new Set(told)] : 'all';
}

function settler(db: Database.Database): (runNo: number, asked: Asked) => boolean {
  const adopt = adopter(db);
  const numbers = systemKeys.map((key) => executorTaskTeller(db, key));
  const tell = taskTeller(db);
  return (runNo, asked) => {
    const changed = adopt(runNo);
    const isAll = changed || asked === 'all';
    if (isAll) for (const tellNumber of numbers) tellNumber(runNo);
    tell(runNo, isAll ? 'all' : asked);
    return changed;
  };
}

/** Tells which try an executor task is. */
function taskTeller(db: Database.Database): (runNo: number, asked: Asked) => void {
  const prepare = (only: (record: string) => string): Database.Statement<[{ run_no: number; numbers?: string }]> =>
    db.prepare(`
    UPDATE record SET "parsl.task" = known.task, "parsl.try" = known.try
    FROM record_site s, (
      SELECT ${executor('t')} AS executor, r."parsl.executor_task" AS number, min(r."parsl.task") AS task, min(r."parsl.try") AS try
      FROM record r JOIN record_site t USING (site)
      WHERE r.run_no = :run_no AND ${only('r')} AND r."parsl.task" IS NOT NULL AND r."parsl.try" IS NOT NULL
      GROUP BY 1, 2 HAVING min(r."parsl.task") = max(r."parsl.task") AND min(r."parsl.try") = max(r."parsl.try")
    ) known
    WHERE record.run_no = :run_no AND ${only('record')} AND record."parsl.try" IS NULL
      AND (record."parsl.task" IS NULL OR record."parsl.task" = known.task) AND s.site = record.site AND ${executor('s')} = known.executor AND record."parsl.executor_task" = known.number`);
  const all = prepare((record) => `${record}."parsl.executor_task" IS NOT NULL`);
  const some = prepare((record) => `${record}."parsl.executor_task" IN (SELECT value FROM json_each(:numbers))`);
  const isLacking = db.prepare<{ run_no: number }>(
    'SELECT 1 FROM record WHERE run_no = :run_no AND "parsl.executor_task" IS NOT NULL AND "parsl.try" IS NULL LIMIT 1',
  );
  return (runNo, asked) => {
    if (asked !== 'all') some.run({ run_no: runNo, numbers: JSON.stringify(asked) });
    else if (isLacking.get({ run_no: runNo }) !== undefined) all.run({ run_no: runNo });
  };
} // prettier-ignore

/** Gives a run the records of no run that lie in a directory of its own. */
function adopter(db: Database.Database): (runNo: number) => boolean {
  interface Site {
    readonly site: number;
    readonly keys: string;
    readonly names: string;
    readonly records: number;
  }
  const orphans = db.prepare<[{ run_no: number }], Site>(`
    SELECT * FROM record_site o WHERE o.run_no = 0 AND ${directory('o')} IN (
      SELECT ${directory('s')} AS directory FROM record_site s
      WHERE s.run_no > 0 AND directory IS NOT NULL GROUP BY 1 HAVING min(s.run_no) = :run_no AND max(s.run_no) = :run_no
    )`);
  const hasOrphans = db.prepare('SELECT 1 FROM record_site WHERE run_no = 0 LIMIT 1');
  const same = db.prepare<[number, string, string], { site: number }>(
    'SELECT site FROM record_site WHERE run_no = ? AND keys = ? AND names = ?',
  );
  const move = db.prepare<[number, number, number]>('UPDATE record SET run_no = ?, site = ? WHERE site = ?');
  const rename = db.prepare<[number, number]>('UPDATE record_site SET run_no = ? WHERE site = ?');
  const count = db.prepare<[number, number]>('UPDATE record_site SET records = records + ? WHERE site = ?');
  const drop = db.prepare<[number]>('DELETE FROM record_site WHERE site = ?');
  return (runNo) => {
    if (hasOrphans.get() === undefined) return false;
    const found = orphans.all({ run_no: runNo });
    for (const { site, keys, names, records } of found) {
      const known = same.get(runNo, keys, names)?.site;
      move.run(runNo, known ?? site, site);
      if (known === undefined) rename.run(runNo, site);
      else {
        count.run(records, known);
        drop.run(site);
      }
    }
    return found.length > 0;
  };
}

/** Tells which executor task a task of Work Queue or TaskVine is: their logs know it by a number of their own. */
function executorTaskTeller(db: Database.Database, key: (typeof systemKeys)[number]): (runNo: number) => void {
  const number = (record: string): string => `${record}.keys ->> '$."${key}"'`;
  const sites = `SELECT site FROM record_site WHERE run_no = :run_no AND EXISTS (SELECT 1 FROM json_each(names) WHERE value = '${key}')`;
  const tell = db.prepare<{ run_no: number }>(`
    UPDATE record SET "parsl.executor_task" = known.executor_task
    FROM record_site s, (
      SELECT ${executor('t')} AS executor, ${number('r')} AS number, min(r."parsl.executor_task") AS executor_task
      FROM record r JOIN record_site t USING (site)
      WHERE r.site IN (${sites}) AND r."parsl.executor_task" IS NOT NULL
      GROUP BY 1, 2 HAVING min(r."parsl.executor_task") = max(r."parsl.executor_task")
    ) known
    WHERE record.site IN (${sites}) AND record."parsl.executor_task" IS NULL
      AND s.site = record.site AND ${executor('s')} = known.executor AND ${number('record')} = known.number`);
  return (runNo) => void tell.run({ run_no: runNo });
}
