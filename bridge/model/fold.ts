/**
 * The one fold: wide records in, facts about runs kept, closed things told to a sink (DESIGN.md §4.5-4.8).
 *
 * Facts merge in any order. What depends on time is only *when* a thing closes, and the clock of that is the arrival
 * time of journal entries, so that a replay of the journal closes the same things with the same facts. A fold that is
 * given no waits (convert's) closes everything at finish(), and so gives the same spans as a live one, as long as
 * nothing arrived after its span had closed.
 *
 * Memory: open tasks, and per run a handful of counters; closed tasks are kept as ranges of numbers, closed runs as ids.
 */
import type { WideRecord } from '../core/record.ts';
import { text } from '../core/record.ts';
import type { Zone } from '../core/time.ts';
import { Deadlines } from './deadlines.ts';
import type { Run, Sample, Task, Try } from './entities.ts';
import { newManager, newRun, newTask } from './entities.ts';
import type { Stamp, StateFact } from './facts.ts';
import { isKnown, learn, learnState, rankOf } from './facts.ts';
import {
  attemptOf, attemptOfStatus, indexOf, isLine, isWorkerRecord, learnDelay, learnGivenUp, learnLast, learnLine,
  learnLogsDelay, learnRun, learnTask, learnTime, learnTry, learnWaits, learnWorker, stampOf, tellsOfTask, tryOf,
  workerFactOf,
} from './learn.ts'; // prettier-ignore
import { blockOf, learnExecutor, learnHeard, learnManager, tellsOfManager } from './learn_managers.ts';
import { assignLooseFacts } from './loose.ts';
import { learnMemoSource } from './memo.ts';
import { shownState } from './resolve.ts';
import { isFinal } from './states.ts';
import type { Touched } from './touched.ts';
import { TouchedList } from './touched.ts';
import { settleZone } from './zone.ts';

/** What the fold tells, as it happens. All arguments are live: read them now, do not keep them. */
export interface Sink {
  /** The first record about a run. */
  runOpened(run: Run): void;
  /** A state that was not told before. */
  state(task: Task, fact: StateFact): void;
  /** A worker's resource sample. */
  sample(attempted: Try, sample: Sample, stamp: Stamp): void;
  tryClosed(attempted: Try): void;
  /** Its launched tries are closed already. */
  taskClosed(task: Task): void;
  /** Its tasks are closed already. */
  runClosed(run: Run): void;
}

export interface FoldOptions {
  readonly sink: Sink;
  /** Microseconds; Infinity: close at finish() alone. */
  readonly settleUs: number;
  readonly lingerUs: number;
  /** The zone of runs whose plugin told none, if the configuration says one. */
  readonly zone: Zone | undefined;
  /** Runs that closed before this fold began. */
  readonly closedRuns?: Iterable<string>;
  /** Beyond it the oldest open tasks of the run that has most are closed as unfinished, and counted. */
  readonly openTasksMax?: number;
  readonly memoSourcesMax?: number;
}

export interface FoldCounts {
  /** Records about something closed. */
  late: number;
  /** Records that name no run. */
  unattributed: number;
  /** Open tasks closed because there were too many. */
  evicted: number;
}

export class Fold {
  readonly runs = new Map<string, Run>();
  readonly counts: FoldCounts = { late: 0, unattributed: 0, evicted: 0 };
  readonly #options: FoldOptions;
  readonly #closedRuns: Set<string>;
  readonly #settle: Deadlines<Try | Task>;
  readonly #linger: Deadlines<Try | Run>;
  readonly #touched = new TouchedList();
  #now = 0;
  #openTasks = 0;

  constructor(options: FoldOptions) {
    this.#options = options;
    this.#closedRuns = new Set(options.closedRuns);
    this.#settle = new Deadlines(options.settleUs);
    this.#linger = new Deadlines(options.lingerUs);
  }

  /** The open tasks of all runs. */
  get openTasks(): number {
    return this.#openTasks;
  }

