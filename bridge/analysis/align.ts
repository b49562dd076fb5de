/** How sequences without repetitions are ordered together, and how each lines up with that order. */
export interface Counted {
  readonly sequence: readonly number[];
  readonly tries: number;
}

/** Sequences by which the order is decided; the most frequent come first. */
const DECIDING_MAX = 20_000;

/**
 * Orders steps so that each stands before those that it precedes in most of the tries that have both: by how many it
 * precedes so. Medians of times would not do, because the tries that have one step are not those that have another.
 */
export function orderOf(steps: readonly number[], sequences: readonly Counted[]): number[] {
  const places = new Map(steps.map((step, place) => [step, place]));
  const size = steps.length;
  const before = new Float64Array(size * size);
  for (const { sequence, tries } of sequences.slice(0, DECIDING_MAX)) {
    const present = sequence.flatMap((step) => places.get(step) ?? []);
    present.forEach((a, k) => {
      for (let next = k + 1; next < present.length; next += 1) {
        const at = a * size + (present[next] ?? 0);
        before[at] = (before[at] ?? 0) + tries;
      }
    });
  }
  const wins = steps.map((_, a) => {
    let won = 0;
    for (let b = 0; b < size; b += 1) if ((before[a * size + b] ?? 0) > (before[b * size + a] ?? 0)) won += 1;
    return won;
  });
  return [...steps.keys()].sort((a, b) => (wins[b] ?? 0) - (wins[a] ?? 0) || a - b).map((place) => steps[place] ?? 0);
}

/**
 * For each common step, in how many tries it is part of the longest common subsequence with the common sequence. No step
 * stands twice in either, so that is the longest rising run of places: O(n log n) a signature.
 */
export function align(common: readonly number[], signatures: readonly Counted[]): Map<number, number> {
  const places = new Map(common.map((step, place) => [step, place]));
  const inOrder = new Map<number, number>();
  for (const { sequence, tries } of signatures) {
    const present = sequence.filter((step) => places.has(step));
    for (const index of longestRise(present.map((step) => places.get(step) ?? 0))) {
      const step = present[index] ?? 0;
      inOrder.set(step, (inOrder.get(step) ?? 0) + tries);
    }
  }
  return inOrder;
} // prettier-ignore

/** Indexes of a longest strictly rising subsequence. */
export function longestRise(values: readonly number[]): number[] {
  const ends: number[] = []; // ends[n]: index of the least value that ends a rise of n + 1.
  const before: number[] = [];
  values.forEach((value, index) => {
    let low = 0;
    let high = ends.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((values[ends[middle] ?? 0] ?? 0) < value) low = middle + 1;
      else high = middle;
    }
    before[index] = low === 0 ? -1 : (ends[low - 1] ?? -1);
    ends[low] = index;
  });
  const rise: number[] = [];
  for (let index = ends.at(-1) ?? -1; index >= 0; index = before[index] ?? -1) rise.push(index);
  return rise.reverse();
}
