/**
 * How fast are messages in monitoring.db, at what cost, and are all of them there at the end? The same streams of pickled
 * messages, as they come off a radio, into Parsl's own DatabaseManager and into our exporter, in turn.
 *
 * usage: PYTHON=/path/to/python ROUNDS=3 node bench/database.ts [TASKS...]
 * PYTHON has parsl[monitoring]. Without it nothing is compared. TASKS: sizes of the streams, default 10000 50000.
 *
 * Ours is compiled first, as the package is. Memory is shown twice: the peak of the process, beside that of Parsl's
 * manager, and what of it the sink added: its process less the same one with an exporter that drops everything.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { cpus, release, tmpdir } from 'node:os';
import { join } from 'node:path';

interface Result {
  readonly messages: number;
  readonly seconds: number;
  readonly cpu_seconds: number;
  readonly rss_bytes: number;
  readonly rows: Readonly<Record<string, number>>;
  readonly hung: boolean;
  readonly end_seconds: number;
  readonly visible_p50_s: number | null;
  readonly visible_max_s: number | null;
}

const python = process.env['PYTHON'];
const sizes = process.argv.slice(2).map(Number).filter(Number.isInteger);
const ROUNDS = Number(process.env['ROUNDS'] ?? 1);
const RATES = [1, 20, 200];
const MESSAGES_PER_TASK = 9;
const VISIBLE_S = 15;
const BACKLOG_TASKS = 16_700;
const BACKLOG_WAIT_S = 75;
const dir = mkdtempSync(join(tmpdir(), 'parsl-otel-bench-'));

function run(command: string, args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8', maxBuffer: 2 ** 28 });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${stderr}`);
  return stdout;
}
const here = (...parts: string[]): string => join(import.meta.dirname, ...parts);

/** Inside of node_modules, so that what it imports is found. */
const compiled = here('..', 'node_modules', '.cache', 'parsl-otel-bench');
function compile(): void {
  const tsc = here('..', 'node_modules', 'typescript', 'bin', 'tsc');
  const flags = ['--target', 'es2024', '--module', 'nodenext', '--rewriteRelativeImportExtensions', '--skipLibCheck'];
  const { stdout } = spawnSync(
    process.execPath,
    [tsc, here('database', 'sink.ts'), ...flags, '--rootDir', here('..'), '--outDir', compiled],
    { encoding: 'utf8' },
  );
  if (!existsSync(join(compiled, 'bench/database/sink.js'))) throw new Error(stdout);
}
const lastLine = (text: string): Result => JSON.parse(text.trim().split('\n').at(-1) ?? '') as Result;

let number = 0;
function peer(mode: string, capture: string, ...rest: string[]): Result {
  return lastLine(
    run(python ?? '', [here('python/parsl_database.py'), mode, capture, join(dir, `peer${++number}`), ...rest]),
  );
}
function ours(mode: string, capture: string, ...rest: string[]): Result {
  return lastLine(
    run(process.execPath, [
      join(compiled, 'bench/database/sink.js'),
      mode,
      capture,
      join(dir, `ours${++number}.db`),
      ...rest,
    ]),
  );
}
function stream(tasks: number): string {
  const path = join(dir, `${tasks}.capture`);
  run(python ?? '', [here('python/task_stream.py'), path, String(tasks)]);
  return path;
}
const total = ({ rows }: Result): number => Object.values(rows).reduce((sum, count) => sum + count, 0);
/** Five states, one node, a task and a try each, two to four samples; blocks, and the workflow. */
const expected = (tasks: number): number =>
  Array.from({ length: tasks }, (_, task) => 10 + (task % 3)).reduce(
    (sum, rows) => sum + rows,
    1 + Math.ceil(tasks / 1000),
  );

function compare(tasks: number): void {
  const capture = stream(tasks);
  console.log(`\n${tasks} tasks, ${(statSync(capture).size / 1e6).toFixed(0)} MB of pickles`);
  console.log('                  messages/s   CPU us/message   peak MB   added MB   rows missing');
  for (let round = 0; round < ROUNDS; round++) {
    const theirs = peer('throughput', capture);
    const bare = ours('bare', capture);
    const mine = ours('throughput', capture);
    const added = mine.rss_bytes - bare.rss_bytes;
    show('Parsl', theirs, theirs.rss_bytes, tasks);
    show('ours', mine, added, tasks);
    const ratio = (of: (result: Result) => number): string => (of(theirs) / of(mine)).toFixed(1);
    console.log(
      `ours is ${ratio(({ seconds }) => seconds)}x as fast, at 1/${ratio(({ cpu_seconds }) => cpu_seconds)} of the CPU, ` +
        `1/${ratio(({ rss_bytes }) => rss_bytes)} of the memory of a process, 1/${(theirs.rss_bytes / added).toFixed(1)} of what is added`,
    );
  }
  rmSync(capture);
}

function show(name: string, result: Result, added: number, tasks: number): void {
  const { messages, seconds, cpu_seconds, rss_bytes } = result;
  const columns = [
    (messages / seconds).toFixed(0).padStart(11),
    ((cpu_seconds / messages) * 1e6).toFixed(1).padStart(16),
    (rss_bytes / 1e6).toFixed(0).padStart(9),
    (added / 1e6).toFixed(0).padStart(10),
    String(expected(tasks) - total(result)).padStart(14),
  ];
  console.log(`${name.padEnd(16)} ${columns.join(' ')}`);
}

function compareVisible(): void {
  const capture = stream(Math.max(...RATES) * VISIBLE_S + 100);
  console.log('\ntime until a row is there      Parsl p50 / max        ours p50 / max');
  for (const rate of RATES) {
    const args = [String(rate * MESSAGES_PER_TASK), String(VISIBLE_S)];
    const show = ({ visible_p50_s, visible_max_s }: Result): string =>
      `${(visible_p50_s ?? NaN).toFixed(3)} / ${(visible_max_s ?? NaN).toFixed(3)} s`.padStart(21);
    const results = [peer('visible', capture, ...args), ours('visible', capture, ...args)];
    console.log(`${String(rate).padStart(4)} tasks/s          ${results.map(show).join(' ')}`);
  }
}

function compareBacklog(): void {
  const capture = stream(BACKLOG_TASKS);
  console.log(`\nthe workflow ends with ${BACKLOG_TASKS * MESSAGES_PER_TASK} messages waiting`);
  for (const [name, result] of [
    ['Parsl', peer('backlog', capture, String(BACKLOG_WAIT_S))],
    ['ours', ours('backlog', capture)],
  ] as const) {
    const end = result.hung
      ? `killed after ${BACKLOG_WAIT_S} s`
      : `ended by itself after ${result.end_seconds.toFixed(1)} s`;
    console.log(
      `${name.padEnd(6)} ${end}, ${expected(BACKLOG_TASKS) - total(result)} of ${expected(BACKLOG_TASKS)} rows missing`,
    );
  }
}

if (python === undefined) {
  console.log('set PYTHON to a Python with parsl[monitoring]: there is no peer to compare with');
} else {
  const parsl = run(python, ['-c', 'import parsl; print(parsl.__version__)']).trim();
  console.log(
    `${cpus()[0]?.model ?? 'unknown CPU'} x ${cpus().length}, Linux ${release()}, node ${process.version}, Parsl ${parsl}`,
  );
  try {
    compile();
    for (const tasks of sizes.length > 0 ? sizes : [10_000, 50_000]) compare(tasks);
    compareVisible();
    compareBacklog();
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}
