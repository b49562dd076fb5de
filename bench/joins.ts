/**
 * How fast do log lines find their task, from the files through the rules and joins, beside a Python loader that reads
 * everything into lists, widens and joins there? And how much memory does it take for ten times as many runs?
 *
 * usage: [PYTHON=python3] bench/joins.ts        ROUNDS (3) and RUNS (10) may be set
 *
 * The runs are copies of a recorded HTEX run's JSON logs, 37,000 records each, with run ids of their own. Each contender
 * is a process of its own; they take turns within each round, and the ratio is taken within the round.
 */
import { execFile, execFileSync } from 'node:child_process';
import { globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

const { PYTHON = 'python3', ROUNDS = '3', RUNS = '10' } = process.env;
const RUN_ID = '886c6968-820f-4f28-aa39-931d91e7ce7f';
const MANAGER = /4a9bd71bd91d|4d86e7107895/g;
const archive = join(import.meta.dirname, '..', 'test', 'fixtures', 'run_dirs', 'htex-full.tar.gz');

/** What a contender prints. */
interface Measured {
  readonly records: number;
  /** Records that have a task at the end. */
  readonly attributed: number;
  readonly seconds: number;
  readonly cpu_seconds: number;
  readonly rss_bytes: number;
}

const dir = mkdtempSync(join(tmpdir(), 'parsl-otel-bench-'));
try {
  const many = writeRuns(join(dir, 'many'), Number(RUNS));
  const one = writeRuns(join(dir, 'one'), 1);
  const ours = [process.execPath, join(import.meta.dirname, 'logs', 'join.ts')] as const;
  const contenders: Readonly<Record<string, readonly string[]>> = {
    'Python, in lists': [PYTHON, join(import.meta.dirname, 'python', 'join_logs.py'), many],
    'parsl-otel': [...ours, many],
    'parsl-otel, one run': [...ours, one],
  };
  const results = new Map<string, Measured[]>(Object.keys(contenders).map((name) => [name, []]));
  for (let round = 0; round < Number(ROUNDS); round++) {
    for (const [name, [command = '', ...args]] of Object.entries(contenders)) {
      const { stdout } = await promisify(execFile)(command, args);
      results.get(name)?.push(JSON.parse(stdout) as Measured);
    }
  }
  console.log(
    `${cpus().length} x ${cpus()[0]?.model ?? 'unknown'}, Node ${process.version}; ${ROUNDS} rounds, medians`,
  );
  const base = results.get('Python, in lists') ?? [];
  for (const [name, measured] of results) {
    const rate = median(measured.map(({ records, seconds }) => records / seconds));
    const ratio = median(measured.map((it, i) => it.records / it.seconds / rateOf(base[i])));
    const cpu = median(measured.map(({ records, cpu_seconds }) => (cpu_seconds / records) * 1e6));
    const peak = median(measured.map(({ rss_bytes }) => rss_bytes / 1e6));
    const { records = 0, attributed = 0 } = measured[0] ?? {};
    console.log(
      `${name.padEnd(20)} ${Math.round(rate)} records/s, ${ratio.toFixed(2)} x, ${cpu.toFixed(1)} µs CPU a record, ` +
        `peak ${peak.toFixed(0)} MB; ${attributed} of ${records} records have a task`,
    );
  }
} finally {
  rmSync(dir, { recursive: true });
}

/** Copies of the run, as if it had been done so often: ids of run and managers, and processes, of each one's own. */
function writeRuns(path: string, runs: number): string {
  const template = mkdtempSync(join(tmpdir(), 'parsl-otel-bench-'));
  execFileSync('tar', ['xzf', archive, '-C', template, '--wildcards', 'runinfo/000/*.jsonlog']);
  const root = join(template, 'runinfo', '000');
  const logs = globSync('**/*.jsonlog', { cwd: root }).map((name) => [name, readFileSync(join(root, name), 'utf8')]);
  rmSync(template, { recursive: true });
  for (let run = 0; run < runs; run++) {
    const number = String(run).padStart(3, '0');
    const own = (text: string): string =>
      text
        .replaceAll(RUN_ID, `${number}${RUN_ID.slice(3)}`)
        .replaceAll(MANAGER, (manager) => `${number}${manager.slice(3)}`)
        .replaceAll('"process": ', `"process": ${run + 1}`);
    for (const [name = '', text = ''] of logs) {
      const file = join(path, number, own(name));
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, own(text));
    }
  }
  return path;
}

function rateOf(measured: Measured | undefined): number {
  return measured === undefined ? NaN : measured.records / measured.seconds;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? NaN;
}
