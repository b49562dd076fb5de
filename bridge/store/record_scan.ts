/** Log records of one run as the analyses want them: walked through, not paged, and only what is asked for read. */
import type Database from 'better-sqlite3';

import type { Seen, Step } from '../analysis/lifeline.ts';
import { logPhases, marksOf, type LogPhase, type TriedMark } from '../analysis/log_phases.ts';
import type { ErrorLines } from '../analysis/signs.ts';
import { logOf, sourceOf, templateOf, threadKind, threadOf } from '../analysis/source.ts';
import type { MetricPoint } from '../analysis/states.ts';
import { number, text, type WideRecord } from '../core/record.ts';
import type { ConnectedLine, WorkerSpan } from '../analysis/workers.ts';
import { isColumn, join, type StoredRecord } from './record_parts.ts';
import { NO_TIME, recordColumns } from './schema.ts';

/** Templates of error lines that are looked at. */
const ERRORS_MAX = 50;

const columns = Object.keys(recordColumns).map((name) => `r."${name}"`).join(', '); // prettier-ignore
const whole = `r.time, run.run, s.keys AS site, ${columns}, r.message, r.keys
  FROM record r JOIN record_site s USING (site) LEFT JOIN run ON run.run_no = r.run_no`;

/** All records of a task, in order of time. */
export function* taskRecords(db: Database.Database, runNo: number, task: number): Generator<WideRecord> {
  const sql = `SELECT ${whole} WHERE r.run_no = ? AND r."parsl.task" = ? ORDER BY r.time, r.id`;
  for (const row of db.prepare<[number, number], StoredRecord>(sql).iterate(runNo, task)) yield join(row);
}

interface SeenRow {
  readonly task: number;
  readonly try: number | null;
  readonly time: number;
  readonly site: number;
}

/** Every line that names a task, as the step that it is. What a site's lines share is worked out once a site. */
export function* seenLines(db: Database.Database, runNo: number): Generator<Seen> {
  const steps = new Map<number, Step | undefined>();
  const site = db.prepare<[number], { keys: string }>('SELECT keys FROM record_site WHERE site = ?');
  const sql = `SELECT "parsl.task" AS task, "parsl.try" AS try, time, site FROM record
    WHERE run_no = ? AND "parsl.task" IS NOT NULL AND time < ${NO_TIME} ORDER BY "parsl.task", time, id`;
  for (const row of db.prepare<[number], SeenRow>(sql).iterate(runNo)) {
    let step = steps.get(row.site);
    if (step === undefined) {
      const keys = JSON.parse(site.get(row.site)?.keys ?? '{}') as WideRecord;
      step = { log: logOf(keys), thread: threadKind(threadOf(keys)), template: templateOf(keys) };
      steps.set(row.site, step);
    }
    yield { task: row.task, try: row.try, time: row.time, step };
  }
}

export interface TaskPhase extends LogPhase {
  readonly task: number;
  readonly executor: string | null;
}

/** The phases that log lines bound, try by try. */
export function* loggedPhases(db: Database.Database, runNo: number): Generator<TaskPhase> {
  const sites = new Map(
    db
      .prepare<[number], { site: number; keys: string }>(
        `SELECT site, keys FROM record_site WHERE run_no = ? AND (keys ->> '$."parsl.phase"' IS NOT NULL OR keys ->> '$."parsl.phase_ended"' IS NOT NULL)`,
      )
      .all(runNo)
      .map(({ site, keys }) => [site, JSON.parse(keys) as WideRecord]),
  );
  if (sites.size === 0) return;
  const sql = `SELECT "parsl.task" AS task, "parsl.try" AS try, time, site FROM record
    WHERE run_no = ? AND "parsl.task" IS NOT NULL AND time < ${NO_TIME} ORDER BY "parsl.task", time, id`;
  let task = 0;
  let marks: TriedMark[] = [];
  const executors = new Map<number, string>();
  const ofTask = (): TaskPhase[] =>
    logPhases(marks).map((phase) => ({ ...phase, task, executor: executors.get(phase.try) ?? null }));
  for (const row of db.prepare<[number], SeenRow>(sql).iterate(runNo)) {
    const keys = sites.get(row.site);
    if (keys === undefined) continue;
    if (row.task !== task) {
      yield* ofTask();
      marks = [];
      executors.clear();
      task = row.task;
    }
    const told = marksOf({
      try: row.try ?? 0, time: row.time, source: sourceOf(keys), phase: text(keys, 'parsl.phase') ?? null,
      edge: text(keys, 'parsl.phase_edge') ?? null, ended: text(keys, 'parsl.phase_ended') ?? null,
    }); // prettier-ignore
    marks.push(...told);
    const executor = text(keys, 'parsl.executor');
    if (executor !== undefined) executors.set(row.try ?? 0, executor);
  }
  yield* ofTask();
}

/** Sites whose records have one of these keys of their own. */
function sitesWith(db: Database.Database, runNo: number, keys: readonly string[]): { site: number; keys: string }[] {
  return db
    .prepare<[number, string], { site: number; keys: string }>(
      `SELECT site, keys FROM record_site WHERE run_no = ?
       AND EXISTS (SELECT 1 FROM json_each(names) WHERE value IN (SELECT value FROM json_each(?)))`,
    )
    .all(runNo, JSON.stringify(keys));
}

const systems = ['workqueue', 'taskvine'] as const;

