/**
 * The read side as its readers see it: what the page, the API and the command line may ask. SQLite stands behind it
 * (sqlite.ts); a column store could. Answers are promises for that reason, and because the bridge lets a thread of
 * its own answer them (thread.ts): a question over 100,000 tasks must not keep a receiver waiting.
 *
 * Instants are microseconds since the epoch, durations microseconds, sizes bytes, `cpu_time` seconds. null means
 * never observed. What an answer infers, it counts as inferred.
 */
import type { Bottleneck } from '../analysis/bottleneck.ts';
import type { Flow } from '../analysis/flow.ts';
import type { Lifeline } from '../analysis/lifeline.ts';
import type { ManagerState } from '../analysis/managers.ts';
import type { Plots } from '../analysis/plots.ts';
import type { Lanes } from '../analysis/states.ts';
import type { WideRecord } from '../core/record.ts';
import type { BlockRow, ManagerRow, Rows, RunRow, SampleRow, TaskRow, TryRow } from '../core/row.ts';

/** Tasks by state. States in which there is no task are absent. */
export type Counts = Readonly<Record<string, number>>;

export interface RunSummary extends RunRow {
  /** Sequence of the last journal entry that changed anything of the run. */
  readonly revision: number;
  readonly tasks: number;
  readonly counts: Counts;
}

/** Progress of one app or one executor; `name` is null for tasks of which it is not known. */
export interface Progress {
  readonly name: string | null;
  readonly tasks: number;
  readonly counts: Counts;
}

export interface RunDetail extends RunSummary {
  readonly apps: readonly Progress[];
  readonly executors: readonly Progress[];
}

export const taskSorts = [
  'task', 'app', 'state', 'executor', 'host', 'tries', 'error', 'invoked', 'launched', 'running', 'returned',
  'waited', 'queued', 'ran', 'total', 'memory_peak', 'cpu_time',
] as const; // prettier-ignore
export type TaskSort = (typeof taskSorts)[number];

export interface TaskQuery {
  /** Any of these states. */
  readonly state?: readonly string[];
  readonly app?: string;
  readonly executor?: string;
  readonly host?: string;
  readonly block?: string;
  readonly manager?: string;
  /** Error type, as `failures` groups by; also finds tasks of which a retried try ended so. */
  readonly error?: string;
  /** Anywhere in app, host, error text, files; or the task's number. */
  readonly text?: string;
  readonly sort: TaskSort;
  readonly order: 'asc' | 'desc';
  readonly limit: number;
  readonly offset: number;
}

/** A task as a line of a table. */
export interface TaskItem extends Omit<
  TaskRow,
  'run' | 'fail_history' | 'depends' | 'joins' | 'hashsum' | 'stdout' | 'stderr' | 'inputs' | 'outputs' | 'span_id'
> {
  /** Type of the error that the task ended with. */
  readonly error: string | null;
  /** The beginning of its error text. */
  readonly message: string | null;
  /** Invoked to first launched. */
  readonly waited: number | null;
  /** First launched to first running. */
  readonly queued: number | null;
  /** First start to last end on a worker, over all tries. */
  readonly ran: number | null;
  /** Invoked to returned. */
  readonly total: number | null;
  /** Over all tries. */
  readonly memory_peak: number | null;
  readonly cpu_time: number | null;
}

export interface TaskPage {
  readonly total: number;
  readonly tasks: readonly TaskItem[];
}

/** Another task, as far as a link needs it; app and state are null if no record spoke of that task itself. */
export interface TaskLink {
  readonly task: number;
  readonly app: string | null;
  readonly state: string | null;
}

/** Links are cut at `linksMax`; `total` is how many there are. */
export interface TaskLinks {
  readonly total: number;
  readonly links: readonly TaskLink[];
}

export interface TaskDetail extends TaskRow {
  readonly error: string | null;
  readonly attempts: readonly (TryRow & { readonly error: string | null })[];
  readonly dependencies: TaskLinks;
  readonly dependents: TaskLinks;
  readonly joined: TaskLinks;
  readonly joined_by: TaskLinks;
  readonly memo: TaskLink | null;
  readonly memo_users: TaskLinks;
  /** Thinned to `samplesShownMax` per try. */
  readonly samples: readonly SampleRow[];
}

export interface StateSeries {
  readonly times: readonly number[];
  /** Tasks in each state at these instants. */
  readonly states: Readonly<Record<string, readonly number[]>>;
  /** Tasks of which no time is known at all: they are in none of the counts. */
  readonly unplaced: number;
}

export interface ExecutorWorkers {
  readonly executor: string | null;
  /** Mean number of workers in each interval; null where no manager told how many there are. */
  readonly workers: readonly number[] | null;
  /** Mean number of workers on which a try ran. */
  readonly busy: readonly number[];
  /** Integrals over the whole run, in worker-microseconds. */
  readonly worker_time: number | null;
  readonly busy_time: number;
  /** Tries of which one end on the worker was taken from the try's own bounds. */
  readonly inferred: number;
  /** Managers that never told how many workers they have. */
  readonly unknown_managers: number;
}

