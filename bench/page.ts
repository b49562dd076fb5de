/**
 * How long does the page wait? Answers of the read side over 10,000 and 100,000 tasks, medians of several rounds: each
 * filter with each kind of sort, the curves, a task; then writing, which the same file must take beside it.
 *
 * Promise: a page of tasks in 300 ms with 10,000 tasks. Run: node bench/page.ts [TASKS...]
 */
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';

import { openStore } from '../bridge/store/sqlite.ts';
import type { Store, TaskQuery } from '../bridge/store/store.ts';
import { openReadsThread } from '../bridge/store/thread.ts';
import { makeRows, none } from '../test/store/rows.ts';

const ROUNDS = 7;
const sizes = process.argv.slice(2).map(Number);

const filters: [string, Partial<TaskQuery>][] = [
  ['all', {}],
  ['one app', { app: 'simulate' }],
  ['failed', { state: ['failed', 'dep_fail'] }],
  ['one host', { host: 'nid1001' }],
  ['an error', { error: 'ValueError' }],
  ['text', { text: 'pressure' }],
  ['text, no hit', { text: 'no such thing' }],
];
const sorts: TaskQuery['sort'][] = ['task', 'app', 'ran', 'total', 'memory_peak'];

async function median(work: () => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const began = performance.now();
    await work();
    times.push(performance.now() - began);
  }
  return times.sort((a, b) => a - b)[ROUNDS >> 1]!;
}

const ms = (value: number): string => value.toFixed(1).padStart(9);

async function tasks(store: Store, run: string): Promise<number> {
  console.log(`${'page of tasks, ms'.padEnd(22)}${sorts.map((sort) => sort.padStart(12)).join('')}`);
  let worst = 0;
  for (const [name, filter] of filters) {
    const line: number[] = [];
    for (const sort of sorts)
      line.push(await median(() => store.tasks(run, { sort, order: 'desc', limit: 100, offset: 0, ...filter })));
    worst = Math.max(worst, ...line);
    console.log(`${name.padEnd(22)}${line.map((value) => value.toFixed(1).padStart(12)).join('')}`);
  }
  const last = await median(() => store.tasks(run, { sort: 'ran', order: 'asc', limit: 100, offset: 9_900 }));
  console.log(`${'all, page 100'.padEnd(22)}${''.padStart(24)}${last.toFixed(1).padStart(12)}`);
  return worst;
}

async function others(store: Store, run: string): Promise<void> {
  const questions: [string, () => Promise<unknown>][] = [
    ['all runs', () => store.runs()],
    ['summary of a run', () => store.run(run)],
    ['states over time', () => store.states(run, 500)],
    ['workers over time', () => store.workers(run, 500)],
    ['failures', () => store.failures(run)],
    ['blocks', () => store.blocks(run)],
    ['managers', () => store.managers(run)],
    ['hosts', () => store.hosts(run)],
    ['one task', () => store.task(run, 5_000)],
  ];
  for (const [name, ask] of questions) console.log(`${name.padEnd(22)}${ms(await median(ask))} ms`);
}

/** How long this thread stands still while the curves are asked for: by itself, and with a thread that reads. */
async function standstill(path: string, store: Store, run: string): Promise<void> {
  const thread = openReadsThread(path);
  await thread.runs();
  for (const [name, reads] of [
    ['on this thread', store],
    ['on its own thread', thread],
  ] as const) {
    let longest = 0;
    let last = performance.now();
    const timer = setInterval(() => {
      longest = Math.max(longest, performance.now() - last);
      last = performance.now();
    }, 1);
    for (let round = 0; round < ROUNDS; round += 1) await reads.states(run, 500).then(() => new Promise(setImmediate));
    clearInterval(timer);
    console.log(`${`longest standstill, curves ${name}`.padEnd(50)}${ms(longest)} ms`);
  }
  await thread.close();
}

async function measure(count: number): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'page-'));
  const path = join(dir, 'store.db');
  const rows = makeRows({ tasks: count, samples: 3, blocks: 4 });
  const { run } = rows.runs[0]!;
  const store = openStore(path);
  const batch = 500;
  const tries = Map.groupBy(rows.tries, ({ task }) => Math.floor(task / batch));
  const samples = Map.groupBy(rows.samples, ({ task }) => Math.floor(task / batch));
  const began = performance.now();
  for (let at = 0, seq = 1; at < count; at += batch, seq += 1) {
    const part = at / batch;
    store.write(
      {
        ...none,
        runs: rows.runs,
        tasks: rows.tasks.slice(at, at + batch),
        tries: tries.get(part) ?? [],
        samples: samples.get(part) ?? [],
      },
      seq,
    );
  }
  store.write({ ...none, blocks: rows.blocks, managers: rows.managers }, 1e6);
  const spent = performance.now() - began;
  console.log(
    `\n${count} tasks, ${rows.tries.length} tries, ${rows.samples.length} samples: written in ${(spent / 1000).toFixed(1)} s, ${(statSync(path).size / 1e6).toFixed(0)} MB`,
  );
  const worst = await tasks(store, run);
  await others(store, run);
  await standstill(path, store, run);
  console.log(
    `worst page of tasks ${worst.toFixed(0)} ms${count <= 10_000 ? `, promised 300 ms: ${worst <= 300 ? 'kept' : 'BROKEN'}` : ''}`,
  );
  store.close();
  rmSync(dir, { recursive: true });
}

console.log(`${cpus().length} × ${cpus()[0]?.model.trim() ?? 'unknown'}, Node ${process.version}`);
for (const count of sizes.length > 0 ? sizes : [10_000, 100_000]) await measure(count);
