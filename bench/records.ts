/**
 * How long does one wait for a task's story? Log records of a run of 25,000 tasks, 20 a task as an HTEX run at debug
 * level has them, written into the read side and asked for: one task's, one executor task's, what a reader narrows down by.
 *
 * Promise: 500,000 records are in within a minute, and one task's are there within a second. Run: node bench/records.ts [RECORDS...]
 */
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';

import type { WideRecord } from '../bridge/core/record.ts';
import type { RecordRow } from '../bridge/core/row.ts';
import { openStore } from '../bridge/store/sqlite.ts';
import type { RecordQuery, Store } from '../bridge/store/store.ts';
import { makeRows, none } from '../test/store/rows.ts';

const ROUNDS = 5;
const PER_TASK = 20;
const BATCH = 5_000;
const BEGAN = 1_795_253_630_000_000;
const MANAGERS = 64;
const run = makeRows({ tasks: 1 }).runs[0]!;
const sizes = process.argv.slice(2).map(Number);

/** The n-th line that is logged of a task: seven files' words, each with its own place in the code. */
function lineOf(task: number, step: number): RecordRow {
  const manager = (task % MANAGERS).toString(16).padStart(12, '0');
  const log = step < 9 ? 'parsl' : step < 13 ? 'interchange' : step < 16 ? 'manager' : 'worker';
  const place = log === 'manager' || log === 'worker' ? `htex/block-${task % 8}/${manager}/${log}_${task % 16}.log` : `${log}.log`; // prettier-ignore
  const time = BEGAN + task * 1_000 + step * 150;
  const record: WideRecord = {
    time: BigInt(time) * 1000n,
    message: `Step ${step} of task ${task} has been taken, with a text as long as those of Parsl's own lines are`,
    level: step % 4 === 0 ? 'INFO' : 'DEBUG',
    'log.logger': `parsl.${log}`,
    'log.template': `Step ${step} of task # has been taken, with a text as long as those of Parsl's own lines are`,
    'code.function.name': `function_${step}`,
    'code.line.number': 100 + step,
    'process.pid': 1000,
    'process.name': log === 'worker' ? `HTEX-Worker-${task % 16}` : 'MainProcess',
    'thread.name': step < 9 ? `Task-Launch_${task % 8}` : 'MainThread',
    'source.input': 'runinfo',
    'source.format': 'parsl_text_log',
    'source.run_dir': '000',
    'source.path': `000/${place}`,
    'source.line': task * PER_TASK + step,
    'source.log': log,
    'parsl.dfk': run.run,
    'parsl.executor': 'htex',
    'parsl.task': task,
    'parsl.try': 0,
    'parsl.executor_task': task + 1,
    ...(log === 'manager' || log === 'worker' ? { 'parsl.block': String(task % 8), 'parsl.manager': manager } : {}),
  };
  return { run: run.run, time, record };
}

async function median(work: () => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const began = performance.now();
    await work();
    times.push(performance.now() - began);
  }
  return times.sort((a, b) => a - b)[ROUNDS >> 1]!;
}

async function ask(store: Store, count: number): Promise<number> {
  const query = (some: Partial<RecordQuery>): RecordQuery => ({ where: {}, limit: 200, offset: 0, ...some });
  const task = Math.floor(count / PER_TASK / 2);
  const flow = await median(() => store.records(query({ where: { 'parsl.dfk': [run.run], 'parsl.task': [task] } })));
  const questions: [string, () => Promise<unknown>][] = [
    ['one executor task', () => store.records(query({ where: { 'parsl.executor_task': [task] } }))],
    ['all, first page', () => store.records(query({}))],
    ['all, page 1000', () => store.records(query({ offset: 200_000 }))],
    ['one level', () => store.records(query({ where: { level: ['INFO'] } }))],
    ['one manager', () => store.records(query({ where: { 'parsl.manager': ['000000000003'] } }))],
    ['one template of one worker file', () => store.records(query({ where: { 'code.line.number': [117], 'source.path': ['000/htex/block-3/000000000003/worker_3.log'] } }))],
    ['text, many hits', () => store.records(query({ text: 'step 7 of' }))],
    ['text, one hit', () => store.records(query({ text: `step 7 of task ${task} has` }))],
    ['keys of all', () => store.recordKeys(query({}))],
    ['templates of all', () => store.recordValues(query({}), 'log.template')],
    ['levels, by text', () => store.recordValues(query({ text: 'step 7 of' }), 'level')],
    ['tasks of all', () => store.recordValues(query({}), 'parsl.task')],
  ]; // prettier-ignore
  console.log(`${'one task'.padEnd(34)}${flow.toFixed(1).padStart(9)} ms`);
  for (const [name, question] of questions)
    console.log(`${name.padEnd(34)}${(await median(question)).toFixed(1).padStart(9)} ms`);
  return flow;
}

async function measure(count: number): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'records-'));
  const path = join(dir, 'store.db');
  const store = openStore(path, { records_max: Infinity });
  store.write({ ...none, runs: [run] }, 1);
  let spent = 0;
  for (let at = 0; at < count; at += BATCH) {
    const records = Array.from({ length: BATCH }, (_, n) =>
      lineOf(Math.floor((at + n) / PER_TASK), (at + n) % PER_TASK),
    );
    const began = performance.now();
    store.write({ ...none, records }, 2 + at);
    spent += performance.now() - began;
  }
  const bytes = statSync(path).size;
  const inTime = spent <= 60_000 ? 'kept' : 'BROKEN';
  console.log(
    `\n${count} records written in ${(spent / 1000).toFixed(1)} s (promised for 500,000: a minute: ${inTime}), ${(bytes / count).toFixed(0)} bytes each`,
  );
  const flow = await ask(store, count);
  console.log(`one task ${flow.toFixed(0)} ms, promised 1000 ms: ${flow <= 1_000 ? 'kept' : 'BROKEN'}`);
  store.close();
  rmSync(dir, { recursive: true });
}

console.log(`${cpus().length} × ${cpus()[0]?.model.trim() ?? 'unknown'}, Node ${process.version}`);
for (const count of sizes.length > 0 ? sizes : [50_000, 500_000]) await measure(count);
