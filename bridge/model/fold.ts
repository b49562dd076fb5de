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
import { number, text } from '../core/record.ts';
import type { Zone } from '../core/time.ts';
import { Deadlines } from './deadlines.ts';
import type { Block, Manager, Run, Task, Try } from './entities.ts';
import { newManager, newRun, newTask } from './entities.ts';
import type { StateFact } from './facts.ts';
import { isKnown, learn, learnState, rankOf } from './facts.ts';
import type { Stamp } from './learn.ts';
import {
  blockOf, isWorkerRecord, learnDelay, learnExecutor, learnLast, learnManager, learnRun, learnStatusTimes, learnTask,
  learnTime, learnWorker, stampOf, tryOf, workerFactOf,
} from './learn.ts'; // prettier-ignore
import { assignLooseFacts } from './loose.ts';
import { shownState } from './resolve.ts';
import { isFinal } from './states.ts';
import { settleZone } from './zone.ts';

/** What the fold tells, as it happens. All arguments are live: read them now, do not keep them. */
export interface Sink {
  /** The first record about a run. */
  runOpened(run: Run): void;
  /** A state that was not told before. */
  state(task: Task, fact: StateFact): void;
  /** A worker's resource sample. */
  sample(attempted: Try, record: WideRecord, stamp: Stamp): void;
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
  /** Beyond it the oldest open tasks are closed as unfinished, and counted. */
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

/** What changed since the last look; for the read side. */
export interface Touched {
  readonly runs: readonly Run[];
  readonly tasks: readonly Task[];
  readonly blocks: readonly Block[];
  readonly managers: readonly Manager[];
}

export class Fold {
  readonly runs = new Map<string, Run>();
  readonly counts: FoldCounts = { late: 0, unattributed: 0, evicted: 0 };
  readonly #options: FoldOptions;
  readonly #closedRuns: Set<string>;
  readonly #settle: Deadlines<Try | Task>;
  readonly #linger: Deadlines<Try | Run>;
  #now = 0;
  #openTasks = 0;
  #touched = { runs: [] as Run[], tasks: [] as Task[], blocks: [] as Block[], managers: [] as Manager[] };

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
      if ('number' in item) this.#closeTry(item);
      else this.#closeTaskIfDone(item);
    }
    for (let item = this.#linger.take(this.#now); item !== undefined; item = this.#linger.take(this.#now)) {
      if ('number' in item) this.#closeTry(item);
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
    this.#touchRun(run);
    learnDelay(run, record);
    const stamp = stampOf(record);
    if (stamp !== undefined) {
      learnTime(run.firstSeen, stamp);
      learnLast(run.lastSeen, stamp);
    }
    const task = number(record, 'parsl.task');
    if (task !== undefined) {
      if (stamp !== undefined) this.#applyTask(run, task, record, stamp);
      return;
    }
    this.#applyRun(run, record);
    if (stamp === undefined) return;
    if (record['parsl.block_state'] !== undefined) this.#applyBlock(run, record, stamp);
    else if (record['parsl.manager_info.worker_count'] !== undefined) this.#applyManager(run, record, stamp);
  }

  /** Closes one run, or all: what is unfinished is closed as it stands. */
  finish(id?: string): void {
    const runs = id === undefined ? [...this.runs.values()] : [this.runs.get(id)];
    for (const run of runs.filter((run) => run !== undefined).sort((a, b) => (a.id < b.id ? -1 : 1))) this.#closeRun(run);
  }

  /** Everything that changed since the last call, each thing once. */
  takeTouched(): Touched {
    const touched = this.#touched;
    for (const list of Object.values(touched)) for (const item of list) item.touched = false;
    this.#touched = { runs: [], tasks: [], blocks: [], managers: [] };
    return touched;
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
    const task = run.tasks.get(id) ?? this.#openTask(run, id);
    if (task === undefined) {
      this.#countLate(run);
      return;
    }
    const state = text(record, 'parsl.task_state');
    const attempted = isWorkerRecord(record, state)
      ? this.#applyWorker(task, record, state, stamp)
      : state === undefined
        ? undefined
        : this.#applyStatus(task, record, state, stamp);
    this.#count(task);
    this.#touchTask(task);
    if (attempted?.closed === true) this.#countLate(run);
    if (attempted !== undefined) this.#considerTry(attempted);
    if (isKnownFinal(task)) this.#considerTask(task);
  }

