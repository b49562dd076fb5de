/**
 * What follows from the facts: when a task, a try or a phase began and ended, and whether that was observed or
 * inferred (DESIGN.md §4.6 and §6). Mappers and the read side ask here, so that a span and a table never disagree.
 */
import type { Zone } from '../core/time.ts';
import type { Block, Manager, Run, Task, Try } from './entities.ts';
import { placeOf } from './entities.ts';
import type { Extent, StateFact } from './facts.ts';
import { isKnown, shownStates } from './facts.ts';
import { isBlockEnd, isFailure, isFinal } from './states.ts';
import { instantOf, lastInstantOf, stateInstant } from './zone.ts';

/** Microseconds since the epoch. */
export interface Moment {
  readonly at: number;
  readonly isInferred: boolean;
}

export interface Interval {
  readonly start: Moment;
  readonly end: Moment;
}

const observed = (at: number): Moment => ({ at, isInferred: false });
const inferred = (at: number): Moment => ({ at, isInferred: true });

/** When the task was invoked and returned; a task that never ended ends at the last word about it. */
export function taskInterval(task: Task, zone: Zone): Interval | undefined {
  const invoked = instantOf(task.invoked, zone);
  const start = invoked === undefined ? firstState(task, zone) : observed(invoked);
  const returned = isUnfinished(task) ? undefined : instantOf(task.returned, zone);
  const end = returned === undefined ? endOf(task, zone) : observed(returned);
  if (start === undefined || end === undefined) return undefined;
  return { start, end: end.at < start.at ? inferred(start.at) : end };
}

export function isUnfinished(task: Task): boolean {
  return !isFinal(task.state.value ?? '');
}

/** The state of the task's submit lane: the final one, or the latest told. */
export function submitState(task: Task): string | undefined {
  return task.state.value === 'done' ? shownState(task) : task.state.value;
}

function firstState(task: Task, zone: Zone): Moment | undefined {
  const states = shownStates(task.states);
  const times = states.map((fact) => stateInstant(fact, zone));
  const launched = task.tries.flatMap((attempted) => (attempted ? [instantOf(attempted.launched, zone)] : []));
  const all = [...times, ...launched].filter((at) => at !== undefined);
  if (all.length === 0) return undefined;
  const at = Math.min(...all);
  return states.some((fact) => fact.state === 'pending' && stateInstant(fact, zone) === at)
    ? observed(at)
    : inferred(at);
}

function endOf(task: Task, zone: Zone): Moment | undefined {
  const final = isUnfinished(task) ? [] : shownStates(task.states).filter(({ state }) => isFinal(state));
  if (final.length > 0) return observed(Math.min(...final.map((fact) => stateInstant(fact, zone))));
  const last = lastInstantOf(task.lastSeen, zone);
  return last === undefined ? firstState(task, zone) : inferred(last);
}

/** Comma list of the tasks that it waits for. */
export function dependsOf({ fields, waitsFor }: Task): string | undefined {
  if (fields.depends.value !== undefined || waitsFor === undefined) return fields.depends.value;
  return [...waitsFor].sort((a, b) => a - b).join(',');
}

/** The launched tries, by number. */
export function launchedTries(task: Task): Try[] {
  return task.tries.filter((attempted) => attempted?.isLaunched === true) as Try[];
}

/**
 * From launch to return. A join's try ends with its task; a missing bound is taken from what lies next to it. Undefined
 * where not one time was told, as by samples alone.
 */
export function tryInterval(attempted: Try, zone: Zone): Interval | undefined {
  const { task } = attempted;
  const launched = instantOf(attempted.launched, zone);
  const running = instantOf(attempted.running, zone);
  const ended = instantOf(attempted.ended, zone);
  const whole = taskInterval(task, zone);
  const first = launched ?? running ?? ended ?? whole?.start.at;
  if (first === undefined) return undefined;
  const start = launched === undefined ? inferred(first) : observed(launched);
  const end = endOfTry(attempted, zone) ?? inferred(ended ?? whole?.end.at ?? start.at);
  return { start, end: end.at < start.at ? inferred(start.at) : end };
}

function endOfTry(attempted: Try, zone: Zone): Moment | undefined {
  const { task } = attempted;
  if (attempted.isJoin) {
    const whole = taskInterval(task, zone);
    return whole?.end;
  }
  const returned = instantOf(attempted.returned, zone);
  return returned === undefined ? undefined : observed(returned);
}

export interface Phase {
  readonly name: 'pending' | 'queued' | 'running' | 'returning' | 'joining';
  readonly interval: Interval;
}

