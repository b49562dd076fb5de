/**
 * select and group: which records, which of their keys, and how many there are of each kind. A group is told by its
 * keys, its number of records and its first and last time.
 */
import type { Value, WideRecord } from '../core/record.ts';
import { BridgeError } from '../core/errors.ts';
import { Draft } from './draft.ts';
import type { SelectSpec } from './schema.ts';
import { canonicalKey, predicateOf } from './where.ts';

export interface Select {
  /** What to write of the record; undefined: nothing, or nothing yet. */
  take(record: WideRecord): WideRecord | undefined;
  /** The groups, largest first. */
  end(): WideRecord[];
}

interface Tally {
  readonly keys: WideRecord;
  records: number;
  first: Value | undefined;
  last: Value | undefined;
}

/** More groups than a reader can look at; their keys were hardly meant to be grouped by. */
const GROUPS_MAX = 1_000_000;

export function createSelect(spec: Pick<SelectSpec, 'where' | 'has' | 'lacks' | 'keys' | 'group'>): Select {
  const draft = new Draft();
  const accepts = predicateOf(spec, draft);
  const keys = spec.keys.map(canonicalKey);
  const group = spec.group.map(canonicalKey);
  const tallies = new Map<string, Tally>();
  return {
    take(record) {
      draft.begin(record);
      if (accepts?.() === false) return undefined;
      if (group.length > 0) count(tallies, group, record);
      return group.length > 0 ? undefined : keys.length > 0 ? picked(record, keys) : record;
    },
    end: () =>
      [...tallies.values()]
        .sort((a, b) => b.records - a.records)
        .map(({ keys: group, records, first, last }) => ({
          ...group,
          records,
          ...(first === undefined || last === undefined ? {} : { first_time: first, last_time: last }),
        })),
  };
}

function count(tallies: Map<string, Tally>, group: readonly string[], record: WideRecord): void {
  const values = group.map((key) => record[key]);
  if (values.some((value) => value === undefined || value === null)) return;
  const name = values.map(String).join('\n');
  let tally = tallies.get(name);
  if (tally === undefined) {
    if (tallies.size >= GROUPS_MAX)
      throw new BridgeError('BRIDGE_CONFIG', `group by ${group.join(', ')}: more than ${GROUPS_MAX} groups`, {
        hint: 'group by keys that many records share, such as parsl.app_name or log.template',
      });
    tallies.set(name, (tally = { keys: picked(record, group), records: 0, first: undefined, last: undefined }));
  }
  tally.records += 1;
  const { time } = record;
  if (typeof time !== 'bigint') return;
  if (tally.first === undefined || time < (tally.first as bigint)) tally.first = time;
  if (tally.last === undefined || time > (tally.last as bigint)) tally.last = time;
}

function picked(record: WideRecord, keys: readonly string[]): WideRecord {
  const some: WideRecord = {};
  for (const key of keys) if (record[key] !== undefined) some[key] = record[key];
  return some;
}
