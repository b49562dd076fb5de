/**
 * What holds a slice of a run up. Where workers are busy, they are the limit. Where some are idle, what keeps them idle is: tasks
 * that are at their managers, or with the executor and do not reach them (interchange), that the submit side has not handed
 * over, whose results it has not taken, or that wait for other tasks; each counts for as many idle workers as it has tasks, and
 * of equals the nearest to the workers is named.
 */
export const limits = ['workers', 'blocks', 'managers', 'interchange', 'queue', 'submit', 'dependencies', 'results', 'executor', 'tail', 'idle'] as const; // prettier-ignore
export type Limit = (typeof limits)[number];

/** Mean numbers in one slice or period. */
export interface Load {
  /** Tasks that wait, by what they wait for. */
  readonly dependencies: number;
  readonly submit: number;
  readonly queued: number;
  readonly running: number;
  readonly returning: number;
  /** Of the queued: with executors that have workers; that have none; that do not tell. */
  readonly with_workers: number;
  readonly without_workers: number;
  readonly untold: number;
  /** Of the queued, by the logs: on the way to the interchange, in its queue, at a manager. null where no log tells. */
  readonly to_interchange: number | null;
  readonly in_interchange: number | null;
  readonly at_managers: number | null;
  /** null where no manager tells how many it has. */
  readonly workers: number | null;
  readonly busy: number;
  readonly idle: number;
  /** Busy workers of executors that have no idle ones while tasks wait for them. */
  readonly saturated: number;
  readonly blocks_pending: number;
  readonly completed: number;
}

/**
 * Workers are the limit from this share on: what keeps a worker for the rest of the time is mostly the way between two
 * tasks, and more workers would walk it side by side.
 */
export const BUSY = 0.75;
/** Fewer waiting tasks than this, on average, are none. */
export const FEW = 0.05;

/** What holds up a slice. */
export function limitOf(load: Load, hasManagers = true): Limit {
  const { workers, busy, idle, running } = load;
  if (workers !== null && workers >= FEW && busy >= BUSY * workers) return 'workers';
  if (workers !== null && workers < FEW && load.without_workers >= FEW) return 'blocks';
  // Where nobody tells of workers, a task counts for itself.
  const explains = (tasks: number): number => (workers === null || workers < FEW ? tasks : Math.min(tasks, idle));
  const atManagers = load.at_managers ?? 0;
  const isLate = (load.to_interchange ?? 0) > (load.in_interchange ?? 0) + atManagers;
  const causes: readonly [Limit, number][] = [
    // Of several executors one may be full while others are idle.
    ['workers', load.saturated],
    ['blocks', load.without_workers],
    [
      hasManagers ? 'managers' : 'queue',
      2 * atManagers >= idle ? explains(Math.min(atManagers, load.with_workers)) : 0,
    ],
    [isLate ? 'submit' : hasManagers ? 'interchange' : 'queue', explains(load.with_workers - atManagers)],
    ['executor', load.untold],
    ['submit', explains(load.submit)],
    ['results', explains(load.returning)],
    ['dependencies', explains(load.dependencies)],
  ];
  const [limit, most] = causes.reduce((best, each) => (each[1] > best[1] ? each : best));
  if (most >= FEW) return limit;
  return running >= FEW ? 'tail' : 'idle';
}
