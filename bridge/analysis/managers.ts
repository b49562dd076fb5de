/**
 * How long a manager's workers were there, and how it left. Monitoring tells one thing of an ordinary end and of a loss: that it is
 * active no more. What tells them apart is its block: Parsl holds the managers of a block just before it scales the block in,
 * and a manager that drains ends by itself; one that leaves a block that goes on, or goes with a block that failed, is lost.
 */
import type { BlockRow, ManagerRow, RunRow } from '../core/row.ts';

export type ManagerState = 'active' | 'draining' | 'gone' | 'lost';

/** What tells how managers left. */
export interface Surroundings {
  readonly run: Pick<RunRow, 'completed'>;
  readonly blocks: readonly BlockRow[];
  /** Managers that failed tries name: `ManagerLost(b'8f8ba7000809', 'node-17')`. */
  readonly named: ReadonlySet<string>;
  /** The last word of any task on a manager. */
  readonly lastUse: ReadonlyMap<string, number>;
  /** Until when what has not ended lasted. */
  readonly end: number;
}

/** A block that is scaled in ends at most so long after its managers are held. */
const HELD_US = 30e6;
const badEnds = new Set(['FAILED', 'MISSING', 'TIMEOUT']);

export function managerState(manager: ManagerRow, { run, blocks, named }: Surroundings): ManagerState {
  const { left, active, draining } = manager;
  if (named.has(manager.manager)) return 'lost';
  if (left === null) return run.completed !== null || !active ? 'gone' : draining ? 'draining' : 'active';
  const block = blockOf(manager, blocks);
  if (block !== undefined && badEnds.has(block.state)) return 'lost';
  const ends = [block?.ended, run.completed].filter((at) => at != null);
  return draining || ends.some((at) => at <= left + HELD_US) ? 'gone' : 'lost';
}

/** When its workers were there no more; a manager on which a task still ran was there. */
export function managerEnd(manager: ManagerRow, { blocks, lastUse, end }: Surroundings): number {
  const { left, active, last_seen } = manager;
  if (left !== null) return left;
  const last = Math.max(last_seen, lastUse.get(manager.manager) ?? last_seen);
  return Math.max(last, active ? Math.min(end, blockOf(manager, blocks)?.ended ?? end) : last);
}

function blockOf({ executor, block }: ManagerRow, blocks: readonly BlockRow[]): BlockRow | undefined {
  return blocks.find((each) => each.block === block && each.executor === (executor ?? each.executor));
}

/** The managers that the error texts of failed tries name as lost. */
export function lostManagers(failHistories: Iterable<string>): Set<string> {
  const named = new Set<string>();
  for (const history of failHistories)
    for (const [, manager] of history.matchAll(/ManagerLost\(b'([0-9a-f]{12})'/g)) if (manager !== undefined) named.add(manager);
  return named;
} // prettier-ignore
