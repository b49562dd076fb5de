/** Which records a rule is about: keys and values that a record has, keys that it lacks. */
import { canonicalValue, findKey } from '../core/keys.ts';
import type { Value } from '../core/record.ts';
import type { Draft } from './draft.ts';
import type { Conditions } from './schema.ts';

/** Of the record that the draft is at. */
export type Predicate = () => boolean;

/** A rule's spelling of a key and value, in the canonical one. */
export function canonicalKey(name: string): string {
  return findKey(name)?.key ?? name;
}

export function canonical(name: string, value: Value): Value {
  const key = findKey(name);
  return key === undefined ? value : canonicalValue(key.type, value);
}

/** Slots and what to give them. */
export function canonicalEntries(entries: Readonly<Record<string, Value>>, draft: Draft): [number, Value][] {
  return Object.entries(entries).map(([name, value]) => [draft.slotOf(canonicalKey(name)), canonical(name, value)]);
}

/** undefined: all records. */
export function predicateOf({ where, has, lacks }: Conditions, draft: Draft): Predicate | undefined {
  const checks: Predicate[] = Object.entries(where).map(([name, wanted]) => {
    const slot = draft.slotOf(canonicalKey(name));
    const values = (Array.isArray(wanted) ? wanted : [wanted]).map((value) => canonical(name, value));
    const [only] = values;
    return values.length === 1 ? () => draft.get(slot) === only : () => values.includes(draft.get(slot) ?? null);
  });
  for (const slot of draft.slotsOf(has.map(canonicalKey))) checks.push(() => draft.get(slot) !== undefined);
  for (const slot of draft.slotsOf(lacks.map(canonicalKey))) checks.push(() => draft.get(slot) === undefined);
  const [first, second] = checks;
  if (first === undefined || second === undefined) return first;
  return () => {
    for (const check of checks) if (!check()) return false;
    return true;
  };
}
