/** Relabelling: what a record calls by another name, or says in another word, in the words of the rest. */
import type { Value, WideRecord } from '../core/record.ts';
import { setCanonical } from '../core/keys.ts';
import type { RelabelSpec } from './schema.ts';
import { canonicalKey, predicateOf } from './where.ts';

export function createRelabel(spec: RelabelSpec): (record: WideRecord) => void {
  const accepts = predicateOf(spec);
  const keys = Object.entries(spec.keys);
  const values = Object.entries(spec.values).map(([name, table]): [string, ReadonlyMap<string, Value>] => [
    canonicalKey(name),
    new Map(Object.entries(table)),
  ]);
  return (record) => {
    if (accepts !== undefined && !accepts(record)) return;
    for (const [old, name] of keys) {
      const value = record[old];
      if (value === undefined) continue;
      delete record[old]; // eslint-disable-line @typescript-eslint/no-dynamic-delete
      setCanonical(record, name, value);
    }
    for (const [key, table] of values) {
      const value = table.get(String(record[key]));
      if (value !== undefined) setCanonical(record, key, value);
    }
  };
}