  /** When tick() would next close something; Infinity if nothing waits. */
  get nextDeadline(): number {
    return Math.min(this.#settle.next, this.#linger.next);
  }

  /** Moves the clock, and closes what is due. */
  tick(now: number): void {
    if (now > this.#now) this.#now = now;
    for (let item = this.#settle.take(this.#now); item !== undefined; item = this.#settle.take(this.#now)) {
      if ('number' in item) this.#closeTryIfOver(item);
      else this.#closeTaskIfDone(item);
    }
    for (let item = this.#linger.take(this.#now); item !== undefined; item = this.#linger.take(this.#now)) {
      if ('number' in item) this.#closeTryIfOver(item);
      else this.#closeRun(item);
    }
  }

  apply(record: WideRecord): void {
    const id = text(record, 'parsl.dfk');
    if (id === undefined) {
      this.counts.unattributed += 1;
      return;
    }
    const run = this.runs.get(id) ?? this.#openRun(id);
    if (run === undefined) {
      this.counts.late += 1;
      return;
    }
    run.lastHeard = this.#now;
    if (!isLine(record)) run.isTold = true;
    this.#touched.run(run);
    learnDelay(run, record);
    const stamp = stampOf(record);
    if (stamp !== undefined) {
      learnTime(run.firstSeen, stamp);
      learnLast(run.lastSeen, stamp);
    }
    const task = indexOf(record, 'parsl.task');
    if (task !== undefined) {
      if (stamp !== undefined) this.#applyTask(run, task, record, stamp);
      return;
    }
    this.#applyRun(run, record);
    if (stamp === undefined) return;
    if (stamp.logged) learnHeard(run, record, stamp);
    if (record['parsl.block_state'] !== undefined) this.#applyBlock(run, record, stamp);
    if (tellsOfManager(record)) this.#applyManager(run, record, stamp);
  }

  /** Closes one run, or all: what is unfinished is closed as it stands. */
  finish(id?: string): void {
    const runs = id === undefined ? [...this.runs.values()] : [this.runs.get(id)];
    for (const run of runs.filter((run) => run !== undefined).sort((a, b) => (a.id < b.id ? -1 : 1)))
      this.#closeRun(run);
  }

  /** True of a try that has closed: nothing will close it again. */
  hasClosed(id: string, task: number, attempt: number): boolean {
    const run = this.runs.get(id);
    if (run === undefined) return this.#closedRuns.has(id);
    return run.closedTasks.has(task) || run.tasks.get(task)?.tries[attempt]?.closed === true;
  }

  /** Everything that changed since the last call, each thing once. */
  takeTouched(): Touched {
    return this.#touched.take();
  }

  #openRun(id: string): Run | undefined {
    if (this.#closedRuns.has(id)) return undefined;
    const run = newRun(id);
    this.runs.set(id, run);
    this.#options.sink.runOpened(run);
    return run;
  }

  #applyRun(run: Run, record: WideRecord): void {
    const hadEnded = isKnown(run.completed);
    learnRun(run, record);
    if (!hadEnded && isKnown(run.completed)) this.#linger.add(run, this.#now);
  }

  #applyTask(run: Run, id: number, record: WideRecord, stamp: Stamp): void {
    const state = text(record, 'parsl.task_state');
    // Most lines tell nothing of a task but that they are about it.
    if (stamp.logged && state === undefined && !tellsOfTask(record)) return;
    const task = run.tasks.get(id) ?? this.#openTask(run, id);
    if (task === undefined) {
      // Logs are read when they are read: that their lines come late is no news.
      if (!stamp.logged) this.counts.late += 1;
      return;
    }
    if (!stamp.logged) task.isTold = true;
    else {
      learnWaits(task, record);
      const attempt = attemptOf(record);
      if (attempt !== undefined) learnLine(tryOf(task, attempt), record, stamp);
    }
    const attempted = isWorkerRecord(record, state)
      ? this.#applyWorker(task, record, state, stamp)
      : state === undefined
        ? undefined
        : this.#applyStatus(task, record, state, stamp);
    this.#count(task);
    this.#touched.task(task);
    if (attempted?.closed === true && !stamp.logged) this.counts.late += 1;
    if (attempted !== undefined) this.#considerTry(attempted);
    if (isKnownFinal(task)) this.#considerTask(task);
  }