  #countLate(run: Run): void {
    run.late += 1;
    this.counts.late += 1;
  }

  #openTask(run: Run, id: number): Task | undefined {
    if (run.closedTasks.has(id)) return undefined;
    const task = newTask(run, id);
    run.tasks.set(id, task);
    this.#openTasks += 1;
    if (this.#openTasks > (this.#options.openTasksMax ?? Infinity)) this.#evict(run);
    return task;
  }

  #applyStatus(task: Task, record: WideRecord, state: string, stamp: Stamp): Try | undefined {
    learnLast(task.run.lastTaskInfo, stamp);
    const wasLaunched = launchedTry(task, record)?.isLaunched;
    const attempted = learnTask(task, record, state, stamp);
    if (attempted !== undefined) {
      learnStatusTimes(attempted, state, stamp, record);
      if (attempted.isLaunched && wasLaunched !== true) task.openTries += 1;
    }
    const executor = task.fields.executor.value;
    if (executor !== undefined) learnExecutor(task.run, executor, stamp);
    this.#learnState(task, record, state, attempted?.number, stamp);
    return attempted;
  }

  #applyWorker(task: Task, record: WideRecord, state: string | undefined, stamp: Stamp): Try | undefined {
    const fact = workerFactOf(record, state, stamp);
    if (fact.starts || fact.ends) learnLast(task.lastSeen, stamp);
    const attempt = number(record, 'parsl.try');
    if (fact.starts) this.#learnState(task, record, 'running', attempt, stamp);
    if (fact.ends) this.#learnState(task, record, 'running_ended', attempt, stamp);
    if (attempt === undefined) {
      task.loose.push(fact);
      return undefined;
    }
    const attempted = tryOf(task, attempt);
    if (!attempted.isLaunched) task.openTries += 1;
    learnWorker(attempted, fact);
    if (record['psutil_process_time_user'] !== undefined) this.#options.sink.sample(attempted, record, stamp);
    return attempted;
  }

  #learnState(task: Task, record: WideRecord, state: string, attempt: number | undefined, { at, local }: Stamp): void {
    learnLast(task.run.lastWork, { at, local });
    const fact = { state, attempt, at, local, ...detailsOf(record) };
    if (learnState(task.states, fact)) this.#options.sink.state(task, fact);
  }

  #applyBlock(run: Run, record: WideRecord, stamp: Stamp): void {
    const block = blockOf(run, record);
    const state = text(record, 'parsl.block_state');
    if (block === undefined || state === undefined) return;
    learnState(block.states, { state, attempt: undefined, ...stamp, ...detailsOf(record) });
    learn(block.state, state, rankOf(stamp.at, false));
    const job = text(record, 'parsl.job_id');
    if (job !== undefined) learn(block.job, job, stamp.at);
    learnExecutor(run, block.executor, stamp);
    if (!block.touched) this.#touched.blocks.push(block);
    block.touched = true;
  }

  #applyManager(run: Run, record: WideRecord, stamp: Stamp): void {
    const id = text(record, 'parsl.manager');
    if (id === undefined) return;
    let manager = run.managers.get(id);
    if (manager === undefined) run.managers.set(id, (manager = newManager(run, id)));
    learnManager(manager, record, stamp);
    if (!manager.touched) this.#touched.managers.push(manager);
    manager.touched = true;
  }

  /** Starts the try's clocks, as far as what is known of it allows. */
  #considerTry(attempted: Try): void {
    if (!attempted.isLaunched || attempted.closed) return;
    const { task } = attempted;
    if (attempted.isJoin && !isKnownFinal(task)) return;
    const hasReturned = isKnown(attempted.returned);
    if (!attempted.isEnding && (hasReturned || isKnown(attempted.ended) || isKnownFinal(task))) {
      attempted.isEnding = true;
      this.#linger.add(attempted, this.#now);
    }
    const isWhole = hasReturned && isKnown(attempted.launched) && isKnown(attempted.running) && isKnown(attempted.ended);
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
    for (const attempted of task.tries) if (attempted?.isLaunched === true && !attempted.closed) this.#closeTry(attempted);
    this.#count(task);
    this.#options.sink.taskClosed(task);
    this.#touchTask(task);
    run.closedTasks.add(task.id);
    run.tasks.delete(task.id);
    this.#openTasks -= 1;
  }

  #closeRun(run: Run): void {
    if (run.closed) return;
    settleZone(run, this.#options.zone);
    const open = [...run.tasks.values()].sort((a, b) => a.id - b.id);
    // In convert all tasks are open here, and a memo hit may have a smaller number than its source.
    for (const task of open) this.#learnMemoSource(task);
    for (const task of open) if (!task.closed) this.#closeTask(task);
    run.closed = true;
    this.#options.sink.runClosed(run);
    this.#touchRun(run);
    this.runs.delete(run.id);
    this.#closedRuns.add(run.id);
  }

  #evict(run: Run): void {
    const oldest = run.tasks.values().next().value;
    if (oldest === undefined) return;
    this.counts.evicted += 1;
    this.#closeTask(oldest);
  }

  /** Keeps the run's numbers of tasks in each state. */
  #count(task: Task): void {
    const shown = shownState(task);
    if (shown === task.shown) return;
    const { counts } = task.run;
    if (task.shown !== '') counts.set(task.shown, (counts.get(task.shown) ?? 1) - 1);
    counts.set(shown, (counts.get(shown) ?? 0) + 1);
    task.shown = shown;
    if (shown === 'exec_done') this.#learnMemoSource(task);
  }

  #learnMemoSource(task: Task): void {
    const hashsum = task.fields.hashsum.value;
    if (hashsum === undefined || task.state.value !== 'exec_done') return;
    const { memo } = task.run;
    const at = task.returned.local;
    const known = memo.get(hashsum);
    if (known === undefined) {
      if (memo.size < (this.#options.memoSourcesMax ?? Infinity)) memo.set(hashsum, { task: task.id, at });
    } else if (at < known.at || (at === known.at && task.id < known.task)) {
      known.task = task.id;
      known.at = at;
    }
  }

  #touchRun(run: Run): void {
    if (!run.touched) this.#touched.runs.push(run);
    run.touched = true;
  }

  #touchTask(task: Task): void {
    if (!task.touched) this.#touched.tasks.push(task);
    task.touched = true;
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

function launchedTry(task: Task, record: WideRecord): Try | undefined {
  const attempt = number(record, 'parsl.try') ?? number(record, 'parsl.task_fail_count');
  return attempt === undefined ? undefined : task.tries[attempt];
}

function isKnownFinal(task: Task): boolean {
  const state = task.state.value;
  return state !== undefined && isFinal(state);
}
