/**
 * queued(exporter): a bounded first-in, first-out queue in front of one exporter, so that a slow or dead one never
 * slows anybody else (DESIGN.md §4.4).
 *
 * One batch is in flight at a time; what comes meanwhile is put together into bigger ones. A full queue drops its
 * oldest batch and counts it: the newest state of a run is worth more, and the journal still has the rest. A batch that
 * is larger than the whole queue is taken if nothing else waits. Batches come with the number of the journal entry that
 * gave rise to them; the queue tells up to which entry nothing is owed any more, which is what a restart resumes from.
 * What stop() could not deliver in time is neither acknowledged nor counted: it comes again from the journal.
 */
import { setTimeout as sleepFor } from 'node:timers/promises';
import { z } from 'zod';

import { estimateBytes, itemsOf, merge } from './batch.ts';
import type { ExportBatch, Exporter, ExporterContext } from './component.ts';
import { BridgeError } from './errors.ts';
import { isRetryable } from './retry.ts';

/** The Collector's `sending_queue`. */
export const sendingQueue = z.strictObject({
  queue_items_max: z.int().min(1).default(100_000).describe('Spans, logs, data points and records that may wait.'),
  queue_bytes_max: z.int().min(1).default(268_435_456).describe('Memory they may take, estimated from a sample.'),
  batch_items_max: z.int().min(1).default(8_192).describe('Batches that wait are put together up to so many items.'),
});

export interface QueueOptions extends Partial<z.output<typeof sendingQueue>> {
  /** Resolves after `ms`, or as soon as `signal` fires. */
  readonly sleep?: (ms: number, signal: AbortSignal) => Promise<void>;
}

export interface Queued {
  readonly limit: number;
  start(): Promise<void>;
  /** Takes what journal entry `seq` gave rise to. Never waits. Entries come in order. */
  offer(seq: number, batch: ExportBatch): void;
  /** Everything up to this entry was delivered or given up; undefined as long as nothing was. */
  acknowledged(): number | undefined;
  /** Items that wait or are in flight. */
  size(): number;
  /** Resolves once the queue is less than half full, or stopped: for whoever can wait, as a replay can. */
  room(): Promise<void>;
  /** Delivers what waits, as far as it gets within `deadlineMs`, and stops the exporter. */
  stop(deadlineMs: number): Promise<void>;
}

interface Waiting {
  readonly seq: number;
  readonly batch: ExportBatch;
  readonly items: number;
  readonly bytes: number;
}

export function queued(
  exporter: Exporter,
  context: Pick<ExporterContext, 'count' | 'report' | 'log'>,
  { sleep = pause, ...limits }: QueueOptions = {},
): Queued {
  return new Queue(exporter, context, sendingQueue.parse(limits), sleep);
}

class Queue implements Queued {
  readonly limit: number;
  readonly #exporter: Exporter;
  readonly #context: Pick<ExporterContext, 'count' | 'report' | 'log'>;
  readonly #limits: z.output<typeof sendingQueue>;
  readonly #sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  readonly #waiting = new Fifo<Waiting>();
  #inFlight: Waiting[] = [];
  #items = 0;
  #bytes = 0;
  /** Highest entry of which some batch is done with. */
  #doneSeq: number | undefined;
  #acknowledged: number | undefined;
  #state: 'new' | 'started' | 'stopping' | 'stopped' = 'new';
  #isDraining = false;
  #draining: Promise<void> = Promise.resolve();
  #stop: Promise<void> | undefined;
  #roomWaiters: (() => void)[] = [];

  constructor(
    exporter: Exporter,
    context: Pick<ExporterContext, 'count' | 'report' | 'log'>,
    limits: z.output<typeof sendingQueue>,
    sleep: (ms: number, signal: AbortSignal) => Promise<void>,
  ) {
    this.#exporter = exporter;
    this.#context = context;
    this.#limits = limits;
    this.#sleep = sleep;
    this.limit = limits.queue_items_max;
  }

