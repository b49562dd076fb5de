/** Log records of one run as the analyses want them: walked through, not paged, and only what is asked for read. */
import type Database from 'better-sqlite3';

import type { Seen, Step } from '../analysis/lifeline.ts';
import { logPhases, marksOf, type LogPhase, type TriedMark } from '../analysis/log_phases.ts';
import type { ErrorLines } from '../analysis/signs.ts';
import { logOf, sourceOf, templateOf, threadKind, threadOf } from '../analysis/source.ts';
import type { MetricPoint } from '../analysis/states.ts';
import { text, type WideRecord } from '../core/record.ts';
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

/** The phases that log lines bound, try by try. */
export function* loggedPhases(db: Database.Database, runNo: number): Generator<LogPhase> {
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
  let task: number | undefined;
  let marks: TriedMark[] = [];
  for (const row of db.prepare<[number], SeenRow>(sql).iterate(runNo)) {
    const keys = sites.get(row.site);
    if (keys === undefined) continue;
    if (row.task !== task) {
      yield* logPhases(marks);
      marks = [];
      task = row.task;
    }
    const told = marksOf({
      try: row.try ?? 0, time: row.time, source: sourceOf(keys), phase: text(keys, 'parsl.phase') ?? null,
      edge: text(keys, 'parsl.phase_edge') ?? null, ended: text(keys, 'parsl.phase_ended') ?? null,
    }); // prettier-ignore
    marks.push(...told);
  }
  yield* logPhases(marks);
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
