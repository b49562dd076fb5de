/**
 * How fast do log lines find their task, from the files through the rules and joins, beside two Python loaders that read
 * everything into lists, widen and join there? And how much memory does it take for ten times as many runs?
 *
 * One loader does the same as we do: the shipped rules by regular expressions, the order of lines, twins, and all
 * implications pass by pass, with the operators of Parsl's observability prototype. The other is the least that finds
 * nearly as many: a few expressions and two implications written for this kind of run alone.
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

import { rulesForPython } from './logs/rules_for_python.ts';

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
  const rules = join(dir, 'rules.json');
  writeFileSync(rules, rulesForPython());
  const python = (name: string): string => join(import.meta.dirname, 'python', name);
  const ours = [process.execPath, join(import.meta.dirname, 'logs', 'join.ts')] as const;
  const contenders: Readonly<Record<string, readonly string[]>> = {
    'Python, same rules': [PYTHON, python('join_by_rules.py'), many, rules],
    'Python, the least': [PYTHON, python('join_logs.py'), many],
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
  const bases = ['Python, same rules', 'Python, the least'].map((name) => results.get(name) ?? []);
  for (const [name, measured] of results) {
    const rate = median(measured.map(({ records, seconds }) => records / seconds));
    const ratios = bases.map((base) => median(measured.map((it, i) => rateOf(it) / rateOf(base[i]))).toFixed(2));
    const cpu = median(measured.map(({ records, cpu_seconds }) => (cpu_seconds / records) * 1e6));
    const peak = median(measured.map(({ rss_bytes }) => rss_bytes / 1e6));
    const { records = 0, attributed = 0 } = measured[0] ?? {};
    console.log(
      `${name.padEnd(20)} ${Math.round(rate)} records/s, ${ratios.join(' and ')} x, ${cpu.toFixed(1)} µs CPU a record, ` +
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
