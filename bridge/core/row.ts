/**
 * The rows of the read side: what the page and the command line ask for, projected from the model. A row holds all
 * that is known of its thing and replaces the row before it, so that writing one twice changes nothing.
 *
 * Times are instants in microseconds; null means never observed. Nothing here is inferred: who shows a row decides
 * what to infer, and says so.
 */
import type { WideRecord } from './record.ts';

export interface RunRow {
  /** Parsl's run_id, lower case. */
  readonly run: string;
  readonly workflow: string | null;
  readonly version: string | null;
  readonly user: string | null;
  readonly host: string | null;
  readonly rundir: string | null;
  readonly parsl_version: string | null;
  readonly python_version: string | null;
  readonly began: number | null;
  readonly completed: number | null;
  /** First and last instant that any record about the run speaks of. */
  readonly first_seen: number;
  readonly last_seen: number;
  /** The latest TASK_INFO: only its silence tells that a submit process died. */
  readonly last_task_info: number | null;
  readonly zone: string;
  /** plugin, config, logs, arrival or machine. */
  readonly zone_source: string;
  readonly closed: boolean;
  readonly trace_id: string;
}

export interface TaskRow {
  readonly run: string;
  readonly task: number;
  readonly app: string | null;
  /** State of the submit lane; `running` or `running_ended` while the execution lane is ahead of `launched`. */
  readonly state: string;
  readonly final: boolean;
  readonly executor: string | null;
  /** Launched tries. */
  readonly tries: number;
  readonly invoked: number | null;
  /** First try handed to its executor. */
  readonly launched: number | null;
  /** First and last times on a worker, over all tries. */
  readonly running: number | null;
  readonly running_ended: number | null;
  readonly returned: number | null;
  readonly depends: string | null;
  readonly joins: string | null;
  readonly hashsum: string | null;
  readonly memo_source: number | null;
  readonly fail_count: number;
  readonly fail_history: string | null;
  readonly stdout: string | null;
  readonly stderr: string | null;
  readonly inputs: string | null;
  readonly outputs: string | null;
  readonly host: string | null;
  readonly block: string | null;
  readonly manager: string | null;
  readonly closed: boolean;
  readonly trace_id: string;
  readonly span_id: string;
}

export interface TryRow {
  readonly run: string;
  readonly task: number;
  readonly try: number;
  readonly launched: number | null;
  readonly running: number | null;
  readonly running_ended: number | null;
  readonly returned: number | null;
  /** Latest state of the try's submit lane, if a status named it. */
  readonly state: string | null;
  readonly executor: string | null;
  readonly host: string | null;
  readonly block: string | null;
  readonly manager: string | null;
  readonly fail_history: string | null;
  /** Seconds of user and system time. */
  readonly cpu_time: number | null;
  /** Largest resident memory seen, bytes. */
  readonly memory_peak: number | null;
  readonly read_bytes: number | null;
  readonly write_bytes: number | null;
  /** JSON array of [lane, state, instant]: every state that was told, both lanes. */
  readonly states: string;
  readonly span_id: string;
}

export interface BlockRow {
  readonly run: string;
  readonly executor: string;
  readonly block: string;
  readonly job: string | null;
  readonly state: string;
  /** JSON array of [state, instant]. */
  readonly states: string;
  readonly first_seen: number;
  readonly ended: number | null;
}

export interface ManagerRow {
  readonly run: string;
  readonly manager: string;
  readonly executor: string | null;
  readonly block: string | null;
  readonly host: string | null;
  readonly workers: number | null;
  readonly cpus: number | null;
  /** Bytes. */
  readonly memory: number | null;
  readonly registered: number;
  readonly last_seen: number;
  /** When it was told to be active no more: held, gone with its block, or lost. */
  readonly left: number | null;
  readonly active: boolean;
  readonly draining: boolean;
  /** Executor tasks it holds now. */
  readonly held: number;
}

/** One resource message of a try: cumulative over the task's process and its children. */
export interface SampleRow {
  readonly run: string;
  readonly task: number;
  readonly try: number;
  readonly time: number;
  readonly cpu_time: number | null;
  readonly memory: number | null;
  readonly read_bytes: number | null;
  readonly write_bytes: number | null;
}

/** One record with text, as the operators left it: what a reader narrows down to and what a task's flow is made of. */
export interface RecordRow {
  /** Lower case; null for a record of no run. */
  readonly run: string | null;
  /** null where the record tells none. */
  readonly time: number | null;
  readonly record: WideRecord;
}

/** What one step of the fold changed. */
export interface Rows {
  readonly runs: readonly RunRow[];
  readonly tasks: readonly TaskRow[];
  readonly tries: readonly TryRow[];
  readonly blocks: readonly BlockRow[];
  readonly managers: readonly ManagerRow[];
  readonly samples: readonly SampleRow[];
  readonly records: readonly RecordRow[];
}
