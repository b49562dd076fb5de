/**
 * What one batch of records says, sorted by what it is about. Messages about one task or try are folded here, so that
 * three of them cost one row: what counts is the first and the last by their own time, whatever the order of arrival.
 * Of everything else the row is kept and the record let go: it is several times as large.
 */
import type { WideRecord } from '../../core/record.ts';
import {
  asText, blockValues, compare, isWorkerState, nodeValues, resourceValues, timeText, type Cell, type Place,
} from './rows.ts'; // prettier-ignore

/** The first and the last message about something. */
export interface Span {
  first: Told;
  last: Told;
}

export interface Told extends Place {
  readonly record: WideRecord;
}

export interface Start {
  readonly time: string;
  readonly block: string | null;
  readonly host: string | null;
}

export interface TryFacts {
  readonly number: number;
  told: Span | undefined;
  /** The latest start on a worker. */
  start: Start | undefined;
}

export interface TaskFacts {
  readonly task: number;
  told: Span | undefined;
  readonly tries: TryFacts[];
}

export interface RunFacts {
  readonly run: string;
  start: WideRecord | undefined;
  completed: string | null;
  failedCount: number | null;
  completedCount: number | null;
  readonly tasks: Map<number, TaskFacts>;
}

/** Rows that are only ever added, in the order of the columns of their statement. */
type Added = (readonly Cell[])[];

export interface Batch {
  readonly runs: Map<string, RunFacts>;
  readonly statuses: Added;
  readonly samples: Added;
  readonly nodes: Added;
  readonly blocks: Added;
  /** Records taken in, of all kinds. */
  records: number;
}

export function newBatch(): Batch {
  return { runs: new Map(), statuses: [], samples: [], nodes: [], blocks: [], records: 0 };
}

/** Records that are no monitoring message of a run have no row, and are passed over. */
export function collect(batch: Batch, record: WideRecord): void {
  const run = record['parsl.dfk'];
  if (typeof run !== 'string') return;
  batch.records += 1;
  switch (record['parsl.message_type']) {
    case 'TASK_INFO':
      return collectTask(batch, run, record);
    case 'WORKER_TASK_INFO':
      return collectWorker(batch, run, record);
    case 'RESOURCE_INFO':
      return collectResource(batch, run, record);
    case 'WORKFLOW_INFO':
      return collectWorkflow(runOf(batch, run), record);
    case 'NODE_INFO':
      batch.nodes.push(nodeValues(record));
      return;
    case 'BLOCK_INFO':
      batch.blocks.push(blockValues(record));
      return;
    default:
      batch.records -= 1;
  }
}

function collectTask(batch: Batch, run: string, record: WideRecord): void {
  const task = record['parsl.task'];
  const state = record['parsl.task_state'];
  const time = timeText(record['parsl.timestamp']);
  if (typeof task !== 'number' || typeof state !== 'string' || time === null) return;
  const facts = runOf(batch, run);
  learnCounts(facts, record);
  const attempt = attemptOf(record);
  batch.statuses.push([task, state, time, run, attempt]);
  const about = taskOf(facts, task);
  const told = { record, time, state };
  // A message that does not name the app or the executor is no message of Parsl's, which always does.
  if (typeof record['parsl.app_name'] === 'string') about.told = extend(about.told, told);
  const attempted = tryOf(about, attempt);
  if (typeof record['parsl.executor'] === 'string') attempted.told = extend(attempted.told, told);
}

function collectWorker(batch: Batch, run: string, record: WideRecord): void {
  const task = record['parsl.task'];
  const state = record['parsl.task_state'];
  const time = timeText(record['parsl.timestamp']);
  if (typeof task !== 'number' || typeof state !== 'string' || !isWorkerState(state) || time === null) return;
  const attempt = attemptOf(record);
  batch.statuses.push([task, state, time, run, attempt]);
  if (state !== 'running') return;
  const attempted = tryOf(taskOf(runOf(batch, run), task), attempt);
  if (attempted.start !== undefined && attempted.start.time > time) return;
  attempted.start = { time, block: asText(record['parsl.block']), host: asText(record['host.name']) };
}

/** A sample of resources; the first one of a try told its start, too, in Parsl 1.0. */
function collectResource(batch: Batch, run: string, record: WideRecord): void {
  const task = record['parsl.task'];
  const time = timeText(record['parsl.timestamp']);
  if (typeof task !== 'number' || time === null) return;
  batch.samples.push(resourceValues(attemptOf(record), task, run, time, record));
  if (record['parsl.task_state'] !== undefined) collectWorker(batch, run, record);
}

/** The start message alone names the host; the other one is the end. */
function collectWorkflow(facts: RunFacts, record: WideRecord): void {
  learnCounts(facts, record);
  if (typeof record['parsl.workflow_info.host'] === 'string') facts.start = record;
  const completed = timeText(record['parsl.workflow_info.time_completed']);
  if (completed !== null && (facts.completed === null || completed > facts.completed)) facts.completed = completed;
}

/** Counts only grow: the largest is the newest. */
function learnCounts(facts: RunFacts, record: WideRecord): void {
  facts.failedCount = larger(facts.failedCount, record['parsl.workflow_info.tasks_failed_count']);
  facts.completedCount = larger(facts.completedCount, record['parsl.workflow_info.tasks_completed_count']);
}

function larger(known: number | null, told: unknown): number | null {
  return typeof told === 'number' && (known === null || told > known) ? told : known;
}

/** Parsl 1.0 numbers no tries: there it is the failures so far, and 0 in a worker's messages. */
function attemptOf(record: WideRecord): number {
  const attempt = record['parsl.try'] ?? record['parsl.task_fail_count'];
  return typeof attempt === 'number' ? attempt : 0;
}

function extend(span: Span | undefined, told: Told): Span {
  if (span === undefined) return { first: told, last: told };
  if (compare(told, span.first) < 0) span.first = told;
  if (compare(told, span.last) >= 0) span.last = told;
  return span;
}

function runOf({ runs }: Batch, run: string): RunFacts {
  let facts = runs.get(run);
  if (facts === undefined) {
    facts = { run, start: undefined, completed: null, failedCount: null, completedCount: null, tasks: new Map() };
    runs.set(run, facts);
  }
  return facts;
}

function taskOf({ tasks }: RunFacts, task: number): TaskFacts {
  let facts = tasks.get(task);
  if (facts === undefined) tasks.set(task, (facts = { task, told: undefined, tries: [] }));
  return facts;
}

function tryOf({ tries }: TaskFacts, number: number): TryFacts {
  for (const known of tries) if (known.number === number) return known;
  const facts: TryFacts = { number, told: undefined, start: undefined };
  tries.push(facts);
  return facts;
}
