/**
 * Which zone a run's naive clocks are in (DESIGN.md §10): what the plugin says, else the configuration, else what log
 * lines and messages about the same states tell, else what arrival times do, else this machine's.
 */
import type { Zone } from '../core/time.ts';
import { fixedZone, machineZone, namedZone, zoneFromDelay } from '../core/time.ts';
import type { Earliest, Times } from './facts.ts';
import { isTold } from './facts.ts';
import type { Run } from './entities.ts';

/** The best that is known now. */
export function currentZone(run: Run, configured: Zone | undefined): Zone {
  if (run.zone !== undefined) return run.zone;
  const told = run.timeZone.value === undefined ? undefined : namedZone(run.timeZone.value, 'plugin');
  if (told !== undefined) return told;
  if (run.utcOffset.value !== undefined) return fixedZone(run.utcOffset.value * 1e6, 'plugin');
  if (run.loggedOffset.value !== undefined) return fixedZone(run.loggedOffset.value * 1e6, 'logs');
  if (configured !== undefined) return configured;
  if (Number.isFinite(run.logsDelay)) return zoneFromDelay(run.logsDelay, 'logs');
  const delay = Number.isFinite(run.submitDelay) ? run.submitDelay : run.anyDelay;
  return Number.isFinite(delay) ? zoneFromDelay(delay, 'arrival') : machineZone();
}

/** Settles the zone for good, with the first span or log that leaves. */
export function settleZone(run: Run, configured: Zone | undefined): Zone {
  return (run.zone ??= currentZone(run, configured));
}

/** Closed runs whose zone is remembered. */
const CLOSED_MAX = 1_000;

/** The zones of runs that have closed: lines of their logs may come later. */
export class ClosedZones {
  readonly #zones = new Map<string, Zone>();

  remember(run: string, zone: Zone): void {
    for (const oldest of this.#zones.keys()) {
      if (this.#zones.size < CLOSED_MAX) break;
      this.#zones.delete(oldest);
    }
    this.#zones.set(run, zone);
  }

  of(run: string, configured: Zone | undefined): Zone {
    return this.#zones.get(run) ?? configured ?? machineZone();
  }
}

/** A time as an instant, in microseconds: what messages told, else what log lines did; undefined if nobody did. */
export function instantOf(time: Earliest, zone: Zone): number | undefined {
  return combine(isTold(time) ? time : (time.logged ?? time), zone, Math.min);
}

/** The later of both clocks. */
export function lastInstantOf(time: Times, zone: Zone): number | undefined {
  return combine(time, zone, Math.max);
}

function combine({ local, instant }: Times, zone: Zone, choose: (a: number, b: number) => number): number | undefined {
  if (Number.isNaN(local)) return Number.isNaN(instant) ? undefined : instant;
  const fromLocal = local - zone.offset(local);
  return Number.isNaN(instant) ? fromLocal : choose(fromLocal, instant);
}

export function stateInstant({ at, local }: { at: number; local: boolean }, zone: Zone): number {
  return local ? at - zone.offset(at) : at;
}
