/**
 * The questions about log records, answered by SQLite. A filter becomes conditions with parameters; nothing that a
 * caller sends is ever part of the text. What sites (record_parts.ts) tell is asked of them, for they are few; what
 * records tell, by the index that leaves the fewest.
 */
import type Database from 'better-sqlite3';

import { canonicalValue, findKey } from '../core/keys.ts';
import type { WideRecord } from '../core/record.ts';
import { isColumn, isSiteKey, join, type StoredRecord } from './record_parts.ts';
import { NO_TIME, recordColumns } from './schema.ts';
import { keysMax, pageMax, recordsCountMax, valuesMax, type KeyValue, type Reads, type RecordQuery } from './store.ts';

type Scalar = string | number;
type Parameters = Record<string, Scalar>;

/** A query as conditions on runs (by number), on `record_site s` and on `record r`, with the parameters of all. */
interface Filter {
  readonly runs: string;
  readonly sites: readonly string[];
  readonly records: readonly string[];
  /** The index of a column that it narrows down by. */
  readonly index: 'record_task' | 'record_executor_task' | undefined;
  readonly parameters: Parameters;
}

export function recordReads(db: Database.Database): Pick<Reads, 'records' | 'recordKeys' | 'recordValues'> {
  /** Answers on one snapshot; what goes wrong rejects, as it would with a store that is elsewhere. */
  const ask = async <T>(query: RecordQuery, answer: (filter: Filter) => T): Promise<T> => {
    await Promise.resolve();
    return db.transaction(() => answer(filterOf(query)))();
  };
  return {
    records: (query) =>
      ask(query, (filter) => {
        const end = query.offset + Math.min(query.limit, pageMax);
        return { total: countOf(db, filter), records: readPage(db, filter, query.offset, end) };
      }),
    recordKeys: (query) => ask(query, (filter) => readKeys(db, filter)),
    recordValues: (query, name) => ask(query, (filter) => readValues(db, filter, findKey(name)?.key ?? name)),
  };
}

/** The value of a key of a JSON object. Not json_extract(), whose paths cannot name every key. */
const valueOf = (object: string, key: string): string => `(SELECT value FROM json_each(${object}) WHERE key = ${key})`;

function filterOf({ where, text, from, to }: RecordQuery): Filter {
  const runs = ['SELECT run_no FROM run'];
  const sites: string[] = [];
  const records: string[] = [];
  const parameters: Parameters = {};
  const add = (value: Scalar): string => {
    const name = `p${Object.keys(parameters).length}`;
    parameters[name] = value;
    return `:${name}`;
  };
  let index: Filter['index'];
  for (const [name, asked] of Object.entries(where)) {
    const { key, type } = findKey(name) ?? { key: name, type: 'text' };
    const values = asked.map((value) => canonicalValue(type, value) as Scalar);
    const any = (of: readonly Scalar[]): string => `IN (${of.map(add).join(', ')})`;
    if (key === 'parsl.dfk') runs.push(`run ${any(values)}`);
    else if (key === 'message') records.push(`r.message ${any(values)}`);
    else if (isColumn(key)) {
      const numbers = values.filter((value) => typeof value === 'number');
      records.push(`r."${key}" ${any(numbers)}`);
      if (numbers.length === 0) continue; // Nothing matches, and no index knows it.
      if (key === 'parsl.task') index = 'record_task';
      else if (key === 'parsl.executor_task') index ??= 'record_executor_task';
    } else {
      const is = (object: string): string => `CAST(${valueOf(object, add(key))} AS TEXT) ${any(values.map(String))}`;
      if (isSiteKey(key)) sites.push(is('s.keys'));
      else {
        sites.push(`EXISTS (SELECT 1 FROM json_each(s.names) WHERE value = ${add(key)})`);
        records.push(is('r.keys'));
      }
    }
  }
  if (text !== undefined && text !== '')
    records.push(`r.message LIKE ${add(`%${text.replace(/[\\%_]/g, '\\$&')}%`)} ESCAPE '\\'`);
  if (from !== undefined) records.push(`r.time >= ${add(from)}`);
  if (to !== undefined) records.push(`r.time <= ${add(Math.min(to, NO_TIME - 1))}`);
  const isOfRuns = runs.length > 1;
  const ofRuns = isOfRuns ? runs.join(' WHERE ') : `SELECT 0 UNION ALL ${runs.join('')}`;
  if (isOfRuns) sites.push(`s.run_no IN (${ofRuns})`);
  return { runs: ofRuns, sites, records, index, parameters };
}

const and = (conditions: readonly string[]): string => (conditions.length === 0 ? 'TRUE' : conditions.join(' AND '));
const matchingSites = ({ sites }: Filter): string => `SELECT s.site FROM record_site s WHERE ${and(sites)}`;

