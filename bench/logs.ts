/**
 * How fast are the logs of a run directory taken in, from the file to the journal, beside plain JSON.parse of the same
 * lines; and does a log ten times larger take more memory?
 *
 * usage: bench/logs.ts        ROUNDS (3) and RECORDS (500000, of the larger log) may be set
 *
 * The lines are those of a recorded HTEX run (test/fixtures/run_dirs), repeated. Each contender is a process of its own
 * (logs/take_in.ts); they take turns within each round. Printed are medians of the rounds, [least..most] for the rate,
 * and the ratio to JSON.parse within each round, so that a busy machine hurts both sides alike. CPU time of the main
 * thread is what limits the rate where disk and cores are free: a million records by it is the rate that can be.
 */
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { writeLog } from './logs/lines.ts';

const { ROUNDS = '3', RECORDS = '500000' } = process.env;

/** What a contender prints. */
export interface Measured {
  readonly records: number;
  readonly seconds: number;
  readonly cpu_seconds: number;
  /** Of it, the thread that reads and decodes; the journal has one of its own. */
  readonly main_seconds: number;
  readonly rss_bytes: number;
}

const contenders: readonly (readonly [name: string, kind: string, log: string])[] = [
  ['JSON.parse of the lines', 'parse', 'large'],
  ['lines to records', 'decode', 'large'],
  ['file to journal', 'journal', 'large'],
  ['file to journal, a tenth of it', 'journal', 'small'],
  ['text log: lines to records', 'decode', 'text'],
  ['text log: file to journal', 'journal', 'text'],
];

const dir = mkdtempSync(join(tmpdir(), 'parsl-otel-bench-'));
try {
  const count = Number(RECORDS);
  const logs = { large: join(dir, 'large'), small: join(dir, 'small'), text: join(dir, 'text') };
  for (const path of Object.values(logs)) mkdirSync(path);
  const bytes = await writeLog(join(logs.large, 'parsl.jsonlog'), 'jsonlog', count);
  await writeLog(join(logs.small, 'parsl.jsonlog'), 'jsonlog', count / 10);
  const textBytes = await writeLog(join(logs.text, 'parsl.log'), 'log', count);
  const results = new Map<string, Measured[]>(contenders.map(([name]) => [name, []]));
  for (let round = 0; round < Number(ROUNDS); round++) {
    for (const [name, kind, log] of contenders) {
      const script = join(import.meta.dirname, 'logs', 'take_in.ts');
      const args = [script, kind, logs[log as keyof typeof logs]];
      const { stdout } = await promisify(execFile)(process.execPath, args);
      results.get(name)?.push(JSON.parse(stdout) as Measured);
    }
  }
  const machine = `${cpus().length} x ${cpus()[0]?.model ?? 'unknown'}, ${Math.round(totalmem() / 2 ** 30)} GiB`;
  console.log(`${machine}, ${process.platform}, Node ${process.version}; ${ROUNDS} rounds, medians`);
  console.log(
    `${count} records, mean line ${Math.round(bytes / count)} B JSON, ${Math.round(textBytes / count)} B text\n`,
  );
  console.log(
    `${''.padEnd(32)} ${'records/s'.padStart(10)} ${'[least..most]'.padEnd(18)}  ratio  CPU µs  main µs  peak MB`,
  );
  const base = results.get('JSON.parse of the lines') ?? [];
  for (const [name, measured] of results) console.log(row(name, measured, base));
} finally {
  rmSync(dir, { recursive: true });
}

function row(name: string, measured: readonly Measured[], base: readonly Measured[]): string {
  const rates = measured.map(rate);
  const ratio = median(rates.map((value, i) => value / rate(base[i] as Measured)));
  const cpu = median(measured.map(({ cpu_seconds, records }) => (cpu_seconds / records) * 1e6));
  const main = median(measured.map(({ main_seconds, records }) => (main_seconds / records) * 1e6));
  const peak = median(measured.map(({ rss_bytes }) => rss_bytes / 1e6));
  const range = `[${Math.round(Math.min(...rates))}..${Math.round(Math.max(...rates))}]`;
  return [
    name.padEnd(32),
    String(Math.round(median(rates))).padStart(10),
    range.padEnd(18),
    ratio.toFixed(2).padStart(6),
    cpu.toFixed(2).padStart(7),
    main.toFixed(2).padStart(8),
    peak.toFixed(0).padStart(8),
  ].join(' ');
}

function rate({ records, seconds }: Measured): number {
  return records / seconds;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? NaN;
}
