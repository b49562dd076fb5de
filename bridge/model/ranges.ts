/**
 * A set of whole numbers kept as ranges: what is remembered of closed tasks. Tasks end nearly in the order in which
 * they were numbered, so a million closed tasks are a handful of ranges.
 */
export class Ranges {
  readonly #starts: number[] = [];
  readonly #ends: number[] = [];
  #size = 0;

  get size(): number {
    return this.#size;
  }

  has(value: number): boolean {
    const index = this.#indexOf(value);
    return index >= 0 && value <= (this.#ends[index] ?? -1);
  }

  add(value: number): void {
    const index = this.#indexOf(value);
    const end = this.#ends[index];
    if (end !== undefined && value <= end) return;
    this.#size += 1;
    const joinsLeft = end === value - 1;
    const joinsRight = this.#starts[index + 1] === value + 1;
    if (joinsLeft && joinsRight) {
      this.#ends[index] = this.#ends[index + 1] ?? value;
      this.#starts.splice(index + 1, 1);
      this.#ends.splice(index + 1, 1);
    } else if (joinsLeft) {
      this.#ends[index] = value;
    } else if (joinsRight) {
      this.#starts[index + 1] = value;
    } else {
      this.#starts.splice(index + 1, 0, value);
      this.#ends.splice(index + 1, 0, value);
    }
  }

  /** Index of the last range that starts at or before `value`, -1 if there is none. */
  #indexOf(value: number): number {
    let low = 0;
    let high = this.#starts.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#starts[middle] ?? 0) <= value) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
}
