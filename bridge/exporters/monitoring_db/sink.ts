/**
 * Records to the rows of monitoring.db, as Parsl's DatabaseManager of the release that sent them would have written them,
 * in any order of arrival and any number of times (DESIGN.md §9).
 *
 * All that decides is in the file: which message of a task is the first and which the last is told by its `status` rows.
 * So a sink can be stopped at any commit and started again, a journal can be replayed into it, and several bridges can
 * write one file. One commit is one transaction; nothing is kept from one to the next.
 */
import Database from 'better-sqlite3';

import { BridgeError, reasonOf } from '../../core/errors.ts';
import type { WideRecord } from '../../core/record.ts';
import { collect, newBatch, type Batch, type RunFacts, type Span, type Start, type TaskFacts } from './collect.ts';
import { openMonitoringDb, type OpenOptions } from './file.ts';
import {
  blockValues, compare, fixedTask, isWorkerState, movingTask, movingTry, nodeValues, resourceValues, workflowValues,
  type Cell, type Place,
} from './rows.ts'; // prettier-ignore
import { prepare, type Statements } from './statements.ts';
import { waitingTable } from './tables.ts';

export interface Sink {
  /** Records taken in since the last commit. */
  readonly waiting: number;
  add(records: readonly WideRecord[]): void;
  /**
   * Writes what was added, in one transaction, and gives what could not be written: a row whose values the table
   * refuses. Throws BRIDGE_IO where the file is locked or full; then none of it is written, and it can be added again.
   */
  commit(): BridgeError[];
  close(): void;
}

export function openSink(path: string, options: OpenOptions): Sink {
  const db = openMonitoringDb(path, options);
  const writer = new BatchWriter(db, path);
  let batch = newBatch();
  return {
    get waiting() {
      return batch.records;
    },
    add(records) {
      for (const record of records) collect(batch, record);
    },
    commit() {
      if (batch.records === 0) return [];
      const taken = batch;
      batch = newBatch();
      return writer.write(taken);
    },
    close: () => db.close(),
  };
}

interface Known extends Place {
  readonly attempt: number;
}

class BatchWriter {
  readonly #db: Database.Database;
  readonly #path: string;
  #statements: Statements;
  #problems: BridgeError[] = [];

  constructor(db: Database.Database, path: string) {
    this.#db = db;
    this.#path = path;
    this.#statements = prepare(db);
  }

  write(batch: Batch): BridgeError[] {
    this.#problems = [];
    try {
      this.#db.exec('BEGIN IMMEDIATE');
      // Another bridge may have made the table since.
      this.#statements.findWaiting();
      for (const run of batch.runs.values()) this.#writeRun(run);
      this.#writeEvents(batch);
      this.#db.exec('COMMIT');
    } catch (error) {
      if (this.#db.inTransaction) this.#db.exec('ROLLBACK');
      throw BridgeError.from(error, 'BRIDGE_IO', `write ${this.#path}`);
    }
    return this.#problems;
  }

  /** Rows that the table refuses are told of, the others are written. */
  #attempt(what: string, write: () => void): void {
    try {
      write();
    } catch (error) {
      const isRefused = !(error instanceof Database.SqliteError) || error.code.startsWith('SQLITE_CONSTRAINT');
      if (!isRefused || error instanceof BridgeError) throw error;
      const message = `write ${what} to ${this.#path}: ${reasonOf(error)}`;
      this.#problems.push(new BridgeError('BRIDGE_DECODE', message, { cause: error, reason: 'row' }));
    }
  }

