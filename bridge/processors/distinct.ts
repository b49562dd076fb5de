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
  const met = new Met(recordsMax);
  return () => {
    if (accepts?.() === false) return true;
    const identity = identityOf(slots, draft);
    if (identity === undefined) return true;
    const place = across.length === 0 ? NOWHERE : (places.find(() => places.size + 1) ?? NOWHERE);
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

/** Which records were met, and where: a table of fixed size, because a map of as many numbers is slow to collect. */
class Met {
  readonly #identities: Float64Array;
  readonly #places: Uint32Array;
  readonly #mask: number;

  constructor(max: number) {
    const buckets = 2 ** Math.ceil(Math.log2(Math.max(max, WAYS) / WAYS));
    this.#mask = buckets - 1;
    this.#identities = new Float64Array(buckets * WAYS);
    this.#places = new Uint32Array(buckets * WAYS);
  }

  /** The place where the record was met; undefined: not yet, and now it is at `place`. */
  place(identity: number, place: number): number | undefined {
    const identities = this.#identities;
    const places = this.#places;
    // Of a number of 52 bits this takes the lowest.
    const start = (identity & this.#mask) * WAYS;
    for (let at = start; at < start + WAYS; at += 1) if (identities[at] === identity) return places[at];
    for (let at = start + WAYS - 1; at > start; at -= 1) {
      identities[at] = identities[at - 1] ?? 0;
      places[at] = places[at - 1] ?? 0;
    }
    identities[start] = identity;
    places[start] = place;
    return undefined;
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
