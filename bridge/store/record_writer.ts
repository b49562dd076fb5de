/** Puts log records into the store, and cuts the oldest beyond the limit. */
import type Database from 'better-sqlite3';

import type { RecordRow } from '../core/row.ts';
import { split } from './record_parts.ts';
import { NO_TIME, recordColumns } from './schema.ts';

/** Rows over the limit that are let gather before a cut, so that not every write cuts. */
const SLACK = 10_000;
/** Sites that the writer knows without asking. */
const SITES_MAX = 50_000;

export interface RecordWriter {
  /** Writes records within the transaction of the caller; `numberOf` gives a run's number. */
  write(rows: readonly RecordRow[], numberOf: (run: string) => number): void;
  /** Sites may have changed. */
  forget(): void;
}

export function recordWriter(db: Database.Database, recordsMax: number): RecordWriter {
  const names = ['run_no', 'site', 'time', ...Object.keys(recordColumns), 'message', 'keys'];
  const insert = db.prepare(
    `INSERT INTO record (${names.map((name) => `"${name}"`).join(', ')}) VALUES (${names.map(() => '?').join(', ')})`,
  );
  const count = db.prepare<[number, number]>('UPDATE record_site SET records = records + ? WHERE site = ?');
  const siteOf = siteFinder(db);
  const cut = recordCutter(db, recordsMax);
  return {
    write(rows, numberOf) {
      if (rows.length === 0) return;
      const added = new Map<number, number>();
      for (const row of rows) {
        const runNo = row.run === null ? 0 : numberOf(row.run);
        const { site: keys, names, columns, message, keys: own } = split(row);
        const site = siteOf.find(runNo, keys, names);
        added.set(site, (added.get(site) ?? 0) + 1);
        insert.run(runNo, site, row.time ?? NO_TIME, ...columns, message, own);
      }
      for (const [site, records] of added) count.run(records, site);
      if (cut()) siteOf.forget();
    },
    forget: () => siteOf.forget(),
  };
}

interface SiteFinder {
  /** The number of a site, which is made if need be. */
  find(runNo: number, keys: string, names: string): number;
  forget(): void;
}

function siteFinder(db: Database.Database): SiteFinder {
  const select = db.prepare<[number, string, string], { site: number }>(
    'SELECT site FROM record_site WHERE run_no = ? AND keys = ? AND names = ?',
  );
  const insert = db.prepare<[number, string, string], { site: number }>(
    'INSERT INTO record_site (run_no, keys, names, records) VALUES (?, ?, ?, 0) RETURNING site',
  );
  const known = new Map<string, number>();
  return {
    find(runNo, keys, names) {
      const key = `${runNo}${names}${keys}`;
      let site = known.get(key);
      if (site === undefined) {
        site = (select.get(runNo, keys, names) ?? insert.get(runNo, keys, names))?.site ?? 0;
        if (known.size >= SITES_MAX) known.clear();
        known.set(key, site);
      }
      return site;
    },
    forget: () => known.clear(),
  };
}

/** Gives true if it cut, and sites may be gone. */
function recordCutter(db: Database.Database, recordsMax: number): () => boolean {
  const range = db.prepare<[], { first: number | null; last: number | null }>(
    'SELECT (SELECT min(id) FROM record) AS first, (SELECT max(id) FROM record) AS last',
  );
  const uncount = db.prepare<[number]>(
    `UPDATE record_site SET records = record_site.records - cut.gone
     FROM (SELECT site, count(*) AS gone FROM record WHERE id <= ? GROUP BY site) cut WHERE record_site.site = cut.site`,
  );
  const cut = db.prepare<[number]>('DELETE FROM record WHERE id <= ?');
  const drop = db.prepare('DELETE FROM record_site WHERE records = 0');
  const count = db.prepare<[number]>('UPDATE meta SET records_cut = records_cut + ?');
  return () => {
    const { first, last } = range.get() ?? {};
    if (first == null || last == null || last - first + 1 <= recordsMax + Math.min(SLACK, recordsMax)) return false;
    uncount.run(last - recordsMax);
    count.run(cut.run(last - recordsMax).changes);
    drop.run();
    return true;
  };
}
