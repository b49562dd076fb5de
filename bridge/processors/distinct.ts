/**
 * Twins: the same record written twice, such as in `worker_0.log` and `worker_0.jsonlog`, counts once. The first one
 * met is kept. Of each kind the newest `recordsMax` are remembered, by a hash of what makes them one.
 */
import type { Value, WideRecord } from '../core/record.ts';
import type { DistinctSpec } from './schema.ts';
import { canonicalKey, predicateOf } from './where.ts';

/** False: the record is another one's twin, and goes no further. */
export type Distinct = (record: WideRecord) => boolean;

export function createDistinct(spec: DistinctSpec, recordsMax: number): Distinct {
  const accepts = predicateOf(spec);
  const keys = spec.keys.map(canonicalKey);
  const across = spec.across === undefined ? undefined : canonicalKey(spec.across);
  const clear = spec.clear.map(canonicalKey);
  /** What was met, and where. */
  const met = new Map<number, Value>();
  return (record) => {
    if (accepts !== undefined && !accepts(record)) return true;
    const identity = identityOf(record, keys);
    if (identity === undefined) return true;
    const place = across === undefined ? null : (record[across] ?? null);
    const earlier = met.get(identity);
    if (earlier === undefined) {
      met.set(identity, place);
      if (met.size > recordsMax) met.delete(met.keys().next().value ?? 0);
      return true;
    }
    if (across !== undefined && earlier === place) return true;
    if (clear.length === 0) return false;
    for (const key of clear) delete record[key]; // eslint-disable-line @typescript-eslint/no-dynamic-delete
    return true;
  };
}

/** 52 bits of two hashes over all keys; undefined if the record lacks one. */
function identityOf(record: WideRecord, keys: readonly string[]): number | undefined {
  let high = 0x811c9dc5;
  let low = 0x9747b28c;
  for (const key of keys) {
    const value = record[key];
    if (value === undefined || value === null) return undefined;
    const text = typeof value === 'string' ? value : String(value);
    for (let at = 0; at < text.length; at += 1) {
      const code = text.charCodeAt(at);
      high = Math.imul(high ^ code, 0x01000193);
      low = Math.imul(low ^ code, 0x5bd1e995) + at;
    }
    high = Math.imul(high ^ 0xff, 0x01000193);
  }
  return (high >>> 6) * 0x4000000 + (low >>> 6);
}
