/**
 * What the fidelity tests hold the operators against: a recording's records as the rules leave them, what its workflow
 * knows of itself (expect.json), and patterns, independent of the rules, that find the lines which name a task.
 */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';

import type { WideRecord } from '../../bridge/core/record.ts';
import { findInputs } from '../../bridge/inputs.ts';
import type { Contradiction } from '../../bridge/processors/imply.ts';
import { readWidened } from '../../bridge/widened.ts';

const fixtures = join(import.meta.dirname, '..', 'fixtures');

export interface Read {
  readonly records: readonly WideRecord[];
  readonly contradictions: readonly Contradiction[];
}

export function archiveOf(name: string): string {
  const own = join(fixtures, 'fidelity', `${name}.tar.gz`);
  return existsSync(own) ? own : join(fixtures, 'run_dirs', `${name}.tar.gz`);
}

export async function readAll(paths: readonly string[]): Promise<Read> {
  const records: WideRecord[] = [];
  const contradictions: Contradiction[] = [];
  const report = (error: Error): void => {
    throw error;
  };
  const options = { report, onContradiction: (found: Contradiction) => contradictions.push(found) };
  for await (const batch of readWidened(findInputs(paths), options)) for (const record of batch) records.push(record);
  return { records, contradictions };
}

export interface ExpectedTry {
  readonly try: number;
  readonly executor: string;
  readonly executor_task: number | null;
  readonly executions: readonly {
    readonly pid: number;
    readonly t: number;
    readonly t_end?: number;
    readonly sandbox?: string;
  }[];
}

export interface ExpectedTask {
  readonly task: number;
  readonly app: string;
  readonly key: string;
  readonly tries: readonly ExpectedTry[];
}

export interface Expected {
  readonly run_id?: string;
  readonly run_ids?: readonly string[];
  readonly tasks?: readonly ExpectedTask[];
  readonly requests?: readonly { readonly key: string; readonly parsl_tasks: readonly { readonly task: number }[] }[];
}

export function expectedOf(name: string): Expected {
  const path = join(fixtures, 'fidelity', `${name}.expect.json.gz`);
  return JSON.parse(gunzipSync(readFileSync(path)).toString('utf8')) as Expected;
}

/** What a line names: Parsl's task, the executor's own, or Work Queue's or TaskVine's number of it. */
export interface Named {
  readonly kind: 'task' | 'executor_task' | 'workqueue' | 'taskvine';
  readonly numbers: readonly number[];
  readonly attempt?: number;
}

