/**
 * How fast do our receivers take messages in, beside Parsl's own?
 *
 * usage: PYTHON=/path/to/python bench/ingest.ts [udp] [zmq] [filesystem]
 * PYTHON is one with Parsl in it. ROUNDS (3) and SECONDS (3, per UDP burst) may be set.
 *
 * Every contender is a process of its own and so is the sender, which is Python. Messages are those of the recorded runs
 * in test/fixtures. Ours ends at decoded records, handed to a `next` that counts them; Parsl's ends at a
 * multiprocessing queue that another process drains, as its database manager does. Contenders take turns within each
 * round; what is printed is the median of the rounds, and [least..most] for the rate.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';

import { encodeFrames } from '../bridge/formats/capture.ts';
import { recordedFrames, recordings } from '../test/helpers/fixtures.ts';

const { PYTHON: python = '', ROUNDS = '3', SECONDS = '3' } = process.env;
const KEY = '5e'.repeat(64);
/** Datagrams a second; 0 is as many as the sender can. */
const UDP_RATES = [10_000, 20_000, 50_000, 0];
const ZMQ_MESSAGES = 400_000;
const FILES = 10_000;

interface Measured {
  /** Messages taken in, a second. */
  readonly rate: number;
  /** Per cent. */
  readonly loss: number;
  readonly cpuUs: number;
  readonly rssMb: number;
}

interface Case {
  readonly name: string;
  /** What ours is to be at least, in multiples of Parsl's rate. */
  readonly goal?: number;
  readonly lossless?: boolean;
  measure(who: 'ours' | 'parsl'): Promise<Measured>;
}

/** What a receiver prints at its end. */
interface Outcome {
  readonly received: number;
  readonly seconds: number;
  readonly cpu_seconds: number;
  readonly rss_bytes: number;
}

const dir = mkdtempSync(join(tmpdir(), 'parsl-otel-bench-'));
const capture = join(dir, 'messages.capture');
const script = (name: string): string => join(import.meta.dirname, name);

