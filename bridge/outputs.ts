/**
 * Exporters behind their wrappers: each has its own bounded queue and its own retries, so that a slow or dead one
 * never slows a receiver or another exporter (DESIGN.md §4.4), and its own checkpoint in the journal, so that a
 * restart goes on where it stopped.
 */
import { setTimeout as sleep } from 'node:timers/promises';

import type { ConfiguredExporter } from './config.ts';
import type { ExportBatch, Exporter, ExporterContext, ExportKind } from './core/component.ts';
import type { Queued } from './core/queue.ts';
import { queued } from './core/queue.ts';
import { retrying } from './core/retry.ts';

export interface Output {
  readonly id: string;
  readonly exporter: Exporter;
  readonly queue: Queued;
}

const STUCK_MS = 2_000;

export class Outputs {
  readonly outputs: readonly Output[];
  readonly #wants: readonly ReadonlySet<ExportKind>[];
  /** By exporter, the entry up to which everything is delivered, as far as the journal was told. */
  #delivered = new Map<string, number>();
  readonly #stuck = new Set<Queued>();
  #lastSeq = 0;

  constructor(exporters: readonly ConfiguredExporter[], contextOf: (id: string) => ExporterContext) {
    this.outputs = exporters.map(({ id, spec, config, wrappers }) => {
      const context = contextOf(id);
      const exporter = spec.create(config, context);
      return {
        id,
        exporter,
        queue: queued(retrying(exporter, context, wrappers.retry_on_failure), context, wrappers.sending_queue),
      };
    });
    this.#wants = exporters.map(({ spec }) => new Set(spec.wants));
  }

  get exporters(): readonly Exporter[] {
    return this.outputs.map(({ exporter }) => exporter);
  }

  /** What each exporter has delivered already, by id: what a replay gives rise to again is not offered again. */
  resume(checkpoints: ReadonlyMap<string, number>): void {
    this.#delivered = new Map(checkpoints);
  }

  async start(): Promise<void> {
    for (const { queue } of this.outputs) await queue.start();
  }

  /** True if any exporter wants this kind. */
  wants(kind: ExportKind): boolean {
    return this.#wants.some((wanted) => wanted.has(kind));
  }

  /** Hands on what journal entry `seq` gave rise to. Never waits. */
  offer(seq: number, batch: ExportBatch): void {
    this.#lastSeq = Math.max(this.#lastSeq, seq);
    for (const [index, { id, queue }] of this.outputs.entries())
      if (seq > this.#deliveredBy(id)) queue.offer(seq, only(batch, this.#wants[index]));
  }

  /** Hands on metrics, which belong to no entry. */
  offerMetrics(metrics: ExportBatch['metrics']): void {
    const batch = { records: [], spans: [], logs: [], metrics };
    for (const [index, { queue }] of this.outputs.entries())
      queue.offer(this.#lastSeq, only(batch, this.#wants[index]));
  }

  /**
   * Resolves when every queue is less than half full: a replay is faster than any backend. A queue that does not move
   * is not waited for again, else a dead backend would keep the bridge from starting.
   */
  async room(): Promise<void> {
    for (const { queue } of this.outputs) {
      if (this.#stuck.has(queue)) continue;
      const hasRoom = await Promise.race([queue.room().then(() => true), sleep(STUCK_MS, false)]);
      if (!hasRoom) this.#stuck.add(queue);
    }
  }

  /** Checkpoints that moved since the last call. */
  takeProgress(): Map<string, number> {
    const moved = new Map<string, number>();
    for (const { id, queue } of this.outputs) {
      const seq = queue.size() === 0 ? this.#lastSeq : (queue.acknowledged() ?? 0);
      if (seq <= this.#deliveredBy(id)) continue;
      this.#delivered.set(id, seq);
      moved.set(id, seq);
    }
    return moved;
  }

  /** The entry up to which every exporter has delivered. */
  delivered(): number {
    return Math.min(...this.outputs.map(({ id }) => this.#deliveredBy(id)), this.#lastSeq);
  }

  #deliveredBy(id: string): number {
    return this.#delivered.get(id) ?? 0;
  }

  /** Delivers what waits, as far as it gets by the deadline. */
  async stop(deadlineMs: number): Promise<void> {
    await Promise.all(this.outputs.map(({ queue }) => queue.stop(deadlineMs)));
  }
}

function only(batch: ExportBatch, wanted: ReadonlySet<ExportKind> = new Set()): ExportBatch {
  return {
    records: wanted.has('records') ? batch.records : [],
    spans: wanted.has('spans') ? batch.spans : [],
    logs: wanted.has('logs') ? batch.logs : [],
    metrics: wanted.has('metrics') ? batch.metrics : [],
    frames: (wanted.has('frames') ? batch.frames : undefined) ?? [],
  };
}
