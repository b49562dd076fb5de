/**
 * The phases of one task, for its waterfall, from the times that were observed (DESIGN.md §6, by the same rules as
 * the spans). Where a worker's start or end was never told, the try's own bound stands in and is marked inferred; a
 * phase that a worker told nothing of is left out, and so is one that would be negative. What has begun and not
 * ended is open: its end is null.
 */
import type { TaskRow, TryRow } from '../core/row.ts';

/** A task and its tries in order, as far as its phases follow from them. */
export interface TaskTries extends Pick<TaskRow, 'invoked' | 'returned' | 'final'> {
  readonly attempts: readonly TryRow[];
}

export type PhaseName = 'pending' | 'try' | 'queued' | 'running' | 'returning' | 'joining';

export interface Phase {
  readonly name: PhaseName;
  /** null for what belongs to no try. */
  readonly try: number | null;
  readonly start: number;
  readonly end: number | null;
  readonly start_inferred: boolean;
  readonly end_inferred: boolean;
}

interface Moment {
  readonly at: number;
  readonly inferred: boolean;
}

const observed = (at: number | null): Moment | undefined => (at === null ? undefined : { at, inferred: false });
const inferred = (at: number | null | undefined): Moment | undefined =>
  at == null ? undefined : { at, inferred: true };

export function phasesOf(task: TaskTries): Phase[] {
  return [...pending(task), ...task.attempts.flatMap((attempt) => ofTry(task, attempt))];
}

function phase(name: PhaseName, attempt: number | null, start: Moment | undefined, end: Moment | undefined): Phase[] {
  if (start === undefined || (end !== undefined && end.at < start.at)) return [];
  const bounds = { start: start.at, end: end?.at ?? null };
  return [{ name, try: attempt, ...bounds, start_inferred: start.inferred, end_inferred: end?.inferred ?? false }];
}

/** Waiting for dependencies: from the call to the first launch, or to the end of a task that never was launched. */
function pending(task: TaskTries): Phase[] {
  const first = task.attempts[0];
  const end = first === undefined ? observed(task.returned) : startOf(task, first);
  // Not launched, ended, and nobody said when: an open end would claim that it is still waiting.
  if (end === undefined && task.final) return [];
  return phase('pending', null, observed(task.invoked), end);
}

function startOf(task: TaskTries, attempt: TryRow): Moment | undefined {
  return observed(attempt.launched) ?? inferred(attempt.running ?? attempt.running_ended ?? task.invoked);
}

/** The try itself and what is known to have happened in it. */
function ofTry(task: TaskTries, attempt: TryRow): Phase[] {
  const start = startOf(task, attempt);
  const isLast = attempt === task.attempts.at(-1);
  const isJoin = isLast && attempt.states.includes('"joining"');
  const returned = observed(attempt.returned);
  const taskEnd = isLast && task.final ? task.returned : null;
  const over = inferred(taskEnd ?? (isLast && !task.final ? null : attempt.running_ended));
  const end = isJoin ? observed(taskEnd) : (returned ?? over);
  const back = isJoin ? returned : end;
  const running = observed(attempt.running);
  const ended = observed(attempt.running_ended);
  const isKnown = running !== undefined || ended !== undefined;
  const number = attempt.try;
  return [
    ...phase('try', number, start, end),
    ...(running === undefined ? [] : phase('queued', number, start, running)),
    ...(isKnown ? phase('running', number, running ?? inferred(start?.at), ended ?? inferred(back?.at)) : []),
    ...(ended === undefined ? [] : phase('returning', number, ended, back)),
    ...(isJoin ? phase('joining', number, returned, end) : []),
  ];
}
