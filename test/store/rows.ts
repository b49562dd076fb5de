/**
 * Rows of a run that might have been: a workflow of four layers scheduled onto the workers of a few blocks, with
 * retries, failures and those who depended on them, memo hits, joins, a lost manager, and messages that never
 * came. The same options always give the same rows. `at` cuts the run short at an instant, as a live one is.
 */
import { runId, taskId, trySpanId } from '../../bridge/core/ids.ts';
import type { BlockRow, ManagerRow, Rows, RunRow, SampleRow, TaskRow, TryRow } from '../../bridge/core/row.ts';

export const none: Rows = { runs: [], tasks: [], tries: [], blocks: [], managers: [], samples: [], records: [] };

export interface Shape {
  readonly run?: string;
  readonly workflow?: string;
  readonly tasks?: number;
  readonly seed?: number;
  readonly began?: number;
  /** Microseconds after the begin at which the run is looked at; without it the run has ended. */
  readonly at?: number;
  /** Samples of each try that ran. */
  readonly samples?: number;
  readonly blocks?: number;
}

const SECOND = 1_000_000;
export const BEGAN = Date.UTC(2026, 10, 20, 9, 30) * 1000;
const RUN = '6f1f9a52-6a0e-4d0b-9a8e-3c1f6c1b2d10';
const WORKERS = 8;
const MANAGERS_PER_BLOCK = 4;

