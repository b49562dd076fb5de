/**
 * When things close. All waits are of two lengths only, so two queues in order of arrival are enough, and the next
 * deadline is always at a head. The clock is the arrival time of journal entries, never this machine's.
 */
export class Deadlines<T> {
  readonly #wait: number;
  #due: number[] = [];
  #items: T[] = [];
  #head = 0;

  constructor(waitUs: number) {
    this.#wait = waitUs;
  }

  add(item: T, now: number): void {
    if (this.#wait === Infinity) return;
    this.#due.push(now + this.#wait);
    this.#items.push(item);
  }

  /** When the first one is due; Infinity if nothing waits. */
  get next(): number {
    return this.#due[this.#head] ?? Infinity;
  }

  /** The next item that is due by `now`, in the order in which they were added; undefined if none is. */
  take(now: number): T | undefined {
    const due = this.#due[this.#head];
    if (due === undefined || due > now) return undefined;
    const item = this.#items[this.#head];
    this.#head += 1;
    if (this.#head > 1024 && this.#head * 2 > this.#items.length) {
      this.#due = this.#due.slice(this.#head);
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return item;
  }
}
