/**
 * Blocks: how many are in each state, and those that deserve a look, each with its batch job: that hold workers and run
 * nothing, or have failed. A series a block only where something is odd, so that a run with thousands of blocks does
 * not have thousands of series (DESIGN.md §7).
 */
import type { Zone } from '../core/time.ts';
import type { Block, Manager, Run } from '../model/entities.ts';
import { isKnown, shownStates } from '../model/facts.ts';
import { executorOfManager } from '../model/resolve.ts';
import { blockStates, isBlockEnd } from '../model/states.ts';
import { instantOf, stateInstant } from '../model/zone.ts';
import type { Row } from './points.ts';
import { SERIES_MAX } from './series.ts';
import type { Told } from './told.ts';
import { blockKey, executorOf } from './told.ts';

/** Failed blocks that are shown, an executor, and for how long. */
const FAILED_SHOWN = 5;
const FAILED_SHOWN_US = 3600e6;

export function countBlocks(run: Run): Row[] {
  const blocks = [...run.blocks.values()];
  return executorsOf(run).flatMap((label) =>
    blockStates.map((state): Row => {
      const count = blocks.filter((block) => block.executor === label && block.state.value === state).length;
      return [[label, state], count];
    }),
  );
}

export interface IdleBlocks {
  /** Seconds since its last try ended, or since it began to run. */
  readonly idle: readonly Row[];
  readonly workers: readonly Row[];
}

/** Running blocks on which no try runs, those that have been so for longest; `isOver`: the run has ended. */
export function idleBlocks(run: Run, told: Told, zone: Zone, now: number, isOver: boolean): IdleBlocks {
  if (isOver) return { idle: [], workers: [] };
  const open = openUse(run, zone);
  const managers = liveManagers(run);
  const found = [...run.blocks.values()].flatMap((block) => {
    const key = blockKey(block.executor, block.id);
    const near = managers.get(block.id) ?? [];
    const own = near.filter((manager) => executorOfManager(manager) === block.executor);
    if (!isUp(block, own) || told.placeless.has(block.executor) || open.placeless.has(block.executor)) return [];
    if (open.busy.has(key) || near.some(({ held }) => (held.value ?? 0) > 0)) return [];
    const lastUse = Math.max(told.lastUse.get(key) ?? -Infinity, open.lastUse.get(key) ?? -Infinity);
    const isUsed = lastUse > -Infinity;
    const labels = [block.executor, block.id, block.job.value ?? '', isUsed ? 'used' : 'unused'];
    const seconds = Math.max(0, now - (isUsed ? lastUse : startOf(block, own, zone))) / 1e6;
    // Managers that may be of another executor’s block of this number tell nothing.
    const isTheirs = near.length === own.length;
    const workers = isTheirs ? own.reduce((sum, manager) => sum + (manager.workers.value ?? 0), 0) : undefined;
    return [{ labels, seconds, workers }];
  });
  const shown = found.sort((a, b) => b.seconds - a.seconds).slice(0, SERIES_MAX);
  return {
    idle: shown.map(({ labels, seconds }) => [labels, seconds]),
    workers: shown.flatMap(({ labels, workers }): Row[] => (workers === undefined ? [] : [[labels, workers]])),
  };
}

/** Seconds since each of the newest failed blocks failed; `isOver`: the run has ended. */
export function failedBlocks(run: Run, zone: Zone, now: number, isOver: boolean): Row[] {
  if (isOver) return [];
  return executorsOf(run).flatMap((label) =>
    [...run.blocks.values()]
      .filter(({ executor, state }) => executor === label && (state.value === 'FAILED' || state.value === 'MISSING'))
      .map((block) => ({ block, at: lastChange(block, zone) }))
      .filter(({ at }) => now - at <= FAILED_SHOWN_US)
      .sort((a, b) => b.at - a.at)
      .slice(0, FAILED_SHOWN)
      .map(({ block, at }): Row => {
        return [[label, block.id, block.job.value ?? '', block.state.value ?? ''], Math.max(0, now - at) / 1e6];
      }),
  );
}

export function executorsOf(run: Run): string[] {
  return [...new Set([...run.blocks.values()].map(({ executor }) => executor))].sort();
}

interface OpenUse {
  /** By blockKey(): when the last try of a block ended, and blocks that a try runs on now. */
  readonly lastUse: ReadonlyMap<string, number>;
  readonly busy: ReadonlySet<string>;
  readonly placeless: ReadonlySet<string>;
}

/** What Told says of closed tries, of the open ones. */
function openUse(run: Run, zone: Zone): OpenUse {
  const [lastUse, busy, placeless] = [new Map<string, number>(), new Set<string>(), new Set<string>()];
  for (const task of run.tasks.values()) {
    for (const attempted of task.tries) {
      if (attempted === undefined || !isKnown(attempted.running)) continue;
      const block = attempted.block.value;
      const key = blockKey(executorOf(attempted), block ?? '');
      const ended = instantOf(attempted.ended, zone) ?? instantOf(attempted.returned, zone);
      if (block === undefined) placeless.add(executorOf(attempted));
      else if (ended === undefined) busy.add(key);
      else lastUse.set(key, Math.max(lastUse.get(key) ?? 0, ended));
    }
  }
  return { lastUse, busy, placeless };
}

/** By number of their block: where two executors have one of a number, nothing tells whose its managers are. */
function liveManagers(run: Run): Map<string, Manager[]> {
  const live = [...run.managers.values()].filter(({ active, left }) => active.value !== false && !isKnown(left));
  return Map.groupBy(live, ({ block }) => block.value ?? '');
}

/** Parsl asks the batch system for states now and then; a manager of it that is there says the same earlier. */
function isUp({ state }: Block, managers: readonly Manager[]): boolean {
  return state.value === 'RUNNING' || (managers.length > 0 && !isBlockEnd(state.value ?? ''));
}

function startOf(block: Block, managers: readonly Manager[], zone: Zone): number {
  const running = shownStates(block.states).filter(({ state }) => state === 'RUNNING');
  const registered = managers.map((manager) => instantOf(manager.registered, zone) ?? Infinity);
  return Math.min(...running.map((fact) => stateInstant(fact, zone)), ...registered);
}

function lastChange(block: Block, zone: Zone): number {
  return Math.max(...shownStates(block.states).map((fact) => stateInstant(fact, zone)));
}
