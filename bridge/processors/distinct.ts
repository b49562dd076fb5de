/**
 * Twins: the same record written twice, such as in `worker_0.log` and `worker_0.jsonlog`, counts once. The first one
 * met is kept. About the newest `recordsMax` are remembered, by a hash of what makes them one.
 */
import type { Draft } from './draft.ts';
import { Keyed } from './keyed.ts';
import type { DistinctSpec } from './schema.ts';
import { canonicalKey, predicateOf } from './where.ts';

/** False: the record that the draft is at is another one's twin, and goes no further. */
export type Distinct = () => boolean;

export function createDistinct(spec: DistinctSpec, draft: Draft, recordsMax: number): Distinct {
  const accepts = predicateOf(spec, draft);
  const slots = draft.slotsOf(spec.keys.map(canonicalKey));
  const clear = draft.slotsOf(spec.clear.map(canonicalKey));
  const across = spec.across.map(canonicalKey);
  const places = new Keyed<number>(across, draft);
  let placed = NOWHERE;
  const nextPlace = (): number => (placed += 1);
  const met = new Met(recordsMax);
  return () => {
    if (accepts?.() === false) return true;
    const identity = identityOf(slots, draft);
    if (identity === undefined) return true;
    const place = across.length === 0 ? NOWHERE : (places.find(nextPlace) ?? NOWHERE);
    if (places.size > recordsMax) places.forgetOldest();
    const earlier = met.place(identity, place);
    if (earlier === undefined || (across.length > 0 && earlier === place)) return true;
    if (clear.length === 0) return false;
    for (const slot of clear) draft.remove(slot);
    return true;
  };
}

/** The number of a place that the record does not say. */
const NOWHERE = 0;

/** Places in the table that share a bucket; the oldest of them gives way. */
const WAYS = 4;
const BUCKETS_MIN = 2 ** 12;
/** Of so many places one is taken before the table doubles: were it half of them, one bucket in twenty would overflow. */
const SPARSE = 8;

/** Which records were met, and where: a table, because a map of as many numbers is slow to collect. It doubles up to `max`. */
class Met {
  #identities = new Float64Array(BUCKETS_MIN * WAYS);
  #places = new Uint32Array(BUCKETS_MIN * WAYS);
  #buckets = BUCKETS_MIN;
  #added = 0;
  readonly #max: number;

  constructor(max: number) {
    this.#max = max;
  }

  /** The place where the record was met; undefined: not yet, and now it is at `place`. */
  place(identity: number, place: number): number | undefined {
    const start = this.#bucketOf(identity);
    for (let at = start; at < start + WAYS; at += 1) if (this.#identities[at] === identity) return this.#places[at];
    this.#put(start, identity, place);
    this.#added += 1;
    if (this.#added * SPARSE > this.#identities.length && this.#identities.length < this.#max) this.#double();
    return undefined;
  }

  /** Of a number of 52 bits the mask takes the lowest. */
  #bucketOf(identity: number): number {
    return (identity & (this.#buckets - 1)) * WAYS;
  }

  #put(start: number, identity: number, place: number): void {
    const identities = this.#identities;
    const places = this.#places;
    for (let at = start + WAYS - 1; at > start; at -= 1) {
      identities[at] = identities[at - 1] ?? 0;
      places[at] = places[at - 1] ?? 0;
    }
    identities[start] = identity;
    places[start] = place;
  }

  #double(): void {
    const identities = this.#identities;
    const places = this.#places;
    this.#buckets *= 2;
    this.#identities = new Float64Array(this.#buckets * WAYS);
    this.#places = new Uint32Array(this.#buckets * WAYS);
    // From the oldest of each bucket on, as put() takes the newest last.
    for (let at = identities.length - 1; at >= 0; at -= 1) {
      const identity = identities[at] ?? 0;
      if (identity !== 0) this.#put(this.#bucketOf(identity), identity, places[at] ?? 0);
    }
  }
}

const double = new Float64Array(1);
const words = new Uint32Array(double.buffer);
/** Characters of a long text that are looked at: of its beginning, its end, and between. */
const SAMPLED_CHARS = 8;

/** Of the record that the draft is at: 52 bits of two hashes over all keys; undefined if it lacks one. */
function identityOf(slots: readonly number[], draft: Draft): number | undefined {
  let high = 0x811c9dc5 | 0;
  let low = 0x9747b28c | 0;
  for (let at = 0; at < slots.length; at += 1) {
    const value = draft.get(slots[at] ?? 0);
    if (value === undefined) return undefined;
    if (typeof value === 'string') {
      const { length } = value;
      high = Math.imul(high ^ length, PRIME);
      const step = Math.max(1, Math.floor(length / SAMPLED_CHARS) - 2);
      for (let char = 0; char < length;) {
        low = Math.imul(low ^ value.charCodeAt(char) ^ (high >>> 15), MIX);
        high = Math.imul(high ^ low, PRIME);
        char += char < SAMPLED_CHARS || char >= length - SAMPLED_CHARS ? 1 : step;
      }
    } else {
      // Instants in nanoseconds differ by thousands, which a double can tell apart.
      double[0] = Number(value);
      high = Math.imul(high ^ (words[0] ?? 0), PRIME);
      low = Math.imul(low ^ (words[1] ?? 0) ^ (high >>> 15), MIX);
    }
  }
  high = Math.imul(high ^ (low >>> 13), PRIME);
  low = Math.imul(low ^ (high >>> 15), MIX);
  return (high >>> 6) * 0x4000000 + (low >>> 6);
}

const PRIME = 0x01000193;
const MIX = 0x5bd1e995;