export interface WorkerSeries {
  /** Starts of the intervals; the last interval is as long as the others. */
  readonly times: readonly number[];
  readonly executors: readonly ExecutorWorkers[];
}

export interface BlockItem extends BlockRow {
  readonly managers: number;
  readonly tries: number;
  /** Time that tries were on its workers; one that still runs counts until the run's last word. */
  readonly busy_time: number;
}

export interface ManagerItem extends ManagerRow {
  readonly state: ManagerState;
  /** Until when its workers were there. */
  readonly until: number;
  /** null where the run's messages do not tell which manager ran what (Parsl before 2025.06.30). */
  readonly tries: number | null;
  readonly busy_time: number | null;
}

export interface FailureGroup {
  readonly error: string;
  readonly app: string | null;
  /** Tasks that ended so. */
  readonly tasks: number;
  /** Tries that ended so, retried ones too. */
  readonly tries: number;
  /** Hosts of those tries. */
  readonly hosts: number;
  /** The latest of them. */
  readonly task: number;
  readonly message: string;
}

/** Which records. All of it must hold; within one key any of the values will do. */
export interface RecordQuery {
  /** Canonical keys and the values that they may have. */
  readonly where: Readonly<Record<string, readonly (string | number)[]>>;
  /** Anywhere in the message. */
  readonly text?: string;
  /** Instants, microseconds. */
  readonly from?: number;
  readonly to?: number;
  readonly limit: number;
  readonly offset: number;
}

export interface RecordPage {
  /** Records that match; counted up to `recordsCountMax`. */
  readonly total: number;
  /** In order of time; records without a time last. A record that tells a naive local time has `time`, too. */
  readonly records: readonly WideRecord[];
}

/** A value that occurs under a key, and in how many of the records that match. */
export interface KeyValue {
  readonly value: string | number;
  readonly records: number;
}

export interface Reads {
  /** Records over all runs, or of those that `query` narrows down to. */
  records(query: RecordQuery): Promise<RecordPage>;
  /** Keys that occur in the records that match, for a reader to narrow down by, at most `keysMax`. */
  recordKeys(query: RecordQuery): Promise<readonly string[]>;
  /** The values of one key in the records that match, most frequent first, at most `valuesMax`. */
  recordValues(query: RecordQuery, key: string): Promise<readonly KeyValue[]>;
  runs(): Promise<readonly RunSummary[]>;
  run(run: string): Promise<RunDetail | undefined>;
  /** Sequence of the last journal entry that changed the run; undefined if it is not there. */
  revision(run: string): Promise<number | undefined>;
  tasks(run: string, query: TaskQuery): Promise<TaskPage>;
  task(run: string, task: number): Promise<TaskDetail | undefined>;
  /** What all logs and the monitoring said of a task, in order of time. */
  flow(run: string, task: number): Promise<Flow | undefined>;
  /** The typical task's steps, from its log lines; of one app if it is given. */
  lifeline(run: string, options: { readonly app?: string | undefined }): Promise<Lifeline | undefined>;
  /** Tasks and tries in each state over time, the two lanes apart, and lengths of queues. */
  lanes(run: string, points: number): Promise<Lanes | undefined>;
  /** Where tasks wait, and which resource is the limit in each period. */
  bottleneck(run: string): Promise<Bottleneck | undefined>;
  /** `by`: app, executor, host, block, manager, state, or any key of the records. */
  plots(run: string, options: { readonly by: string; readonly points: number }): Promise<Plots | undefined>;
  /** `points` instants from the run's first to its last, at most `pointsMax`. */
  states(run: string, points: number): Promise<StateSeries>;
  workers(run: string, points: number): Promise<WorkerSeries>;
  blocks(run: string): Promise<readonly BlockItem[]>;
  managers(run: string): Promise<readonly ManagerItem[]>;
  failures(run: string): Promise<readonly FailureGroup[]>;
  /** Hosts on which the run's tasks ran, for a filter to offer. */
  hosts(run: string): Promise<readonly string[]>;
}

export interface Store extends Reads {
  /** True if the file was made now, or made anew because its schema was another: replay the journal into it. */
  readonly fresh: boolean;
  /** Last journal sequence applied, 0 if none. */
  seq(): number;
  /** One transaction: all rows and the sequence, or nothing. */
  write(rows: Rows, seq: number): void;
  /** Resource samples that the limit cut so far. */
  samplesCut(): number;
  /** Log records that the limit cut so far. */
  recordsCut(): number;
  close(): void;
}

/** Instants of a series. */
export const pointsMax = 500;
/** Rows of one page of tasks. */
export const pageMax = 1_000;
/** Links of one kind that a task's answer lists. */
export const linksMax = 100;
/** Samples of one try that a task's answer lists. */
export const samplesShownMax = 500;
/** Groups of failures. */
export const failureGroupsMax = 500;
/** Records are counted no further. */
export const recordsCountMax = 10_000;
/** Keys that a filter offers. */
export const keysMax = 2_000;
/** Values of a key that a filter offers. */
export const valuesMax = 200;
/** Hosts that a filter offers. */
export const hostsMax = 500;
