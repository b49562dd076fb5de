/**
 * What each task's time was made of. Between the call and the result a task is in exactly one of these at a time; the
 * parts are cut so that they neither overlap nor become negative, because the clocks that tell them race:
 *
 *   dependencies   until the last task that it depends on was back
 *   submit         until the submit side handed it to an executor, and again between two tries
 *   queued         with the executor, not on a worker
 *   running        on a worker
 *   returning      done, but the submit side does not have the result yet
 *   joining        a join app: its function, which runs in the submit process, and the tasks that it started
 *
 * Instants and durations are microseconds. What goes on at the end of the window lasts until there.
 */
export const waitKinds = ['dependencies', 'submit', 'queued', 'running', 'returning', 'joining'] as const;
export type WaitKind = (typeof waitKinds)[number];

export interface TaskFacts {
  readonly task: number;
  readonly app: string | null;
  readonly state: string;
  readonly final: boolean;
  readonly invoked: number | null;
  readonly returned: number | null;
  /** When the last of the tasks that it depends on was back; null where it depends on none, or one is not back. */
  readonly ready: number | null;
  readonly dependencies: number;
  readonly joins: boolean;
}

export interface TryFacts {
  readonly task: number;
  readonly try: number;
  readonly executor: string | null;
  readonly launched: number | null;
  readonly running: number | null;
  readonly running_ended: number | null;
  readonly returned: number | null;
}

export interface Wait {
  readonly kind: WaitKind;
  readonly try: number | null;
  readonly executor: string | null;
  readonly from: number;
  readonly to: number;
}

/** What Parsl calls the executor of join apps: there is none. */
const INTERNAL = '_parsl_internal';

/** The parts of one task's time in order; `end` is until when what is not over lasted. */
export function waitsOf(task: TaskFacts, tries: readonly TryFacts[], end: number): Wait[] {
  const waits: Wait[] = [];
  const over = task.returned ?? (task.final ? (tries.at(-1)?.returned ?? task.invoked ?? end) : end);
  let now = task.invoked ?? tries[0]?.launched ?? tries[0]?.running ?? Infinity;
  const until = (kind: WaitKind, to: number | null, of?: TryFacts): void => {
    const stop = Math.min(to ?? over, over);
    if (!(stop > now)) return;
    waits.push({ kind, try: of?.try ?? null, executor: of?.executor ?? null, from: now, to: stop });
    now = stop;
  };
  const first = tries[0]?.launched ?? tries[0]?.running ?? null;
  if (task.dependencies > 0) until('dependencies', earlier(task.ready, first ?? over));
  tries.forEach((attempt, index) => {
    const { executor, launched, running, running_ended, returned } = attempt;
    until('submit', launched ?? running ?? running_ended ?? returned);
    if (executor === INTERNAL) {
      until('joining', index === tries.length - 1 ? over : returned, attempt);
    } else if (running === null && running_ended === null && returned !== null) {
      // Nobody told when it ran: it was with the executor, no more is known.
      until('queued', returned, attempt);
    } else {
      until('queued', running ?? running_ended, attempt);
      until('running', running_ended ?? returned, attempt);
      until('returning', returned, attempt);
    }
    if (index === tries.length - 1 && task.joins) until('joining', over, attempt);
  });
  until('submit', over);
  return waits;
}

function earlier(a: number | null, b: number): number {
  return a === null ? b : Math.min(a, b);
}