/** Phases that could be placed, and how many could not. */
export interface Phases {
  readonly phases: readonly Phase[];
  readonly negative: number;
}

/**
 * queued: launched to running; running: on the worker; returning: ended to returned; joining: returned to the task's
 * return. Where a worker's start or end was never told, the try's own bound stands in and is marked inferred; a phase
 * that a worker told nothing of is left out, and so is one that would be negative.
 */
export function tryPhases(attempted: Try, { start, end }: Interval, zone: Zone): Phases {
  const running = instantOf(attempted.running, zone);
  const ended = instantOf(attempted.ended, zone);
  const returned = instantOf(attempted.returned, zone);
  // A join's function has returned long before its try ends.
  const back = attempted.isJoin && returned !== undefined ? observed(returned) : end;
  const candidates: Phase[] = [];
  if (running !== undefined) candidates.push({ name: 'queued', interval: { start, end: observed(running) } });
  if (running !== undefined || ended !== undefined) {
    const from = running === undefined ? inferred(start.at) : observed(running);
    const to = ended === undefined ? inferred(back.at) : observed(ended);
    candidates.push({ name: 'running', interval: { start: from, end: to } });
  }
  if (ended !== undefined) candidates.push({ name: 'returning', interval: { start: observed(ended), end: back } });
  if (attempted.isJoin && returned !== undefined)
    candidates.push({ name: 'joining', interval: { start: observed(returned), end } });
  const phases = candidates.filter(({ interval }) => interval.end.at >= interval.start.at);
  return { phases, negative: candidates.length - phases.length };
}

/** Waiting for dependencies: from the call to the first launch, or to the end of a task that never was launched. */
export function pendingPhase(task: Task, zone: Zone): Phase | undefined {
  const whole = taskInterval(task, zone);
  const invoked = instantOf(task.invoked, zone);
  const first = launchedTries(task)[0];
  if (whole === undefined || (invoked === undefined && first === undefined)) return undefined;
  const end = (first === undefined ? undefined : tryInterval(first, zone)?.start) ?? whole.end;
  return end.at < whole.start.at ? undefined : { name: 'pending', interval: { start: whole.start, end } };
}

/** The submit-lane state of one try: a final state outranks any other, then the latest. */
export function tryState(attempted: Try): string | undefined {
  let best: StateFact | undefined;
  for (const fact of shownStates(attempted.task.states)) {
    if (fact.attempt !== attempted.number || fact.state === 'running' || fact.state === 'running_ended') continue;
    if (best === undefined || outranks(fact, best)) best = fact;
  }
  if (attempted.wasGivenUp && (best === undefined || !isFinal(best.state))) return 'fail_retryable';
  return best?.state;
}

/** Why a try failed: what messages say, else the exception that a line of a failed try tells. */
export function failureOf(attempted: Try): string | undefined {
  const { failHistory, exception } = attempted;
  if (failHistory.value !== undefined || exception.value === undefined) return failHistory.value;
  return isFailure(tryState(attempted) ?? '') ? exception.value : undefined;
}

/** Why a task failed: what messages say, else why its last try did. */
export function taskFailureOf(task: Task): string | undefined {
  const last = task.tries.at(-1);
  return task.fields.failHistory.value ?? (last === undefined ? undefined : failureOf(last));
}

/** What a try used, as far as its samples tell: undefined where they do not. */
export interface Used {
  /** Seconds of user and system time. */
  readonly cpuTime: number | undefined;
  readonly memoryPeak: number | undefined;
  readonly readBytes: number | undefined;
  readonly writeBytes: number | undefined;
}

/** Counters show what was added between the first sample and the last: with one sample nothing is known of them. */
export function usedBy({ usage }: Try): Used {
  const isOne = usage === undefined || usage.at.low === usage.at.high;
  const growth = (counter: Extent | undefined): number | undefined =>
    isOne || counter === undefined || Number.isNaN(counter.low) ? undefined : counter.high - counter.low;
  const cpuTime = growth(usage?.cpuTime);
  return {
    // A sum of seconds in doubles: 1.32 - 1.05 is 0.27000000000000002.
    cpuTime: cpuTime === undefined ? undefined : Math.round(cpuTime * 1e6) / 1e6,
    memoryPeak: usage === undefined || Number.isNaN(usage.memory.high) ? undefined : usage.memory.high,
    readBytes: growth(usage?.readBytes),
    writeBytes: growth(usage?.writeBytes),
  };
}

