/** How sequences without repetitions line up with a common one. */
/**
 * For each common step, in how many tries it is part of the longest common subsequence with the common sequence. No step
 * stands twice in either, so that is the longest rising run of places: O(n log n) a signature.
 */
export function align(common: readonly number[], signatures: readonly { sequence: readonly number[]; tries: number }[]): Map<number, number> {
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