  #writeRun(facts: RunFacts): void {
    this.#attempt(`run ${facts.run}`, () => this.#writeWorkflow(facts));
    for (const task of facts.tasks.values())
      this.#attempt(`task ${task.task} of run ${facts.run}`, () => this.#writeTask(facts.run, task));
  }

  #writeWorkflow({ run, start, completed, failedCount, completedCount }: RunFacts): void {
    const statements = this.#statements;
    if (start !== undefined) {
      const inserted = statements.insertWorkflow.run(...workflowValues(start), 0, 0).changes > 0;
      const earlier = inserted ? statements.waiting?.take(run, -1, -1) : undefined;
      if (earlier !== undefined)
        statements.updateWorkflow.run(earlier.failed ?? 0, earlier.completed ?? 0, earlier.time, earlier.time, run);
    }
    if (failedCount === null && completedCount === null && completed === null) return;
    const counts = [failedCount ?? 0, completedCount ?? 0] as const;
    if (statements.updateWorkflow.run(...counts, completed, completed, run).changes > 0) return;
    this.#wait([run, -1, -1, completed, null, null, ...counts]);
  }

  #writeTask(run: string, { task, told, tries }: TaskFacts): void {
    const statements = this.#statements;
    let known: readonly Known[] | undefined;
    const knownOf = (): readonly Known[] => (known ??= statements.statusesOf(task, run));
    if (told !== undefined) {
      const { first, last } = told;
      const inserted = statements.insertTask.run(task, run, ...fixedTask(first.record), ...movingTask(last.record));
      if (inserted.changes === 0) {
        if (isFirst(told, knownOf())) statements.updateFixedTask.run(...fixedTask(first.record), task, run);
        if (isLast(told, knownOf())) statements.updateMovingTask.run(...movingTask(last.record), task, run);
      }
    }
    for (const { number, told, start } of tries) {
      if (told !== undefined) {
        const executor = told.first.record['parsl.executor'] as string;
        const inserted = statements.insertTry.run(number, task, run, executor, ...movingTry(told.last.record));
        if (inserted.changes === 0) this.#updateTry(run, task, number, told, knownOf());
        else this.#applyWaiting(run, task, number);
      }
      if (start !== undefined) this.#applyStart(run, task, number, start);
    }
  }

  #updateTry(run: string, task: number, number: number, told: Span, known: readonly Known[]): void {
    const same = known.filter(({ attempt }) => attempt === number);
    const executor = told.first.record['parsl.executor'] as string;
    if (isFirst(told, same)) this.#statements.updateFixedTry.run(executor, number, task, run);
    if (isLast(told, same)) this.#statements.updateMovingTry.run(...movingTry(told.last.record), number, task, run);
  }

  #applyWaiting(run: string, task: number, number: number): void {
    const earlier = this.#statements.waiting?.take(run, task, number);
    if (earlier?.time == null) return;
    this.#applyStart(run, task, number, { time: earlier.time, block: earlier.block_id, host: earlier.hostname });
  }

  /** Of several starts of one try the latest counts. */
  #applyStart(run: string, task: number, number: number, { time, block, host }: Start): void {
    const statements = this.#statements;
    if (statements.updateStart.run(time, block, host, number, task, run, time).changes > 0) return;
    if (statements.hasTry.get(number, task, run) !== undefined) return;
    this.#wait([run, task, number, time, block, host, null, null]);
  }

  #wait(values: readonly Cell[]): void {
    if (this.#statements.waiting === undefined) {
      this.#db.exec(waitingTable);
      this.#statements.findWaiting();
    }
    this.#statements.waiting?.put.run(...values);
  }

  #writeEvents({ statuses, samples, nodes, blocks }: Batch): void {
    const { insertStatus, insertResource, insertBlock, insertNode, hasNode } = this.#statements;
    for (const { run, task, attempt, time, state } of statuses)
      this.#attempt(`status ${state} of task ${task}`, () => insertStatus.run(task, state, time, run, attempt));
    for (const { run, task, attempt, time, record } of samples)
      this.#attempt(`resources of task ${task}`, () =>
        insertResource.run(attempt, task, run, time, ...resourceValues(record)),
      );
    for (const record of blocks)
      this.#attempt(`block ${String(record['parsl.block'])}`, () => insertBlock.run(...blockValues(record)));
    for (const record of nodes) {
      const values = nodeValues(record);
      this.#attempt(`manager ${String(record['parsl.manager'])}`, () => {
        if (hasNode.get(...values) === undefined) insertNode.run(...values);
      });
    }
  }
}

function isFirst({ first }: Span, known: readonly Known[]): boolean {
  return known.every((place) => isWorkerState(place.state) || compare(first, place) <= 0);
}

function isLast({ last }: Span, known: readonly Known[]): boolean {
  return known.every((place) => isWorkerState(place.state) || compare(last, place) >= 0);
}
