/**
 * What the fidelity tests hold the operators against: a recording's records as the rules leave them, what its workflow
 * knows of itself (expect.json), and patterns, independent of the rules, that find the lines which name a task.
 */
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