/** Mulberry32: small, seeded, good enough to make rows look alive. */
export function random(seed: number): () => number {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = Math.imul(a ^ (a >>> 15), a | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

interface Slot {
  free: number;
  readonly manager: ManagerRow;
}

interface App {
  readonly name: string;
  readonly seconds: number;
  readonly memory: number;
  readonly share: number;
}

const apps: readonly App[] = [
  { name: 'fetch_inputs', seconds: 4, memory: 120e6, share: 0.1 },
  { name: 'simulate', seconds: 38, memory: 1.6e9, share: 0.6 },
  { name: 'analyse', seconds: 9, memory: 640e6, share: 0.25 },
  { name: 'merge_tree', seconds: 15, memory: 3.1e9, share: 0.05 },
];

const errors = [
  `ValueError('negative pressure in cell 4211')`,
  `parsl.app.errors.BashExitFailure('simulate failed with unix exit code 137')`,
  `MemoryError('Unable to allocate 14.9 GiB for an array with shape (2000, 1000, 1000)')`,
  `FileNotFoundError(2, 'No such file or directory')`,
];

/** All rows of one run. */
export function makeRows(shape: Shape = {}): Rows {
  const { run = RUN, tasks: count = 1000, seed = 1, began = BEGAN, samples = 0, blocks: blockCount = 3 } = shape;
  const next = random(seed);
  const { blocks, managers } = makePool(run, began, blockCount, next);
  const slots: Slot[] = managers.flatMap((manager) =>
    Array.from({ length: manager.workers ?? 0 }, () => ({ free: manager.registered, manager })),
  );
  const rows = { tasks: [] as TaskRow[], tries: [] as TryRow[], samples: [] as SampleRow[] };
  for (let task = 0; task < count; task += 1) addTask({ run, began, next, slots, samples, count }, task, rows);
  const ended = Math.max(...rows.tasks.slice(-2000).map(({ returned }) => returned ?? began)) + 2 * SECOND;
  const whole: Rows = {
    ...rows,
    records: [],
    runs: [runRow(run, shape.workflow ?? 'reactor_sweep', began, ended)],
    blocks: blocks.map((block) => ({ ...block, state: 'SCALED_IN', ended })),
    managers: managers.map((manager) => ({ ...manager, last_seen: ended, active: false, left: null })),
  };
  return shape.at === undefined ? whole : cut({ ...whole, blocks, managers }, began + shape.at);
}

function runRow(run: string, workflow: string, began: number, ended: number): RunRow {
  return {
    run, workflow, version: '2026-11-20', user: 'ada', host: 'login03.cluster.example', rundir: '/home/ada/sweep/runinfo/004',
    parsl_version: '2026.10.26', python_version: '3.13.0', began, completed: ended, first_seen: began, last_seen: ended,
    last_task_info: ended, zone: 'Europe/Berlin', zone_source: 'plugin', closed: true, trace_id: runId(run).traceId,
  }; // prettier-ignore
}

function makePool(run: string, began: number, count: number, next: () => number) {
  const blocks: BlockRow[] = [];
  const managers: ManagerRow[] = [];
  for (let block = 0; block < count; block += 1) {
    const asked = began + 2 * SECOND + block * 3 * SECOND;
    const up = asked + Math.round((20 + 60 * block * next()) * SECOND);
    const states = JSON.stringify([['PENDING', asked], ['RUNNING', up]]); // prettier-ignore
    blocks.push({ run, executor: 'htex', block: String(block), job: String(4_711_000 + block), state: 'RUNNING', states, first_seen: asked, ended: null }); // prettier-ignore
    for (let place = 0; place < MANAGERS_PER_BLOCK; place += 1) {
      managers.push({
        run, manager: Math.floor(next() * 2 ** 47).toString(16).padStart(12, '0'), executor: 'htex', block: String(block),
        host: `nid${String(1000 + block * 16 + place)}`, workers: WORKERS, cpus: 64, memory: 256e9,
        registered: up + Math.round(next() * 4 * SECOND), last_seen: up, left: null, active: true, draining: false, held: WORKERS,
      }); // prettier-ignore
    }
  }
  return { blocks, managers };
}

interface Scene {
  readonly run: string;
  readonly began: number;
  readonly next: () => number;
  readonly slots: Slot[];
  readonly samples: number;
  readonly count: number;
}

type Made = { tasks: TaskRow[]; tries: TryRow[]; samples: SampleRow[] };

function addTask(scene: Scene, task: number, made: Made): void {
  const { run, began, next, count } = scene;
  const app = appOf(task / count);
  const invoked = began + SECOND + task * 2000;
  const depends = dependsOf(task, count, next);
  const parents = depends.map((other) => made.tasks[other]!);
  const ready = Math.max(invoked + 300, ...parents.map(({ returned }) => returned ?? 0));
  const base = {
    run, task, app: app.name, state: 'pending', final: true, executor: 'htex', tries: 0, invoked, launched: null, running: null,
    running_ended: null, returned: null, depends: depends.length > 0 ? depends.join(',') : null, joins: null,
    hashsum: task % 3 === 0 ? `h${String(task)}` : null, memo_source: null, fail_count: 0, fail_history: null,
    stdout: app.name === 'simulate' ? `/home/ada/sweep/out/${String(task)}.stdout` : null,
    stderr: app.name === 'simulate' ? `/home/ada/sweep/out/${String(task)}.stderr` : null, inputs: null, outputs: null,
    host: null, block: null, manager: null, closed: true, trace_id: taskId(run, task).traceId, span_id: taskId(run, task).spanId,
  } satisfies TaskRow; // prettier-ignore
  const broken = parents.find(({ state }) => state === 'failed' || state === 'dep_fail');
  if (broken !== undefined) {
    const fail_history = `DependencyError([(${broken.fail_history ?? ''}, 'task ${String(broken.task)}')], ${String(task)})`;
    made.tasks.push({ ...base, state: 'dep_fail', returned: ready + 200, fail_history, executor: null });
  } else if (task > 50 && task % 97 === 0) {
    made.tasks.push({ ...base, state: 'memo_done', returned: ready + 150, memo_source: task - 48, executor: null });
  } else if (task > 50 && task % 401 === 0) {
    addJoin(scene, { ...base, executor: '_parsl_internal' }, ready, made);
  } else {
    addRun(scene, base, app, ready, made);
  }
}

function appOf(place: number): App {
  let sum = 0;
  return apps.find(({ share }) => (sum += share) > place) ?? apps[1]!;
}

function dependsOf(task: number, count: number, next: () => number): number[] {
  const inputs = Math.floor(count * 0.1);
  if (task < inputs || inputs === 0) return [];
  if (task < count * 0.7) return [Math.floor(next() * inputs)];
  const fan = task < count * 0.95 ? 2 : 12;
  const from = task < count * 0.95 ? inputs : Math.floor(count * 0.7);
  return [...new Set(Array.from({ length: fan }, () => from + Math.floor(next() * (task - from))))].sort(
    (a, b) => a - b,
  );
}

function addJoin({ run, next }: Scene, base: TaskRow, ready: number, made: Made): void {
  const joined = [base.task - 1, base.task - 2];
  const launched = ready + 400;
  const done = launched + 20_000;
  const returned = Math.max(
    done + Math.round(next() * SECOND),
    ...joined.map((other) => made.tasks[other]?.returned ?? 0),
  );
  const states = [['submit', 'launched', launched], ['submit', 'joining', done], ['submit', 'exec_done', returned]]; // prettier-ignore
  made.tasks.push({ ...base, state: 'exec_done', tries: 1, launched, returned, joins: joined.join(',') });
  made.tries.push({ ...tryRow(run, base.task, 0), launched, returned: done, state: 'exec_done', executor: base.executor, states: JSON.stringify(states) }); // prettier-ignore
}

function tryRow(run: string, task: number, number: number): TryRow {
  return {
    run, task, try: number, launched: null, running: null, running_ended: null, returned: null, state: null, executor: 'htex',
    host: null, block: null, manager: null, fail_history: null, cpu_time: null, memory_peak: null, read_bytes: null,
    write_bytes: null, states: '[]', span_id: trySpanId(run, task, number),
  }; // prettier-ignore
}

/** One or more tries on workers; the last decides. */
function addRun(scene: Scene, base: TaskRow, app: App, ready: number, made: Made): void {
  const { run, next, slots } = scene;
  const luck = next();
  const bad = luck < 0.012 ? 3 : luck < 0.05 ? 1 : 0;
  let row: TaskRow = base;
  let from = ready;
  for (let number = 0; number <= Math.min(bad, 2); number += 1) {
    const fails = number < bad;
    const slot = slots[earliest(slots)]!;
    const launched = from + Math.round(400 + next() * 600);
    const running = Math.max(launched + Math.round(1500 + next() * 4000), slot.free);
    const seconds = app.seconds * (0.4 + 1.2 * next() ** 2) * (next() < 0.01 ? 4 : 1) * (fails ? 0.5 : 1);
    const ended = running + Math.round(seconds * SECOND);
    const returned = ended + Math.round(1500 + next() * 9000);
    slot.free = ended + 2000;
    const history = fails ? errorOf(slot.manager, next) : null;
    const state = fails ? (number === 2 ? 'failed' : 'fail_retryable') : 'exec_done';
    const { host, block, manager } = slot.manager;
    const isSilent = next() < 0.003; // The worker's end message never came.
    const memory_peak = Math.round(app.memory * (0.7 + 0.6 * next()));
    const states = [
      ['submit', 'pending', number === 0 ? (base.invoked ?? from) : from], ['submit', 'launched', launched + 350],
      ['execution', 'running', running], ...(isSilent ? [] : [['execution', 'running_ended', ended]]), ['submit', state, returned],
    ]; // prettier-ignore
    made.tries.push({
      ...tryRow(run, base.task, number), launched, running, running_ended: isSilent ? null : ended, returned, state, host, block,
      manager, fail_history: history, cpu_time: seconds * 0.93, memory_peak, read_bytes: memory_peak / 4, write_bytes: memory_peak / 40,
      states: JSON.stringify(states),
    }); // prettier-ignore
    addSamples(scene, made, base.task, number, running, seconds, memory_peak);
    row = {
      ...row, state: fails ? 'failed' : 'exec_done', tries: number + 1, launched: row.launched ?? launched, running: row.running ?? running,
      running_ended: isSilent ? row.running_ended : ended, returned, host, block, manager, fail_count: row.fail_count + (fails ? 1 : 0),
      fail_history: history ?? row.fail_history,
    }; // prettier-ignore
    from = returned + 500;
  }
  made.tasks.push(row);
}

function earliest(slots: readonly Slot[]): number {
  let best = 0;
  for (let index = 1; index < slots.length; index += 1) if (slots[index]!.free < slots[best]!.free) best = index;
  return best;
}

function errorOf({ manager, host }: ManagerRow, next: () => number): string {
  const at = Math.floor(next() * (errors.length + 1));
  return errors[at] ?? `ManagerLost(b'${manager}', '${host ?? ''}')`;
}

function addSamples(
  { run, samples }: Scene,
  made: Made,
  task: number,
  number: number,
  from: number,
  seconds: number,
  peak: number,
): void {
  for (let k = 1; k <= samples; k += 1) {
    const part = k / samples;
    made.samples.push({
      run, task, try: number, time: from + Math.round(seconds * part * SECOND), cpu_time: seconds * 0.93 * part,
      memory: Math.round(peak * Math.min(1, 0.25 + 1.1 * part - 0.35 * part * part)), read_bytes: peak * 0.25 * part, write_bytes: peak * 0.025 * part,
    }); // prettier-ignore
  }
}

/** What was known of the rows at an instant. */
export function cut(rows: Rows, at: number): Rows {
  const past = (time: number | null): number | null => (time !== null && time <= at ? time : null);
  const tries = rows.tries
    .filter(({ launched }) => past(launched) !== null)
    .map((row) => {
      const told = (JSON.parse(row.states) as [string, string, number][]).filter(([, , time]) => time <= at);
      const isBack = past(row.returned) !== null;
      return {
        ...row, running: past(row.running), running_ended: past(row.running_ended), returned: past(row.returned),
        states: JSON.stringify(told), state: told.filter(([lane]) => lane === 'submit').at(-1)?.[1] ?? null,
        ...(past(row.running) === null ? { host: null, block: null, manager: null } : {}),
        ...(isBack ? {} : { fail_history: null, cpu_time: null }),
      }; // prettier-ignore
    });
  const known = new Map<number, TryRow[]>();
  for (const row of tries) known.set(row.task, [...(known.get(row.task) ?? []), row]);
  return {
    runs: rows.runs.map((run) => ({ ...run, completed: null, last_seen: at, last_task_info: at, closed: false })),
    tasks: rows.tasks.filter(({ invoked }) => past(invoked) !== null).map((task) => cutTask(task, at, known.get(task.task) ?? [])),
    tries,
    blocks: rows.blocks.filter(({ first_seen }) => first_seen <= at).map((block) => {
      const told = (JSON.parse(block.states) as [string, number][]).filter(([, time]) => time <= at);
      return { ...block, states: JSON.stringify(told), state: told.at(-1)?.[0] ?? 'PENDING' };
    }),
    managers: rows.managers.filter(({ registered }) => registered <= at).map((manager) => ({ ...manager, last_seen: at })),
    samples: rows.samples.filter(({ time }) => time <= at),
    records: rows.records,
  }; // prettier-ignore
}

function cutTask(task: TaskRow, at: number, tries: readonly TryRow[]): TaskRow {
  const past = (time: number | null): number | null => (time !== null && time <= at ? time : null);
  if (past(task.returned) !== null) return task;
  const last = tries.at(-1);
  const state =
    last === undefined ? 'pending'
    : last.returned !== null ? (task.joins !== null ? 'joining' : 'fail_retryable')
    : last.running_ended !== null ? 'running_ended'
    : last.running !== null ? 'running'
    : 'launched'; // prettier-ignore
  return {
    ...task, state, final: false, closed: false, tries: tries.length, launched: past(task.launched), running: past(task.running),
    running_ended: tries.findLast((row) => row.running_ended !== null)?.running_ended ?? null, returned: null, memo_source: null,
    executor: last?.executor ?? null, host: last?.host ?? null, block: last?.block ?? null, manager: last?.manager ?? null,
    fail_count: tries.filter(({ fail_history }) => fail_history !== null).length,
    fail_history: tries.findLast(({ fail_history }) => fail_history !== null)?.fail_history ?? null,
  }; // prettier-ignore
}
