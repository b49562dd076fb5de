/** Which records a rule is about: keys and values that a record has, keys that it lacks. */
import { canonicalValue, findKey } from '../core/keys.ts';
import type { Value, WideRecord } from '../core/record.ts';
import type { Conditions } from './schema.ts';

export type Predicate = (record: WideRecord) => boolean;

/** A rule's spelling of a key and value, in the canonical one. */
export function canonicalKey(name: string): string {
  return findKey(name)?.key ?? name;
}

export function canonical(name: string, value: Value): Value {
  const key = findKey(name);
  return key === undefined ? value : canonicalValue(key.type, value);
}

export function canonicalEntries(entries: Readonly<Record<string, Value>>): [string, Value][] {
  return Object.entries(entries).map(([name, value]) => [canonicalKey(name), canonical(name, value)]);
}

/** undefined: all records. */
export function predicateOf({ where, has, lacks }: Conditions): Predicate | undefined {
  const checks: Predicate[] = Object.entries(where).map(([name, wanted]) => {
    const key = canonicalKey(name);
    const values = (Array.isArray(wanted) ? wanted : [wanted]).map((value) => canonical(name, value));
    const [only] = values;
    return values.length === 1 ? (record) => record[key] === only : (record) => values.includes(record[key] ?? null);
  });
  for (const name of has) {
    const key = canonicalKey(name);
    checks.push((record) => record[key] !== undefined && record[key] !== null);
  }
  for (const name of lacks) {
    const key = canonicalKey(name);
    checks.push((record) => record[key] === undefined || record[key] === null);
  }
  const [first] = checks;
  if (first === undefined) return undefined;
  return checks.length === 1 ? first : (record) => checks.every((check) => check(record));
}
