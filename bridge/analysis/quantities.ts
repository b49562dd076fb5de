/** Many numbers of one kind: their quantiles, exact, and their histogram over bins that several kinds share. */
export interface Spread {
  readonly median: number;
  readonly p95: number;
}

export class Quantities {
  #values = new Float64Array(16);
  #length = 0;
  #isSorted = true;
  sum = 0;

  add(value: number): void {
    if (this.#length === this.#values.length) {
      const grown = new Float64Array(2 * this.#length);
      grown.set(this.#values);
      this.#values = grown;
    }
    this.#values[this.#length] = value;
    this.#length += 1;
    this.#isSorted = false;
    this.sum += value;
  }

  get count(): number {
    return this.#length;
  }

  /** The smallest value that `part` of all do not exceed; 0 where there is none. */
  quantile(part: number): number {
    const sorted = this.#sorted();
    return sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)] ?? 0;
  }

  spread(): Spread {
    return { median: this.quantile(0.5), p95: this.quantile(0.95) };
  }

  /** Least and greatest, or nothing. */
  range(): number[] {
    const sorted = this.#sorted();
    return sorted.length === 0 ? [] : [sorted[0] ?? 0, sorted.at(-1) ?? 0];
  }

  /** How many values lie in each bin; `edges` are the lower ones. */
  histogram(edges: readonly number[]): number[] {
    const counts = edges.map(() => 0);
    let bin = 0;
    for (const value of this.#sorted()) {
      while (bin + 1 < edges.length && value >= (edges[bin + 1] ?? Infinity)) bin += 1;
      counts[bin] = (counts[bin] ?? 0) + 1;
    }
    return counts;
  }

  #sorted(): Float64Array {
    const values = this.#values.subarray(0, this.#length);
    if (!this.#isSorted) {
      values.sort();
      this.#isSorted = true;
    }
    return values;
  }
}

/** Lower edges 0, 1, 2, 5, 10, 20 … that hold all of `values`, with what is empty at both ends left out. */
export function histogramEdges(values: readonly number[]): number[] {
  const edges = [0];
  const most = values.reduce((a, b) => Math.max(a, b), 0);
  const least = values.reduce((a, b) => Math.min(a, b), Infinity);
  for (let power = 1; power <= most; power *= 10) edges.push(power, 2 * power, 5 * power);
  const used = edges.filter((edge) => edge <= most);
  const first = used.findLastIndex((edge) => edge <= least);
  return used.slice(Math.max(0, first));
}