  async start(): Promise<void> {
    if (this.#state !== 'new') return;
    await this.#exporter.start();
    this.#state = this.#stop === undefined ? 'started' : 'stopped';
    this.#run();
  }

  offer(seq: number, batch: ExportBatch): void {
    const items = itemsOf(batch);
    if (items === 0) return;
    const offered = { seq, batch, items, bytes: estimateBytes(batch) };
    this.#waiting.push(offered);
    this.#items += items;
    this.#bytes += offered.bytes;
    this.#dropOldest();
    this.#run();
  }

  acknowledged(): number | undefined {
    return this.#acknowledged;
  }

  size(): number {
    return this.#items;
  }

  room(): Promise<void> {
    if (this.#hasRoom()) return Promise.resolve();
    return new Promise((resolve) => this.#roomWaiters.push(resolve));
  }

  stop(deadlineMs: number): Promise<void> {
    return (this.#stop ??= this.#stopBy(deadlineMs));
  }

  async #stopBy(deadlineMs: number): Promise<void> {
    if (this.#state === 'started') {
      this.#state = 'stopping';
      const done = new AbortController();
      await Promise.race([this.#draining, this.#sleep(deadlineMs, done.signal)]);
      done.abort();
    }
    this.#state = 'stopped';
    await this.#exporter.stop();
    await this.#draining;
    this.#tellRoom();
    if (this.#items > 0)
      this.#context.log.warn({ items: this.#items }, 'Undelivered items are left to the next start.');
  }

  #dropOldest(): void {
    const { queue_items_max, queue_bytes_max } = this.#limits;
    let dropped = 0;
    while (this.#waiting.length > 1 && (this.#items > queue_items_max || this.#bytes > queue_bytes_max)) {
      const oldest = this.#waiting.shift();
      if (oldest === undefined) break;
      dropped += oldest.items;
      this.#done([oldest]);
    }
    if (dropped === 0) return;
    this.#context.count('dropped', dropped, 'queue_full');
    const message = `queue for export: full, the oldest ${dropped} items are dropped`;
    this.#context.report(new BridgeError('BRIDGE_REJECTED', message, { reason: 'queue_full' }));
  }

  #run(): void {
    if (this.#isDraining || this.#state === 'new' || this.#state === 'stopped') return;
    this.#isDraining = true;
    this.#draining = this.#drain();
  }

  async #drain(): Promise<void> {
    await Promise.resolve(); // Whoever offers several batches in one step gets them put together.
    while (this.#state !== 'stopped' && this.#waiting.length > 0) {
      this.#inFlight = this.#take();
      if (!(await this.#deliver(this.#inFlight))) break;
      this.#done(this.#inFlight.splice(0));
    }
    this.#isDraining = false; // In the same step as the last look at what waits: an offer after it starts again.
  }

  /** False if the batch could not be delivered but is not given up either. */
  async #deliver(taken: readonly Waiting[]): Promise<boolean> {
    try {
      await this.#exporter.export(merge(taken.map(({ batch }) => batch)));
    } catch (error) {
      if (isRetryable(error) && this.#state === 'stopped') return false;
      const problem = BridgeError.from(error, 'BRIDGE_REJECTED', 'export a batch');
      const items = taken.reduce((sum, waiting) => sum + waiting.items, 0);
      this.#context.count('dropped', problem.items ?? items, problem.reason ?? 'rejected');
      this.#context.report(problem);
    }
    return true;
  }

  #take(): Waiting[] {
    const taken: Waiting[] = [];
    let items = 0;
    for (let next = this.#waiting.first(); next !== undefined; next = this.#waiting.first()) {
      if (items > 0 && items + next.items > this.#limits.batch_items_max) break;
      items += next.items;
      taken.push(next);
      this.#waiting.shift();
    }
    return taken;
  }

  #done(batches: readonly Waiting[]): void {
    for (const { seq, items, bytes } of batches) {
      this.#items -= items;
      this.#bytes -= bytes;
      this.#doneSeq = Math.max(this.#doneSeq ?? seq, seq);
    }
    // An entry may have given rise to several batches: it is acknowledged with the last of them.
    const owed = (this.#inFlight[0] ?? this.#waiting.first())?.seq;
    const seq = owed === undefined ? this.#doneSeq : Math.min(this.#doneSeq ?? owed, owed - 1);
    if (seq !== undefined) this.#acknowledged = Math.max(this.#acknowledged ?? seq, seq);
    if (this.#hasRoom()) this.#tellRoom();
  }

  #hasRoom(): boolean {
    const { queue_items_max, queue_bytes_max } = this.#limits;
    return this.#state === 'stopped' || (this.#items * 2 <= queue_items_max && this.#bytes * 2 <= queue_bytes_max);
  }

  #tellRoom(): void {
    for (const resolve of this.#roomWaiters.splice(0)) resolve();
  }
}

/** First in, first out, without the cost of Array.shift on long arrays. */
class Fifo<T> {
  #items: (T | undefined)[] = [];
  #head = 0;

  get length(): number {
    return this.#items.length - this.#head;
  }

  first(): T | undefined {
    return this.#items[this.#head];
  }

  push(item: T): void {
    this.#items.push(item);
  }

  shift(): T | undefined {
    const item = this.#items[this.#head];
    if (item === undefined) return undefined;
    this.#items[this.#head] = undefined; // Or what was sent would stay in memory until the next clearing.
    this.#head += 1;
    if (this.#head >= 1_024 && this.#head * 2 >= this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return item;
  }
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleepFor(ms, undefined, { signal }).catch(() => {}); // Everything was delivered before the deadline.
}