/** Lines about worker processes of Work Queue and TaskVine. */
export function* connectedLines(db: Database.Database, runNo: number): Generator<ConnectedLine> {
  const told = systems.flatMap((system) => [`${system}.worker_state`, `${system}.worker_resources.cores`]);
  const records = db.prepare<[number], { time: number; keys: string }>(
    `SELECT time, keys FROM record WHERE site = ? AND time < ${NO_TIME} AND keys IS NOT NULL`,
  );
  for (const { site, keys } of sitesWith(db, runNo, told)) {
    const executor = text(JSON.parse(keys) as WideRecord, 'parsl.executor') ?? null;
    for (const { time, keys: own } of records.iterate(site)) {
      const record = JSON.parse(own) as WideRecord;
      for (const system of systems) {
        const worker = text(record, `${system}.worker`);
        const cores = number(record, `${system}.worker_resources.cores`) ?? null;
        const state = text(record, `${system}.worker_state`) ?? null;
        if (worker !== undefined && (cores !== null || state !== null)) yield { executor, worker, time, state, cores };
      }
    }
  }
}

/** When a try `r` of a task `t` was on no worker any more; NULL while it runs on. */
export const tryStop = 'coalesce(r.running_ended, r.returned, iif(t.final, t.returned, NULL))';

/**
 * The cores that tasks of these executors were given, and when; a task that told none takes one. `end`: until when what
 * still runs has lasted.
 */
export function occupiedSpans(
  db: Database.Database,
  runNo: number,
  connected: readonly WorkerSpan[],
  end: number,
): WorkerSpan[] {
  const labels = new Set(connected.map(({ executor }) => executor));
  if (labels.size === 0) return [];
  const cores = allocatedCores(db, runNo);
  const returned = db.prepare<[number, number, number], { at: number | null }>(
    `SELECT ${tryStop} AS at
     FROM try r LEFT JOIN task t ON t.run_no = r.run_no AND t.task = r.task WHERE r.run_no = ? AND r.task = ? AND r.try = ?`,
  );
  return [...loggedPhases(db, runNo)].flatMap(({ name, task, try: attempt, executor, start: from, end: ended }) => {
    if (name !== 'worker' || from === null || !labels.has(executor)) return [];
    const to = ended ?? returned.get(runNo, task, attempt)?.at ?? end;
    return [{ executor, workers: cores.get(`${task}/${attempt}`) ?? 1, from, to }];
  });
}

/** Cores that Work Queue and TaskVine gave to tries, by `task/try`. */
function allocatedCores(db: Database.Database, runNo: number): Map<string, number> {
  const told = systems.map((system) => `${system}.allocated.cores`);
  const records = db.prepare<[string, string, number], { task: number; try: number; cores: number | null }>(
    `SELECT "parsl.task" AS task, "parsl.try" AS try, coalesce(keys ->> ?, keys ->> ?) AS cores FROM record
     WHERE site = ? AND "parsl.task" IS NOT NULL`,
  );
  const [first, second] = told.map((key) => `$.${JSON.stringify(key)}`);
  const cores = new Map<string, number>();
  for (const { site } of sitesWith(db, runNo, told))
    for (const row of records.iterate(first ?? '', second ?? '', site))
      if (typeof row.cores === 'number' && row.cores > 0) cores.set(`${row.task}/${row.try}`, row.cores);
  return cores;
}

/** What records with the key `metric` tell. */
export function* metricPoints(db: Database.Database, runNo: number): Generator<MetricPoint> {
  const sites = db
    .prepare<[number], { site: number; metric: string; label: string }>(
      `SELECT site, keys ->> '$.metric' AS metric, coalesce(keys ->> '$."parsl.executor"', '') AS label FROM record_site
       WHERE run_no = ? AND keys ->> '$.metric' IS NOT NULL`,
    )
    .all(runNo);
  const points = db.prepare<[number], { time: number; value: unknown }>(
    `SELECT time, keys ->> '$.value' AS value FROM record WHERE site = ? AND time < ${NO_TIME} AND keys ->> '$.value' IS NOT NULL`,
  );
  for (const { site, metric, label } of sites)
    for (const { time, value } of points.iterate(site))
      if (Number.isFinite(Number(value))) yield { metric, label, time, value: Number(value) };
}

/** Error lines of a run by template, the most frequent first. */
export function errorLines(db: Database.Database, runNo: number): ErrorLines[] {
  const sql = `SELECT coalesce(s.keys ->> '$."log.template"', '') AS template, coalesce(s.keys ->> '$."source.log"', 'unknown') AS log,
      count(*) AS lines, min(r.time) AS first, r.message
    FROM record_site s CROSS JOIN record r INDEXED BY record_site_time ON r.site = s.site
    WHERE s.run_no = ? AND s.keys ->> '$.level' = 'ERROR' GROUP BY 1, 2 ORDER BY lines DESC LIMIT ?`;
  return db
    .prepare<[number, number], ErrorLines>(sql)
    .all(runNo, ERRORS_MAX)
    .map((row) => ({ ...row, first: row.first === NO_TIME ? null : row.first }));
}

/** A key's first value in the records of each task. */
export function valueByTask(db: Database.Database, runNo: number, key: string): Map<number, string> {
  const path = `$.${JSON.stringify(key)}`;
  // A column's name is one of a closed list; any other key is a parameter.
  const value = isColumn(key) ? `r."${key}"` : 'coalesce(s.keys ->> :path, r.keys ->> :path)';
  const sql = `SELECT r."parsl.task" AS task, ${value} AS value, min(r.time) AS time
    FROM record r JOIN record_site s USING (site)
    WHERE r.run_no = :run_no AND r."parsl.task" IS NOT NULL AND ${value} IS NOT NULL GROUP BY 1`;
  const rows = db
    .prepare<[{ run_no: number; path: string }], { task: number; value: string | number }>(sql)
    .all({ run_no: runNo, path });
  return new Map(rows.map(({ task, value }) => [task, String(value)]));
}
