/**
 * What the model holds: runs, tasks, tries, executors, blocks and managers, as facts. Nothing here is derived;
 * what follows from the facts, and whether it was observed or inferred, is worked out in resolve.ts.
 */
import { taskId } from '../core/ids.ts';
import type { Zone } from '../core/time.ts';
import type { Earliest, Extent, Latest, Stamp, StateFact, Times } from './facts.ts';
import { earliest, extent, latest } from './facts.ts';
import { Ranges } from './ranges.ts';

export interface Run {
  readonly id: string;
  readonly info: Readonly<Record<RunField, Latest<string>>>;
  readonly began: Earliest;
  readonly completed: Earliest;
  /** Told by the plugin. */
  readonly utcOffset: Latest<number>;
  readonly timeZone: Latest<string>;
  /** Told by a log whose lines have both clocks. */
  readonly loggedOffset: Latest<number>;
  /** Smallest arrival minus naive time seen, microseconds: by the submit side's clock, and by any. */
  submitDelay: number;
  anyDelay: number;
  /** Smallest difference seen between a log line's instant and the naive time of the message that tells the same state. */
  logsDelay: number;
  /** Settled with the first span or log that leaves, so that a run never has two zones. */
  zone: Zone | undefined;
  readonly tasks: Map<number, Task>;
  readonly closedTasks: Ranges;
  /** Tasks now in each state, closed ones included. */
  readonly counts: Map<string, number>;
  /** The earliest exec_done of each memoisation hash. */
  readonly memo: Map<string, MemoSource>;
  readonly executors: Map<string, Executor>;
  readonly blocks: Map<string, Block>;
  readonly managers: Map<string, Manager>;
  /** Blocks by their number alone: two executors may both have one of it. */
  readonly blocksById: Map<string, Block[]>;
  /** Managers by placeOf() their block and host, so that a try finds its own among thousands. */
  readonly managersAt: Map<string, Manager[]>;
  /** When lines of a manager's own log, or of its workers', were last written. */
  readonly managersHeard: Map<string, Times>;
  /** First time any record about the run speaks of; the latest, and the latest TASK_INFO's. */
  readonly firstSeen: Earliest;
  readonly lastSeen: Times;
  readonly lastTaskInfo: Times;
  /** The last TASK_INFO or worker start or end: where a run without an end message is taken to end. */
  readonly lastWork: Times;
  /** Arrival of the first message that told a task's state, microseconds; Infinity: none did. */
  statesSince: number;
  /** Arrival of the last record about it, microseconds. */
  lastHeard: number;
  /** A message told of it, not only lines. */
  isTold: boolean;
  closed: boolean;
  touched: boolean;
}

export const runFields = {
  workflow_name: 'parsl.workflow_info.workflow_name',
  workflow_version: 'parsl.workflow_info.workflow_version',
  rundir: 'parsl.workflow_info.rundir',
  user: 'parsl.workflow_info.user',
  host: 'parsl.workflow_info.host',
  parsl_version: 'parsl.workflow_info.parsl_version',
  python_version: 'parsl.workflow_info.python_version',
} as const;
export type RunField = keyof typeof runFields;

export interface MemoSource {
  task: number;
  at: number;
}

export interface Task {
  readonly run: Run;
  readonly id: number;
  readonly traceId: string;
  readonly spanId: string;
  readonly fields: Readonly<Record<TaskField, Latest<string>>>;
  readonly failCount: Latest<number>;
  /** Tasks it waits for, as lines tell one by one; messages tell them all at once. */
  waitsFor: Set<number> | undefined;
  /** A message told of it, not only lines. */
  isTold: boolean;
  readonly invoked: Earliest;
  readonly returned: Earliest;
  readonly states: StateFact[];
  /** By the rule that a final state outranks any other, then the latest. */
  readonly state: Latest<string>;
  /** What `run.counts` counts the task as. */
  shown: string;
  /** By number; a hole where nothing named that try. */
  readonly tries: (Try | undefined)[];
  /** Worker messages of releases that number no tries, given to tries when the task closes. */
  readonly loose: WorkerFact[];
  readonly lastSeen: Times;
  openTries: number;
  closed: boolean;
  touched: boolean;
}

/** Text that TASK_INFO tells of a task, with the key it comes by. */
export const taskFields = {
  app: 'parsl.app_name',
  executor: 'parsl.executor',
  depends: 'parsl.dependency_task',
  joins: 'parsl.joined_task',
  hashsum: 'parsl.task_hashsum',
  failHistory: 'parsl.task_fail_history',
  stdin: 'parsl.task_stdin',
  stdout: 'parsl.task_stdout',
  stderr: 'parsl.task_stderr',
  inputs: 'parsl.task_inputs',
  outputs: 'parsl.task_outputs',
} as const;
export type TaskField = keyof typeof taskFields;

export interface Try {
  readonly task: Task;
  readonly number: number;
  /** A `launched` status or a worker message named it: only then is it more than a number (DESIGN.md §3). */
  isLaunched: boolean;
  /** The executor holds it back for the tasks it started itself: it ends with its task. */
  isJoin: boolean;
  /** Parsl 1.0 has no status for a failed try: its task is pending again. */
  wasGivenUp: boolean;
  readonly launched: Earliest;
  readonly returned: Earliest;
  readonly running: Earliest;
  readonly ended: Earliest;
  readonly executor: Latest<string>;
  readonly failHistory: Latest<string>;
  /** The exception that a line tells, which counts if the try failed and no message says why. */
  readonly exception: Latest<string>;
  readonly host: Latest<string>;
  readonly block: Latest<string>;
  /** Told by log lines alone; messages tell a block and a host. */
  readonly manager: Latest<string>;
  /** What else log lines tell: the executor's number of it, the resources it asked for. Undefined where none did. */
  extras: Map<string, Latest<string | number>> | undefined;
  /** Undefined where there was no sample. */
  usage: Usage | undefined;
  /** An end is known, and the linger clock runs. */
  isEnding: boolean;
  isSettling: boolean;
  closed: boolean;
}