/** `FROM … WHERE …`: the records that match, by the given index. */
function matching(filter: Filter, index: string): string {
  const conditions = [...filter.records];
  if (filter.index !== undefined) conditions.push(`r.run_no IN (${filter.runs})`);
  if (filter.sites.length > 0) conditions.push(`r.site IN (${matchingSites(filter)})`);
  return `FROM record r INDEXED BY ${index} WHERE ${and(conditions)}`;
}

/** How many records lie at the sites that match, and how many there are. */
function weigh(db: Database.Database, { sites, parameters }: Filter): { matching: number; all: number } {
  const sql = `SELECT coalesce(sum(records), 0) AS "all",
    coalesce(sum(records) FILTER (WHERE site IN (SELECT s.site FROM record_site s WHERE ${and(sites)})), 0) AS matching FROM record_site`;
  return db.prepare<[Parameters], { matching: number; all: number }>(sql).get(parameters) ?? { matching: 0, all: 0 };
}

function countOf(db: Database.Database, filter: Filter): number {
  if (filter.records.length === 0) return Math.min(recordsCountMax, weigh(db, filter).matching);
  const sql = `SELECT count(*) AS total FROM (SELECT 1 ${matching(filter, filter.index ?? 'record_site_time')} LIMIT :limit)`;
  return (
    db.prepare<[Parameters], { total: number }>(sql).get({ ...filter.parameters, limit: recordsCountMax })?.total ?? 0
  );
}

/** The index by which a page is found with the fewest looks: all of the matching sites, or all times up to the page. */
function pageIndex(db: Database.Database, filter: Filter, end: number): string {
  if (filter.index !== undefined) return filter.index;
  const { matching: found, all } = weigh(db, filter);
  return found * found < end * all ? 'record_site_time' : 'record_time';
}

function readPage(db: Database.Database, filter: Filter, offset: number, end: number): WideRecord[] {
  const columns = Object.keys(recordColumns).map((name) => `r."${name}"`);
  const order = 'ORDER BY r.time, r.id';
  // Records are picked by their ids alone, so that what is sorted is small; CROSS JOIN keeps SQLite to that order.
  const sql = `SELECT r.time, run.run, s.keys AS site, ${columns.join(', ')}, r.message, r.keys
    FROM (SELECT r.id ${matching(filter, pageIndex(db, filter, end))} ${order} LIMIT :limit OFFSET :offset) picked
    CROSS JOIN record r USING (id) CROSS JOIN record_site s ON s.site = r.site LEFT JOIN run ON run.run_no = r.run_no ${order}`;
  return db
    .prepare<[Parameters], StoredRecord>(sql)
    .all({ ...filter.parameters, limit: end - offset, offset })
    .map(join);
}

/** The sites of the records that match, each with how many of them it has: columns `site` and `found`. */
function sitesFound(filter: Filter): string {
  return filter.records.length === 0
    ? `SELECT s.site, s.records AS found FROM record_site s WHERE s.records > 0 AND ${and(filter.sites)}`
    : `SELECT r.site, count(*) AS found ${matching(filter, filter.index ?? 'record_site_time')} GROUP BY r.site`;
}

function readKeys(db: Database.Database, filter: Filter): string[] {
  const sql = `WITH found AS MATERIALIZED (
      SELECT s.run_no, s.keys, s.names FROM (${sitesFound(filter)}) JOIN record_site s USING (site)
    )
    SELECT key FROM (
      SELECT j.key FROM found, json_each(found.keys) j UNION SELECT j.value FROM found, json_each(found.names) j
      UNION SELECT 'parsl.dfk' FROM found WHERE run_no > 0
    ) ORDER BY key LIMIT :limit`;
  return db
    .prepare<[Parameters], { key: string }>(sql)
    .all({ ...filter.parameters, limit: keysMax })
    .map(({ key }) => key);
}

function readValues(db: Database.Database, filter: Filter, key: string): KeyValue[] {
  const ofSites = (value: string): string =>
    `SELECT ${value} AS value, sum(found) AS records FROM (${sitesFound(filter)}) JOIN record_site s USING (site)`;
  const ofRecords = (value: string): string =>
    `SELECT ${value} AS value, count(*) AS records ${matching(filter, filter.index ?? 'record_site_time')}`;
  const counted =
    key === 'parsl.dfk'
      ? ofSites('(SELECT run FROM run WHERE run.run_no = s.run_no)')
      : isSiteKey(key)
        ? ofSites(valueOf('s.keys', ':key'))
        : key === 'message' || isColumn(key)
          ? ofRecords(`r."${key}"`)
          : ofRecords(valueOf('r.keys', ':key'));
  const sql = `SELECT * FROM (${counted} GROUP BY 1) WHERE value IS NOT NULL ORDER BY records DESC, value LIMIT :limit`;
  return db.prepare<[Parameters], KeyValue>(sql).all({ ...filter.parameters, key, limit: valuesMax });
}