/** Starts a receiver, lets `send` send to its port, tells it that this was all, and returns what it says. */
async function receive<T>(who: 'ours' | 'parsl', args: readonly string[], send: (port: string) => Promise<T>) {
  const [command, main] =
    who === 'ours' ? [process.execPath, 'ingest/receive.ts'] : [python, 'python/parsl_receiver.py'];
  const child = spawn(command, [script(main), ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const port = (await lines.next()).value ?? '';
  const sent = await send(port);
  child.stdin.end('\n');
  const outcome = JSON.parse((await lines.next()).value ?? 'null') as Outcome;
  if (child.exitCode === null) await once(child, 'exit');
  return { sent, outcome };
}

/** Runs a Python script and returns what it prints. */
async function run(name: string, ...args: readonly string[]): Promise<{ sent: number; seconds: number }> {
  const child = spawn(python, [script(`python/${name}`), ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [output] = await Promise.all([text(child.stdout), once(child, 'exit')]);
  return JSON.parse(output === '' ? '{}' : output) as { sent: number; seconds: number };
}

function measured({ received, cpu_seconds, rss_bytes }: Outcome, sent: number, seconds: number): Measured {
  const cpuUs = (cpu_seconds * 1e6) / received;
  return { rate: received / seconds, loss: 100 * (1 - received / sent), cpuUs, rssMb: rss_bytes / 1e6 };
}

const udp = UDP_RATES.map((rate): Case => {
  const name = rate === 0 ? 'udp, flood' : `udp, ${rate} offered a second`;
  return {
    name,
    ...(rate === 20_000 ? { lossless: true } : {}),
    ...(rate === 50_000 ? { goal: 4 } : {}),
    async measure(who) {
      const send = (port: string) => run('send_udp.py', capture, port, String(rate), SECONDS, KEY);
      const { sent, outcome } = await receive(who, ['udp', KEY], send);
      return measured(outcome, sent.sent, sent.seconds);
    },
  };
});

const zmq: Case = {
  name: 'zmq, DEALER to DEALER',
  goal: 2.5,
  async measure(who) {
    // Parsl's is given fewer: all that it cannot take at once waits in its memory.
    const count = who === 'ours' ? ZMQ_MESSAGES : ZMQ_MESSAGES / 4;
    const send = (port: string) => run('send_zmq.py', capture, port, String(count));
    const { outcome } = await receive(who, ['zmq', String(count)], send);
    return measured(outcome, count, outcome.seconds);
  },
};

const filesystem: Case = {
  name: 'filesystem, one pass over a maildir',
  goal: 1.8,
  async measure(who) {
    const runDir = mkdtempSync(join(dir, 'run-'));
    const fill = async (): Promise<void> => {
      await run('fill_maildir.py', capture, runDir, String(FILES));
    };
    // Ours begins as soon as it starts, Parsl's when it is told to: the files are all there before.
    if (who === 'ours') await fill();
    const { outcome } = await receive(who, ['filesystem', runDir], () => (who === 'ours' ? Promise.resolve() : fill()));
    rmSync(runDir, { recursive: true });
    return measured(outcome, FILES, outcome.seconds);
  },
};

const sections: Readonly<Record<string, readonly Case[]>> = { udp, zmq: [zmq], filesystem: [filesystem] };

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1
    ? (sorted[middle] ?? NaN)
    : ((sorted[middle - 1] ?? NaN) + (sorted[middle] ?? NaN)) / 2;
}

const k = (rate: number): string => `${(rate / 1000).toFixed(1)}k`;

function describe(who: string, rounds: readonly Measured[]): string {
  const of = (key: keyof Measured): number => median(rounds.map((round) => round[key]));
  const rates = rounds.map(({ rate }) => rate);
  const range = `[${k(Math.min(...rates))}..${k(Math.max(...rates))}]`;
  const cells = [k(of('rate')).padStart(7), '/s', range.padEnd(18), `loss ${of('loss').toFixed(1).padStart(5)} %`];
  return `  ${who.padEnd(6)} ${cells.join(' ')}   CPU ${of('cpuUs').toFixed(1).padStart(6)} us   peak ${of('rssMb').toFixed(0).padStart(4)} MB`;
}

function verdict({ goal, lossless }: Case, ours: readonly Measured[], theirs: readonly Measured[]): string {
  const ratio = median(ours.map(({ rate }) => rate)) / median(theirs.map(({ rate }) => rate));
  const cpu = median(theirs.map(({ cpuUs }) => cpuUs)) / median(ours.map(({ cpuUs }) => cpuUs));
  const said = [`ours takes ${ratio.toFixed(2)} times as many, for ${cpu.toFixed(1)} times less CPU each`];
  if (goal !== undefined) said.push(`goal ${goal}: ${ratio >= goal ? 'met' : 'MISSED'}`);
  if (lossless === true) said.push(`goal no loss: ${median(ours.map(({ loss }) => loss)) === 0 ? 'met' : 'MISSED'}`);
  return `  ${said.join('; ')}`;
}

async function versions(): Promise<string | undefined> {
  const code =
    'import sys, parsl, zmq; print(sys.version.split()[0], "Parsl", parsl.__version__, "pyzmq", zmq.pyzmq_version())';
  const child = spawn(python, ['-c', code], { stdio: ['ignore', 'pipe', 'ignore'] });
  const failed = once(child, 'error').then(() => true);
  const ended = once(child, 'exit').then(([status]) => status !== 0);
  const output = text(child.stdout);
  return (await Promise.race([failed, ended])) ? undefined : (await output).trim();
}

async function main(): Promise<number> {
  const found = python === '' ? undefined : await versions();
  if (found === undefined) {
    console.error('bench/ingest.ts needs a Python with Parsl: PYTHON=/path/to/python npm run bench -- ingest');
    return 2;
  }
  const names = process.argv.slice(2);
  const cases = (names.length === 0 ? Object.keys(sections) : names).flatMap((name) => sections[name] ?? []);
  const frames = recordings().filter((name) => name.startsWith('2026.10.26')).flatMap((name) => recordedFrames(name)); // prettier-ignore
  writeFileSync(capture, encodeFrames(frames));
  const mean = frames.reduce((bytes, { payload }) => bytes + payload.length, 0) / frames.length;
  console.log(
    `${cpus().length} x ${cpus()[0]?.model ?? '?'}, ${(totalmem() / 2 ** 30).toFixed(0)} GiB; Node ${process.version}; Python ${found}`,
  );
  console.log(
    `${frames.length} recorded messages, ${mean.toFixed(0)} bytes in the mean; median of ${ROUNDS} rounds, contenders in turn\n`,
  );

  const results = new Map(cases.map((one) => [one, { ours: [] as Measured[], parsl: [] as Measured[] }]));
  for (let round = 0; round < Number(ROUNDS); round++) {
    for (const [one, result] of results) {
      for (const who of round % 2 === 0 ? (['parsl', 'ours'] as const) : (['ours', 'parsl'] as const)) {
        result[who].push(await one.measure(who));
      }
    }
  }
  for (const [one, { ours, parsl }] of results) {
    console.log(one.name);
    console.log(describe('Parsl', parsl));
    console.log(describe('ours', ours));
    console.log(verdict(one, ours, parsl));
  }
  return 0;
}

try {
  process.exitCode = await main();
} finally {
  rmSync(dir, { recursive: true });
}
