/**
 * Twins: the same record written twice, such as in `worker_0.log` and `worker_0.jsonlog`, counts once. The first one
 * met is kept. About the newest `recordsMax` are remembered, by a hash of what makes them one.
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
  const met = new Met(recordsMax);
  return (record) => {
    if (accepts !== undefined && !accepts(record)) return true;
    const identity = identityOf(record, keys);
    if (identity === undefined) return true;
    const place = across === undefined ? null : (record[across] ?? null);
    const earlier = met.place(identity, place);
    if (earlier === undefined || (across !== undefined && earlier === place)) return true;
    if (clear.length === 0) return false;
    for (const key of clear) delete record[key]; // eslint-disable-line @typescript-eslint/no-dynamic-delete
    return true;
  };
}

/** Places that share a bucket; the oldest of them gives way. */
const WAYS = 4;

/** Which records were met, and where: a table of fixed size, because a map of as many numbers is slow to collect. */
class Met {
  readonly #identities: Float64Array;
  readonly #places: Uint32Array;
  readonly #buckets: number;
  /** By number; few files are read. */
  readonly #names: Value[] = [];
  readonly #numbers = new Map<Value, number>();
  #last: { name: Value; number: number } | undefined;

  constructor(max: number) {
    this.#buckets = 2 ** Math.ceil(Math.log2(Math.max(max, WAYS) / WAYS));
    this.#identities = new Float64Array(this.#buckets * WAYS);
    this.#places = new Uint32Array(this.#buckets * WAYS);
  }

  /** Where the record was met; undefined: not yet, and now it is at `place`. */
  place(identity: number, place: Value): Value | undefined {
    const start = (identity % this.#buckets) * WAYS;
    for (let at = start; at < start + WAYS; at += 1)
      if (this.#identities[at] === identity) return this.#names[this.#places[at] ?? 0];
    this.#identities.copyWithin(start + 1, start, start + WAYS - 1);
    this.#places.copyWithin(start + 1, start, start + WAYS - 1);
    this.#identities[start] = identity;
    this.#places[start] = this.#numberOf(place);
    return undefined;
  }

  #numberOf(name: Value): number {
    if (this.#last?.name === name) return this.#last.number;
    let number = this.#numbers.get(name);
    if (number === undefined) {
      number = this.#names.push(name) - 1;
      this.#numbers.set(name, number);
    }
    this.#last = { name, number };
    return number;
  }
}

const double = new Float64Array(1);
const words = new Uint32Array(double.buffer);
/** Characters of a long text that are looked at: all of its beginning and end, and some between. */
const SAMPLED_CHARS = 32;

/** 52 bits of two hashes over all keys; undefined if the record lacks one. */
function identityOf(record: WideRecord, keys: readonly string[]): number | undefined {
  let high = 0x811c9dc5;
  let low = 0x9747b28c;
  const mix = (word: number): void => {
    high = Math.imul(high ^ word, 0x01000193);
    low = Math.imul(low ^ word ^ (high >>> 15), 0x5bd1e995);
  };
  for (const key of keys) {
    const value = record[key];
    if (value === undefined || value === null) return undefined;
    if (typeof value === 'string') {
      const { length } = value;
      mix(length);
      const step = length <= SAMPLED_CHARS ? 1 : (length - 16) / (SAMPLED_CHARS - 16);
      for (let at = 0; at < length; at += at < 8 || at >= length - 8 ? 1 : step) mix(value.charCodeAt(at));
    } else {
      // Instants in nanoseconds differ by thousands, which a double can tell apart.
      double[0] = Number(value);
      mix(words[0] ?? 0);
      mix(words[1] ?? 0);
    }
  }
  return (high >>> 6) * 0x4000000 + (low >>> 6);
}
