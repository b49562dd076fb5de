/**
 * Joins records with the user's own metadata: rows of a table, found by the record's keys, give it their other columns.
 * What the record says itself stays.
 */
import type { Value, WideRecord } from '../core/record.ts';
import type { JoinSpec } from './schema.ts';
import { canonical, canonicalKey } from './where.ts';

/** A join, and the rows of its file. */
export interface Joined {
  readonly spec: JoinSpec;
  readonly rows: readonly Readonly<Record<string, Value>>[];
}

export function createJoin({ spec, rows }: Joined): (record: WideRecord) => void {
  const keys = spec.keys.map(canonicalKey);
  const table = new Map<string, [string, Value][]>();
  for (const row of rows) {
    const entries = Object.entries(row).map(([name, value]): [string, Value] => [canonicalKey(name), canonical(name, value)]); // prettier-ignore
    const scope = scopeOf(Object.fromEntries(entries), keys);
    const given = entries.filter(([key, value]) => !keys.includes(key) && value !== '' && isGiven(spec, key));
    if (scope !== undefined && !table.has(scope)) table.set(scope, given);
  }
  return (record) => {
    const scope = scopeOf(record, keys);
    if (scope === undefined) return;
    for (const [key, value] of table.get(scope) ?? []) record[key] ??= value;
  };
}

function isGiven({ gives }: JoinSpec, key: string): boolean {
  return gives === undefined || gives.some((name) => canonicalKey(name) === key);
}

function scopeOf(record: WideRecord, keys: readonly string[]): string | undefined {
  const values = keys.map((key) => record[key]);
  return values.some((value) => value === undefined || value === null) ? undefined : values.map(String).join('\n');
}
