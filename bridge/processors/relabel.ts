/** Relabelling: what a record calls by another name, or says in another word, in the words of the rest. */
import type { Value } from '../core/record.ts';
import type { Draft } from './draft.ts';
import type { RelabelSpec } from './schema.ts';
import { canonical, canonicalKey, predicateOf } from './where.ts';

export function createRelabel(spec: RelabelSpec, draft: Draft): () => void {
  const accepts = predicateOf(spec, draft);
  const keys = Object.entries(spec.keys).map(([old, name]) => ({
    old: draft.slotOf(old),
    slot: draft.slotOf(canonicalKey(name)),
    name,
  }));
  const values = Object.entries(spec.values).map(([name, table]) => ({
    slot: draft.slotOf(canonicalKey(name)),
    name,
    table: new Map<string, Value>(Object.entries(table)),
  }));
  return () => {
    if (accepts?.() === false) return;
    for (const { old, slot, name } of keys) {
      const value = draft.get(old);
      if (value === undefined) continue;
      draft.remove(old);
      draft.set(slot, canonical(name, value));
    }
    for (const { slot, name, table } of values) {
      const value = table.get(String(draft.get(slot)));
      if (value !== undefined) draft.set(slot, canonical(name, value));
    }
  };
}
