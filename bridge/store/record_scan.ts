/** Log records of one run as the analyses want them: walked through, not paged, and only what is asked for read. */
import type Database from 'better-sqlite3';

import type { WideRecord } from '../core/record.ts';
import { join, type StoredRecord } from './record_parts.ts';
import { recordColumns } from './schema.ts';

const columns = Object.keys(recordColumns).map((name) => `r."${name}"`).join(', '); // prettier-ignore
const whole = `r.time, run.run, s.keys AS site, ${columns}, r.message, r.keys
  FROM record r JOIN record_site s USING (site) LEFT JOIN run ON run.run_no = r.run_no`;

/** All records of a task, in order of time. */
export function* taskRecords(db: Database.Database, runNo: number, task: number): Generator<WideRecord> {
  const sql = `SELECT ${whole} WHERE r.run_no = ? AND r."parsl.task" = ? ORDER BY r.time, r.id`;
  for (const row of db.prepare<[number, number], StoredRecord>(sql).iterate(runNo, task)) yield join(row);
}