/** Lines that name tasks and are about none of them, and why. */
export const aboutNone: readonly (readonly [RegExp, string])[] = [
  [/^(?:\[MAIN\] )?Current tasks(?: on manager b'\w+')?: \[/, 'a list of all that a manager holds'],
  [/^Sending message \{/, 'a list of all that a manager holds'],
  [/^Manager b'\w+' -> \{/, 'a list of all that a manager holds'],
  [/ done in [\d.]+s total tasks \d+ average/, 'a number of tasks'],
];

/** By `source.log` or `source.format`: the patterns of lines that name a task, tried in order on the first line. */
const patterns: Readonly<Record<string, readonly (readonly [RegExp, Named['kind']])[]>> = {
  parsl: [
    [/[Ee]xecutor task (\d+)\b/, 'executor_task'],
    [/^Placing task (\d+) on message queue/, 'executor_task'],
    // TaskVineExecutor's own number, whatever it calls it.
    [/^Updating Future for Parsl Task: (\d+)/, 'executor_task'],
    [/\b[Tt]ask (\d+)\b(?: try (\d+))?/, 'task'],
  ],
  interchange: [[/\btasks?:? \[?(\d+(?:, \d+)*)/, 'executor_task']],
  manager: [[/\bexecutor tasks?:? \[?(\d+(?:, \d+)*)/, 'executor_task']],
  worker: [[/\bexecutor task (\d+)/, 'executor_task']],
  work_queue: [[/\b(?:[Tt]ask|TASK) (\d+)\b/, 'workqueue'], [/\/t\.(\d+)\//, 'workqueue'], [/^TRANSFER \w+ (\d+)/, 'workqueue'], [/\/function_data\/(\d+)\//, 'executor_task']],
  taskvine: [[/\b(?:[Tt]ask |TASK T?)(\d+)\b/, 'taskvine'], [/\/task\.(\d+)\//, 'taskvine'], [/\/(\d{4})\/(?:function|argument|map|result)\b/, 'executor_task']],
}; // prettier-ignore

/** What the first line of a record's message names; undefined: no task. */
export function namedBy(record: WideRecord): Named | undefined {
  const { message } = record;
  if (typeof message !== 'string') return undefined;
  const [line = ''] = message.split('\n', 1);
  const log = record['source.log'] === 'other' ? 'parsl' : String(record['source.log']);
  for (const [pattern, kind] of patterns[log] ?? []) {
    const [, numbers, attempt] = pattern.exec(line) ?? [];
    if (numbers === undefined) continue;
    return { kind, numbers: numbers.split(', ').map(Number), ...(attempt === undefined ? {} : { attempt: Number(attempt) }) }; // prettier-ignore
  }
  return undefined;
}

/** Who a line is about, as far as the workflow knows. */
export interface Truth {
  covers(kind: string): boolean;
  /** The (task, try) that a line is about; undefined where nobody but the logs knows. */
  of(named: Named, record: WideRecord): { readonly task: number; readonly try: number | undefined } | undefined;
}

interface Score {
  named: number;
  right: number;
  /** Right, as far as anybody knows: it has a task, and the workflow does not know which. */
  unknown: number;
  readonly wrong: string[];
  readonly missing: string[];
}

const MIN_SHARE = 0.99;

/** By kind of log and format. */
function scores({ records }: Read, truth: Truth): Map<string, Score> {
  const found = new Map<string, Score>();
  for (const record of records) {
    const named = namedBy(record);
    const line = String(record['message']).split('\n', 1)[0] ?? '';
    if (named === undefined || aboutNone.some(([pattern]) => pattern.test(line))) continue;
    const kind = `${String(record['source.log'])} ${String(record['source.format'])}`;
    if (!truth.covers(kind)) continue;
    const score = found.get(kind) ?? { named: 0, right: 0, unknown: 0, wrong: [], missing: [] };
    found.set(kind, score);
    score.named += 1;
    const place = `${String(record['source.path'])}:${String(record['source.line'])} ${line}`;
    const expected = truth.of(named, record);
    const [task, attempt] = [record['parsl.task'], record['parsl.try']];
    if (task === undefined) score.missing.push(place);
    else if (expected === undefined) score.unknown += 1;
    else if (
      task !== expected.task ||
      (attempt !== undefined && expected.try !== undefined && attempt !== expected.try)
    )
      score.wrong.push(`${place}: task ${String(task)} try ${String(attempt)}, not ${JSON.stringify(expected)}`);
    else if (expected.try !== undefined && attempt === undefined) score.missing.push(place);
    else score.right += 1;
  }
  return found;
}

/** At least 99 % of the lines that name a task have the right one and its try, in each kind of log; none a wrong one. */
export function check(read: Read, truth: Truth, kinds: readonly string[]): void {
  const found = scores(read, truth);
  for (const [kind, { named, right, unknown, wrong, missing }] of found) {
    assert.deepEqual(wrong, [], kind);
    const share = (right + unknown) / named;
    assert.ok(share >= MIN_SHARE, `${kind}: ${right + unknown} of ${named}: ${missing.slice(0, 5).join('\n')}`);
  }
  assert.deepEqual(
    kinds.filter((kind) => !found.has(kind)),
    [],
    'logs in which no line names a task',
  );
  assert.deepEqual(read.contradictions, []);
}

/** From expect.json: what the workflow's own futures and bodies know. */
export function truthOf({ tasks = [] }: Expected): Truth {
  const executorTasks = new Map<string, { task: number; try: number }>();
  const sandboxes = new Map<number, { task: number; try: number }>();
  for (const { task, tries } of tasks) {
    for (const { try: attempt, executor, executor_task, executions } of tries) {
      if (executor_task !== null) executorTasks.set(`${executor} ${executor_task}`, { task, try: attempt });
      for (const { sandbox } of executions)
        if (sandbox !== undefined) sandboxes.set(Number(sandbox.replace(/^\D+/, '')), { task, try: attempt });
    }
  }
  return {
    covers: () => true,
    of({ kind, numbers, attempt }, record) {
      const [number = NaN] = numbers;
      if (kind === 'task') return { task: number, try: attempt };
      if (kind === 'workqueue' || kind === 'taskvine') return sandboxes.get(number);
      const own = record['parsl.executor_task'];
      // One of several that the line names: each record is about one.
      const chosen = typeof own === 'number' && numbers.includes(own) ? own : number;
      return executorTasks.get(`${String(record['parsl.executor'])} ${chosen}`);
    },
  };
}