  #openTask(run: Run, id: number): Task | undefined {
    if (run.closedTasks.has(id)) return undefined;
    const max = this.#options.openTasksMax ?? Infinity;
    if (this.#openTasks >= max) this.#evict(Math.ceil(max / 100));
    const task = newTask(run, id);
    run.tasks.set(id, task);
    this.#openTasks += 1;
    return task;
  }

  #applyStatus(task: Task, record: WideRecord, state: string, stamp: Stamp): Try | undefined {
    learnLast(task.run.lastTaskInfo, stamp);
    const attempt = attemptOfStatus(record, state);
    const attempted = attempt === undefined ? undefined : tryOf(task, attempt);
    const wasLaunched = attempted?.isLaunched === true;
    learnTask(task, record, state, stamp);
    learnMemoSource(task, record, state, stamp, this.#options.memoSourcesMax ?? Infinity);
    if (attempted !== undefined) learnTry(attempted, record, state, stamp);
    if (attempted?.isLaunched === true && !wasLaunched) task.openTries += 1;
    const givenUp = learnGivenUp(task, record, state, stamp);
    if (givenUp !== undefined) this.#considerTry(givenUp);
    const executor = text(record, 'parsl.executor');
    if (executor !== undefined) learnExecutor(task.run, executor, stamp);
    this.#learnState(task, record, state, attempt, stamp);
    return attempted;
  }