function outranks(a: StateFact, b: StateFact): boolean {
  const finals = Number(isFinal(a.state)) - Number(isFinal(b.state));
  if (finals !== 0) return finals > 0;
  if (a.logged !== b.logged) return b.logged;
  return a.at === b.at ? a.state < b.state : a.at > b.at;
}

/**
 * The manager that ran a try: the one that a log names, else, of those on its block and host, the last one registered
 * before the try ran.
 */
export function managerOf(attempted: Try, zone: Zone): string | undefined {
  if (attempted.manager.value !== undefined) return attempted.manager.value;
  const block = attempted.block.value;
  const host = attempted.host.value;
  const running = instantOf(attempted.running, zone) ?? instantOf(attempted.ended, zone);
  if (block === undefined || host === undefined || running === undefined) return undefined;
  // Two executors may both have a block of that number: then nothing tells whose the manager is.
  if (blockOf(attempted.task.run, block) === 'several') return undefined;
  let best: { manager: Manager; at: number } | undefined;
  for (const manager of attempted.task.run.managersAt.get(placeOf(block, host)) ?? []) {
    if (manager.block.value !== block || manager.host.value !== host) continue;
    const at = instantOf(manager.registered, zone) ?? Infinity;
    if (at <= running && (best === undefined || at > best.at || (at === best.at && manager.id < best.manager.id)))
      best = { manager, at };
  }
  return best?.manager.id;
}

/** NODE_INFO names no executor: it is the one that a log tells, else the one that has a block of this id, if it is one. */
export function executorOfManager(manager: Manager): string | undefined {
  if (manager.executor.value !== undefined) return manager.executor.value;
  const block = blockOf(manager.run, manager.block.value);
  return typeof block === 'object' ? block.executor : undefined;
}

/** The block of this id, if it is one: two executors may both have one. */
function blockOf(run: Run, id: string | undefined): Block | 'none' | 'several' {
  const [block, ...others] = (id === undefined ? undefined : run.blocksById.get(id)) ?? [];
  return others.length > 0 ? 'several' : (block ?? 'none');
}

/** First and last word about a block; the end is inferred where no state said that it is gone. */
export function blockInterval(block: Block, runEnd: number, zone: Zone): Interval {
  const states = shownStates(block.states);
  const times = states.map((fact) => stateInstant(fact, zone));
  const ends = states.filter(({ state }) => isBlockEnd(state)).map((fact) => stateInstant(fact, zone));
  const start = Math.min(...times);
  return {
    start: observed(start),
    end: ends.length > 0 ? observed(Math.min(...ends)) : inferred(Math.max(runEnd, start)),
  };
}

/** From its registration until it left, else until its block was gone. A log may begin after it registered. */
export function managerInterval(manager: Manager, runEnd: number, zone: Zone): Interval {
  const registered = instantOf(manager.registered, zone);
  const left = instantOf(manager.left, zone);
  const start = registered ?? left ?? runEnd;
  const block = blockOf(manager.run, manager.block.value);
  const end = typeof block === 'object' ? blockInterval(block, runEnd, zone).end.at : runEnd;
  return {
    start: registered === undefined ? inferred(start) : observed(start),
    end: left === undefined ? inferred(Math.max(end, start)) : observed(left),
  };
}

/** A run that no message ended ends, inferred, with the last word of its tasks. */
export function runInterval(run: Run, zone: Zone): Interval | undefined {
  const began = instantOf(run.began, zone);
  const completed = instantOf(run.completed, zone);
  const first = instantOf(run.firstSeen, zone);
  const start = began === undefined ? (first === undefined ? undefined : inferred(first)) : observed(began);
  if (start === undefined) return undefined;
  const last = lastInstantOf(run.lastWork, zone) ?? lastInstantOf(run.lastSeen, zone) ?? start.at;
  const end = completed === undefined ? inferred(last) : observed(completed);
  return { start, end: end.at < start.at ? inferred(start.at) : end };
}

/**
 * The one state that a task is counted in: that of its submit lane, or the execution lane's where the newest try is
 * launched and a worker has it.
 */
export function shownState(task: Task): string {
  const state = task.state.value;
  // Parsl 1.0 says `done` for a memo hit too.
  if (state === 'done')
    return task.tries.some((attempted) => attempted?.isLaunched === true) ? 'exec_done' : 'memo_done';
  if (state !== undefined && state !== 'launched') return state;
  const newest = task.tries.at(-1);
  if (newest !== undefined && isKnown(newest.ended)) return 'running_ended';
  if (newest !== undefined && isKnown(newest.running)) return 'running';
  return state ?? 'unsched';
}
