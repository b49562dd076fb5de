/**
 * convert: reads all of its input as a stream, folds, writes at the end, sorted; equal records count once. The same
 * fold as the bridge's, closing at the end of input only (DESIGN.md §4.8 and §13).
 *
 * Records are sorted in a temporary SQLite database, which stays in memory as long as it fits there.
 */
import Database from 'better-sqlite3';

import type { BridgeError } from './core/errors.ts';
import type { Frame } from './core/frame.ts';
import type { Value, WideRecord } from './core/record.ts';
import { number, text } from './core/record.ts';
import type { Metric } from './core/signal.ts';
import type { Zone } from './core/time.ts';
import type { EngineCounts, Output } from './engine.ts';
import { Engine } from './engine.ts';
import { recordLine } from './exporters/jsonl.ts';
import type { Sink } from './exporters/monitoring_db/sink.ts';
import { toOtlpJson } from './exporters/otlp_json.ts';
import { decodeFrames } from './formats/frames.ts';
import { isLine } from './model/learn.ts';
import { Ranges } from './model/ranges.ts';
import { isOfRuns } from './of_runs.ts';
import { createOperators, noLimits } from './processors/operators.ts';
import type { LoadedRules } from './rules.ts';
import { loadRules } from './rules.ts';

export const convertFormats = ['otlp_json', 'jsonl', 'monitoring_db'] as const;
export type ConvertFormat = (typeof convertFormats)[number];

export interface ConvertOptions {
  readonly to: ConvertFormat;
  readonly zone: Zone | undefined;
  /** What widens the records; the shipped rules where none are given. */
  readonly rules?: LoadedRules;
  /** Beginnings of ids of runs; the records of others are passed over. None: all. */
  readonly runs?: readonly string[];
  /** Takes one line of output, without its newline. */
  readonly write: (line: string) => void;
  /** Takes the records where `to` is monitoring_db; its rows need no sorting. */
  readonly sink?: Sink | undefined;
  readonly report: (error: BridgeError) => void;
}

export interface ConvertResult {
  readonly messages: number;
  readonly records: number;
  readonly spans: number;
  readonly problems: number;
  readonly counts: EngineCounts;
}

/** What becomes of the records. Both give the problems that came up. */
interface Target {
  take(records: readonly WideRecord[]): readonly BridgeError[];
  end(): readonly BridgeError[];
}

const noProblems: readonly BridgeError[] = [];

/** Batches of frames in, lines or rows out. */
export async function convert(
  batches: AsyncIterable<readonly Frame[]>,
  options: ConvertOptions,
): Promise<ConvertResult> {
  const { to, zone, rules = loadRules([]), runs = [], write, sink, report } = options;
  const total = { messages: 0, records: 0, spans: 0, problems: 0 };
  const tell = (problems: readonly BridgeError[]): void => {
    total.problems += problems.length;
    problems.forEach(report);
  };
  const engine = new Engine({ closing: 'end', zone, onOutput: (output) => writeSignals(output, []) });
  const writeSignals = (output: Output, metrics: readonly Metric[]): void => {
    total.spans += output.spans.length;
    for (const line of toOtlpJson({ ...output, records: [], metrics })) write(line);
  };
  const spans: Target = {
    take(records) {
      engine.apply(records, 0);
      return noProblems;
    },
    end() {
      writeSignals(engine.finish(), engine.collect(undefined));
      return noProblems;
    },
  };
  const operators = createOperators({ ...rules, limits: noLimits });
  const target = sink !== undefined ? rowTarget(sink, zone) : to === 'jsonl' ? lineTarget(write) : spans;
  const isWanted = isOfRuns(runs);
  for await (const frames of batches) {
    const { records, problems } = decodeFrames(frames, 'convert');
    total.messages += frames.length;
    total.records += records.length;
    tell(problems.map(({ error }) => error));
    tell(target.take(operators.apply(records, 0).filter(isWanted)));
  }
  tell(target.take(operators.finish().filter(isWanted)));
  tell(target.end());
  return { ...total, counts: engine.counts };
}

/** Messages go to the sink as they come; what lines alone tell is folded, and goes there at the end. */
function rowTarget(sink: Sink, zone: Zone | undefined): Target {
  const engine = new Engine({ closing: 'end', zone, hasSignals: false });
  const told = new Map<string, Ranges>();
  const isTold = (record: WideRecord): boolean =>
    told.get(text(record, 'parsl.dfk') ?? '')?.has(number(record, 'parsl.task') ?? -1) === true;
  return {
    take(records) {
      sink.add(records);
      engine.apply(records.filter(isLine), 0);
      for (const record of records) {
        const run = isLine(record) ? undefined : text(record, 'parsl.dfk');
        if (run === undefined) continue;
        let tasks = told.get(run);
        if (tasks === undefined) told.set(run, (tasks = new Ranges()));
        tasks.add(number(record, 'parsl.task') ?? -1);
      }
      return noProblems;
    },
    end() {
      const { messages } = engine.finish();
      sink.add(messages.filter((record) => !isTold(record)));
      return sink.commit();
    },
  };
}

/** SQLite knows no booleans; where one stands, somebody made a mistake. */
function sortable(value: Value | undefined): Exclude<Value, boolean> {
  return typeof value === 'boolean' ? Number(value) : (value ?? null);
}

/** Sorts records by run, task, try and time, and drops repeats. A repeat may have arrived at another time. */
function lineTarget(write: (line: string) => void): Target {
  const db = new Database('');
  db.pragma('journal_mode = OFF');
  db.exec('CREATE TABLE lines (run, task, try, time, said TEXT, line TEXT)');
  const insert = db.prepare('INSERT INTO lines VALUES (?, ?, ?, ?, ?, ?)');
  db.exec('BEGIN');
  function add(record: WideRecord): void {
    const { time = record['parsl.timestamp'] ?? null } = record;
    const said: Partial<WideRecord> = { ...record };
    delete said['source.arrival'];
    delete said['source.receiver'];
    const keys = [record['parsl.dfk'], record['parsl.task'], record['parsl.try'], time].map(sortable);
    insert.run(...keys, recordLine(said as WideRecord), recordLine(record));
  }
  return {
    take(records) {
      records.forEach(add);
      return noProblems;
    },
    end() {
      const rows = db.prepare(
        'SELECT min(line) AS line FROM lines GROUP BY run, task, try, time, said ORDER BY run, task, try, time, said',
      );
      for (const { line } of rows.iterate() as IterableIterator<{ line: string }>) write(line);
      db.close();
      return noProblems;
    },
  };
}