  #applyWorker(task: Task, record: WideRecord, state: string | undefined, stamp: Stamp): Try | undefined {
    const fact = workerFactOf(record, state, stamp);
    if (fact.starts || fact.ends) learnLast(task.lastSeen, stamp);
    const attempt = attemptOf(record);
    if (fact.starts) this.#learnState(task, record, 'running', attempt, stamp);
    if (fact.ends) this.#learnState(task, record, 'running_ended', attempt, stamp);
    if (attempt === undefined) {
      task.loose.push(fact);
      return undefined;
    }
    const attempted = tryOf(task, attempt);
    if (!attempted.isLaunched) task.openTries += 1;
    learnWorker(attempted, fact);
    if (fact.sample !== undefined) this.#options.sink.sample(attempted, fact.sample, stamp);
    return attempted;
  }

  #learnState(task: Task, record: WideRecord, state: string, attempt: number | undefined, stamp: Stamp): void {
    learnLast(task.run.lastWork, stamp);
    const fact = { state, attempt, ...stamp, ...detailsOf(record) };
    if (!learnState(task.states, fact)) return;
    learnLogsDelay(task, fact);
    if (!fact.logged) task.run.statesSince = Math.min(task.run.statesSince, this.#now);
    this.#options.sink.state(task, fact);
  }

  #applyBlock(run: Run, record: WideRecord, stamp: Stamp): void {
    const state = text(record, 'parsl.block_state');
    const block = state === undefined ? undefined : blockOf(run, record);
    if (block === undefined || state === undefined) return;
    learnState(block.states, { state, attempt: undefined, ...stamp, ...detailsOf(record) });
    learn(block.state, state, rankOf(stamp, false));
    const job = text(record, 'parsl.job_id');
    if (job !== undefined) learn(block.job, job, rankOf(stamp, false));
    learnExecutor(run, block.executor, stamp);
    this.#touched.block(block);
  }

  #applyManager(run: Run, record: WideRecord, stamp: Stamp): void {
    const id = text(record, 'parsl.manager');
    if (id === undefined) return;
    let manager = run.managers.get(id);
    if (manager === undefined) run.managers.set(id, (manager = newManager(run, id)));
    learnManager(manager, record, stamp);
    this.#touched.manager(manager);
  }

  /** Starts the try's clocks, as far as what is known of it allows. */
  #considerTry(attempted: Try): void {
    if (!attempted.isLaunched || attempted.closed) return;
    const { task } = attempted;
    const hasReturned = isKnown(attempted.returned);
    if (!attempted.isEnding && (hasReturned || isKnown(attempted.ended) || isKnownFinal(task))) {
      attempted.isEnding = true;
      this.#linger.add(attempted, this.#now);
    }
    const isWhole =
      hasReturned && isKnown(attempted.launched) && isKnown(attempted.running) && isKnown(attempted.ended);
    if (isWhole && !attempted.isSettling) {
      attempted.isSettling = true;
      this.#settle.add(attempted, this.#now);
    }
  }

  #considerTask(task: Task): void {
    for (const attempted of task.tries) if (attempted !== undefined) this.#considerTry(attempted);
    // A memo hit or failed dependency waits too: the message that says it was launched may be on its way.
    if (task.openTries === 0) this.#settle.add(task, this.#now);
  }

  /** That a try is a join may be told after its clocks began to run: it ends with its task. */
  #closeTryIfOver(attempted: Try): void {
    if (!attempted.isJoin || isKnownFinal(attempted.task)) {
      this.#closeTry(attempted);
    } else {
      attempted.isEnding = false;
      attempted.isSettling = false;
    }
  }

  #closeTry(attempted: Try): void {
    if (attempted.closed) return;
    settleZone(attempted.task.run, this.#options.zone);
    assignLooseFacts(attempted.task);
    attempted.closed = true;
    attempted.task.openTries -= 1;
    this.#options.sink.tryClosed(attempted);
    this.#closeTaskIfDone(attempted.task);
  }

  #closeTaskIfDone(task: Task): void {
    if (!task.closed && task.openTries === 0 && isKnownFinal(task)) this.#closeTask(task);
  }

  #closeTask(task: Task): void {
    const { run } = task;
    settleZone(run, this.#options.zone);
    task.closed = true;
    assignLooseFacts(task);
    for (const attempted of task.tries)
      if (attempted?.isLaunched === true && !attempted.closed) this.#closeTry(attempted);
    this.#count(task);
    this.#options.sink.taskClosed(task);
    this.#touched.task(task);
    run.closedTasks.add(task.id);
    run.tasks.delete(task.id);
    this.#openTasks -= 1;
  }

  #closeRun(run: Run): void {
    if (run.closed) return;
    settleZone(run, this.#options.zone);
    const open = [...run.tasks.values()].sort((a, b) => a.id - b.id);
    for (const task of open) if (!task.closed) this.#closeTask(task);
    run.closed = true;
    this.#options.sink.runClosed(run);
    this.#touched.run(run);
    this.runs.delete(run.id);
    this.#closedRuns.add(run.id);
  }

  /** Several at once, because finding the oldest of a map costs a look at all that left it before. */
  #evict(count: number): void {
    let largest: Run | undefined;
    for (const run of this.runs.values()) if (run.tasks.size > (largest?.tasks.size ?? 0)) largest = run;
    let left = count;
    for (const oldest of largest?.tasks.values() ?? []) {
      if (left-- === 0) break;
      this.counts.evicted += 1;
      this.#closeTask(oldest);
    }
  }

  /** Keeps the run's numbers of tasks in each state. */
  #count(task: Task): void {
    const shown = shownState(task);
    if (shown === task.shown) return;
    const { counts } = task.run;
    if (task.shown !== '') counts.set(task.shown, (counts.get(task.shown) ?? 1) - 1);
    counts.set(shown, (counts.get(shown) ?? 0) + 1);
    task.shown = shown;
  }
}

function detailsOf(record: WideRecord): Pick<StateFact, 'app' | 'executor' | 'failHistory' | 'host' | 'block'> {
  return {
    app: text(record, 'parsl.app_name'),
    executor: text(record, 'parsl.executor'),
    failHistory: text(record, 'parsl.task_fail_history'),
    host: text(record, 'host.name'),
    block: text(record, 'parsl.block'),
  };
}

function isKnownFinal(task: Task): boolean {
  const state = task.state.value;
  return state !== undefined && isFinal(state);
}
