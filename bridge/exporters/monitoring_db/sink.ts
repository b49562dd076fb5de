/**
 * Records to the rows of monitoring.db, as Parsl's DatabaseManager of the release that sent them would have written them,
 * in any order of arrival and any number of times (DESIGN.md §9).
 *
 * All that decides is in the file: which message of a task is the first and which the last is told by its `status` rows.
 * So a sink can be stopped at any commit and started again, a journal can be replayed into it, and several bridges can
 * write one file. Nothing is kept from one commit to the next.
 */
import Database from 'better-sqlite3';

import { BridgeError, reasonOf } from '../../core/errors.ts';
import type { WideRecord } from '../../core/record.ts';
import { collect, newBatch, type Batch, type RunFacts, type Span, type Start, type TaskFacts } from './collect.ts';
import { openMonitoringDb, type OpenOptions } from './file.ts';
import { compare, fixedTask, isWorkerState, movingTask, movingTry, workflowValues, type Cell, type Place } from './rows.ts'; // prettier-ignore
import { prepare, type Statement, type Statements } from './statements.ts';
import { waitingTable } from './tables.ts';

export interface Sink {
  /**
   * Takes records in. Their rows go to the file a few hundred at a time, in a transaction that ends at commit(), or sooner
   * where it becomes large: memory does not depend on how much is added. Throws as commit() does.
   */
  add(records: readonly WideRecord[]): void;
  /**
   * Makes what was added last, and gives what could not be written: rows whose values the table refuses. Throws
   * BRIDGE_IO where the file is locked or full; then all since the last commit has to be added again.
   */
  commit(): BridgeError[];
  close(): void;
}

/** Enough that several messages about a task often cost one row, few enough that they die young (bench/database). */
const WRITE_RECORDS = 250;
const COMMIT_RECORDS = 10_000;

export function openSink(path: string, options: OpenOptions): Sink {
  return new FileSink(openMonitoringDb(path, options), path);
}

interface Known extends Place {
  readonly attempt: number;
}

class FileSink implements Sink {
  readonly #db: Database.Database;
  readonly #path: string;
  #statements: Statements;
  #batch = newBatch();
  /** Records whose rows are in the open transaction. */
  #written = 0;
  #problems: BridgeError[] = [];

  constructor(db: Database.Database, path: string) {
    this.#db = db;
    this.#path = path;
    this.#statements = prepare(db);
  }

  add(records: readonly WideRecord[]): void {
    for (const record of records) {
      collect(this.#batch, record);
      if (this.#batch.records < WRITE_RECORDS) continue;
      this.#write();
      if (this.#written >= COMMIT_RECORDS) this.#end();
    }
  }

  commit(): BridgeError[] {
    if (this.#batch.records > 0) this.#write();
    this.#end();
    return this.#problems.splice(0);
  }

  close(): void {
    this.#db.close();
  }

  #write(): void {
    const batch = this.#batch;
    this.#batch = newBatch();
    this.#orNothing(() => {
      if (!this.#db.inTransaction) this.#db.exec('BEGIN IMMEDIATE');
      // Another bridge may have made the table since.
      this.#statements.findWaiting();
      for (const run of batch.runs.values()) this.#writeRun(run);
      this.#writeEvents(batch);
      this.#written += batch.records;
    });
  }

  #end(): void {
    this.#written = 0;
    if (this.#db.inTransaction) this.#orNothing(() => this.#db.exec('COMMIT'));
  }

  #orNothing(act: () => void): void {
    try {
      act();
    } catch (error) {
      if (this.#db.inTransaction) this.#db.exec('ROLLBACK');
      this.#written = 0;
      this.#problems = [];
      throw BridgeError.from(error, 'BRIDGE_IO', `write ${this.#path}`);
    }
  }

  /** Rows that the table refuses are told of, the others are written. */
  #attempt(what: string, write: () => void): void {
    try {
      write();
    } catch (error) {
      this.#refused(what, error);
    }
  }

  /** The same for rows that need no look at others; most rows are such. */
  #add(insert: Statement, rows: readonly (readonly Cell[])[], nameOf: (row: readonly Cell[]) => string): void {
    for (const row of rows) {
      try {
        insert.run(...row);
      } catch (error) {
        this.#refused(nameOf(row), error);
      }
    }
  }

  /** Throws what is not the row's fault. */
  #refused(what: string, error: unknown): void {
    const isRefused = !(error instanceof Database.SqliteError) || error.code.startsWith('SQLITE_CONSTRAINT');
    if (!isRefused || error instanceof BridgeError) throw error;
    const message = `write ${what} to ${this.#path}: ${reasonOf(error)}`;
    this.#problems.push(new BridgeError('BRIDGE_DECODE', message, { cause: error, reason: 'row' }));
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
    const { insertStatus, insertResource, insertBlock, insertNode } = this.#statements;
    this.#add(insertStatus, statuses, ([task, state]) => `status ${String(state)} of task ${String(task)}`);
    this.#add(insertResource, samples, ([, task]) => `resources of task ${String(task)}`);
    this.#add(insertBlock, blocks, ([, , block]) => `block ${String(block)}`);
    this.#add(insertNode, nodes, ([, , manager]) => `manager ${String(manager)}`);
  }
}

function isFirst({ first }: Span, known: readonly Known[]): boolean {
  return known.every((place) => isWorkerState(place.state) || compare(first, place) <= 0);
}

function isLast({ last }: Span, known: readonly Known[]): boolean {
  return known.every((place) => isWorkerState(place.state) || compare(last, place) >= 0);
}
