/**
 * What closed tries told of their executors and blocks: tries leave the model when they close, this stays. Sizes are
 * those of the run's lists of executors and blocks.
 */
import type { Zone } from '../core/time.ts';
import type { Try } from '../model/entities.ts';
import { isKnown } from '../model/facts.ts';
import { tryState } from '../model/resolve.ts';
import { isFailure } from '../model/states.ts';
import { instantOf } from '../model/zone.ts';
import { UNKNOWN_EXECUTOR } from './workers.ts';

export class Told {
  /** Seconds that closed tries spent on workers, by executor. */
  readonly busySeconds = new Map<string, number>();
  /** When the last try of a block ended, microseconds; by blockKey(). */
  readonly lastUse = new Map<string, number>();
  /** Executors with a try that ran nobody knows where: Parsl's HTEX alone names blocks, the thread executor has none. */
  readonly placeless = new Set<string>();
  /** Seconds by which clocks of workers and of the submit side differ at least, by executor. */
  readonly skew = new Map<string, number>();
  readonly #starts = new Set<string>();
  readonly #returnsAlone = new Set<string>();

  /** `end`: of the try, microseconds. */
  tryClosed(attempted: Try, end: number, zone: Zone): void {
    const label = executorOf(attempted);
    const running = instantOf(attempted.running, zone);
    if (running === undefined) {
      if (isKnown(attempted.returned)) this.#returnsAlone.add(label);
      return;
    }
    this.#starts.add(label);
    const ended = instantOf(attempted.ended, zone) ?? end;
    this.busySeconds.set(label, (this.busySeconds.get(label) ?? 0) + Math.max(0, ended - running) / 1e6);
    const block = attempted.block.value;
    if (block === undefined) this.placeless.add(label);
    else raise(this.lastUse, blockKey(label, block), ended);
    raise(this.skew, label, clockSkew(attempted, zone) / 1e6);
  }

  /**
   * True if the executor's tries come back without any word of a worker (`resource_monitoring_enabled=False`): what
   * waits and what runs cannot be told apart.
   */
  isMute(executor: string): boolean {
    return this.#returnsAlone.has(executor) && !this.#starts.has(executor);
  }
}

export function executorOf({ executor, task }: Try): string {
  return executor.value ?? task.fields.executor.value ?? UNKNOWN_EXECUTOR;
}

export function blockKey(executor: string, block: string): string {
  return `${executor}/${block}`;
}

/**
 * Microseconds by which a worker's clock and the submit side's differ at least: no worker can start a try before it
 * was launched, or end it after its result came back. The end of a try that failed tells nothing: Parsl gives a try up
 * when its manager is lost, and the worker may go on with it.
 */
function clockSkew(attempted: Try, zone: Zone): number {
  const early = (instantOf(attempted.launched, zone) ?? -Infinity) - (instantOf(attempted.running, zone) ?? Infinity);
  if (isFailure(tryState(attempted) ?? '')) return Math.max(0, early);
  const late = (instantOf(attempted.ended, zone) ?? -Infinity) - (instantOf(attempted.returned, zone) ?? Infinity);
  return Math.max(0, early, late);
}

function raise(map: Map<string, number>, key: string, value: number): void {
  map.set(key, Math.max(map.get(key) ?? value, value));
}
