/**
 * Joins records with the user's own metadata: rows of a table, found by the record's keys, give it their other columns.
 * What the record says itself stays.
 */
import type { Value } from '../core/record.ts';
import type { Draft } from './draft.ts';
import type { JoinSpec } from './schema.ts';
import { canonical, canonicalKey } from './where.ts';

/** A join, and the rows of its file. */
export interface Joined {
  readonly spec: JoinSpec;
  readonly rows: readonly Readonly<Record<string, Value>>[];
}

export function createJoin({ spec, rows }: Joined, draft: Draft): () => void {
  const keys = spec.keys.map(canonicalKey);
  const slots = draft.slotsOf(keys);
  const table = new Map<string, [number, Value][]>();
  for (const row of rows) {
    const entries = Object.entries(row).map(([name, value]) => [canonicalKey(name), canonical(name, value)] as const);
    const byKey = new Map(entries);
    const scope = scopeOf(keys.map((key) => byKey.get(key)));
    const given = entries.filter(([key, value]) => !keys.includes(key) && value !== '' && isGiven(spec, key));
    if (scope !== undefined && !table.has(scope))
      table.set(scope, given.map(([key, value]) => [draft.slotOf(key), value])); // prettier-ignore
  }
  return () => {
    const scope = scopeOf(slots.map((slot) => draft.get(slot)));
    if (scope === undefined) return;
    for (const [slot, value] of table.get(scope) ?? []) draft.give(slot, value);
  };
}

function isGiven({ gives }: JoinSpec, key: string): boolean {
  return gives === undefined || gives.some((name) => canonicalKey(name) === key);
}

/** The values as one text; undefined if one is not there. */
function scopeOf(values: readonly (Value | undefined)[]): string | undefined {
  return values.some((value) => value === undefined || value === null) ? undefined : values.map(String).join('\n');
}