/**
 * What resource samples told of a try. psutil counts from the start of the worker's process, which runs many tries:
 * only what was added between a try's first sample and its last is the try's own.
 */
export interface Usage {
  readonly at: Extent;
  readonly cpuTime: Extent;
  readonly memory: Extent;
  readonly readBytes: Extent;
  readonly writeBytes: Extent;
}

/** One resource sample, as psutil counts. */
export interface Sample {
  readonly cpuTime: number;
  readonly memory: number | undefined;
  readonly readBytes: number | undefined;
  readonly writeBytes: number | undefined;
}

export interface WorkerFact extends Stamp {
  readonly starts: boolean;
  readonly ends: boolean;
  readonly host: string | undefined;
  readonly block: string | undefined;
  readonly sample: Sample | undefined;
}

export interface Executor {
  readonly run: Run;
  readonly label: string;
  readonly firstSeen: Earliest;
}

export interface Block {
  readonly run: Run;
  readonly executor: string;
  readonly id: string;
  readonly job: Latest<string>;
  readonly states: StateFact[];
  readonly state: Latest<string>;
  touched: boolean;
}

export interface Manager {
  readonly run: Run;
  readonly id: string;
  /** Told by log lines alone; NODE_INFO names none. */
  readonly executor: Latest<string>;
  readonly block: Latest<string>;
  readonly host: Latest<string>;
  readonly workers: Latest<number>;
  readonly cpus: Latest<number>;
  readonly memory: Latest<number>;
  readonly parslVersion: Latest<string>;
  readonly pythonVersion: Latest<string>;
  /** What the newest NODE_INFO says; only the newest counts, rows are never summed. */
  readonly active: Latest<boolean>;
  readonly draining: Latest<boolean>;
  readonly held: Latest<number>;
  readonly registered: Earliest;
  /** It was told to be active no more: held, gone with its block, or lost. */
  readonly left: Earliest;
  readonly lastSeen: Times;
  touched: boolean;
}

const last = (): Times => ({ local: NaN, instant: NaN });

const cells = <K extends string>(names: Readonly<Record<K, string>>): Record<K, Latest<string>> =>
  Object.fromEntries(Object.keys(names).map((name) => [name, latest<string>()])) as Record<K, Latest<string>>;

export function newRun(id: string): Run {
  return {
    id,
    statesSince: Infinity,
    info: cells(runFields),
    began: earliest(),
    completed: earliest(),
    utcOffset: latest(),
    timeZone: latest(),
    loggedOffset: latest(),
    submitDelay: Infinity,
    anyDelay: Infinity,
    logsDelay: Infinity,
    zone: undefined,
    tasks: new Map(),
    closedTasks: new Ranges(),
    counts: new Map(),
    memo: new Map(),
    executors: new Map(),
    blocks: new Map(),
    managers: new Map(),
    blocksById: new Map(),
    managersAt: new Map(),
    managersHeard: new Map(),
    firstSeen: earliest(),
    lastSeen: last(),
    lastTaskInfo: last(),
    lastWork: last(),
    lastHeard: 0,
    isTold: false,
    closed: false,
    touched: false,
  };
}

export function newTask(run: Run, id: number): Task {
  const { traceId, spanId } = taskId(run.id, id);
  return {
    run,
    id,
    traceId,
    spanId,
    // Written out, not made by cells(): this is made once a task, and a fixed shape is three times faster.
    fields: {
      app: latest(),
      executor: latest(),
      depends: latest(),
      joins: latest(),
      hashsum: latest(),
      failHistory: latest(),
      stdin: latest(),
      stdout: latest(),
      stderr: latest(),
      inputs: latest(),
      outputs: latest(),
    },
    failCount: latest(),
    waitsFor: undefined,
    isTold: false,
    invoked: earliest(),
    returned: earliest(),
    states: [],
    state: latest(),
    shown: '',
    tries: [],
    loose: [],
    lastSeen: last(),
    openTries: 0,
    closed: false,
    touched: false,
  };
}

export function newTry(task: Task, number: number): Try {
  return {
    task,
    number,
    isLaunched: false,
    isJoin: false,
    wasGivenUp: false,
    launched: earliest(),
    returned: earliest(),
    running: earliest(),
    ended: earliest(),
    executor: latest(),
    failHistory: latest(),
    exception: latest(),
    host: latest(),
    block: latest(),
    manager: latest(),
    extras: undefined,
    usage: undefined,
    isEnding: false,
    isSettling: false,
    closed: false,
  };
}

export function newUsage(): Usage {
  return { at: extent(), cpuTime: extent(), memory: extent(), readBytes: extent(), writeBytes: extent() };
}

export function newExecutor(run: Run, label: string): Executor {
  return { run, label, firstSeen: earliest() };
}

export function newBlock(run: Run, executor: string, id: string): Block {
  return { run, executor, id, job: latest(), states: [], state: latest(), touched: false };
}

export function newManager(run: Run, id: string): Manager {
  return {
    run,
    id,
    executor: latest(),
    block: latest(),
    host: latest(),
    workers: latest(),
    cpus: latest(),
    memory: latest(),
    parslVersion: latest(),
    pythonVersion: latest(),
    active: latest(),
    draining: latest(),
    held: latest(),
    registered: earliest(),
    left: earliest(),
    lastSeen: last(),
    touched: false,
  };
}

export function placeOf(block: string, host: string): string {
  return `${block}\n${host}`;
}
