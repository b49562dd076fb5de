/**
 * How fast are messages decoded, beside Python's own C unpickler?
 *
 * usage: [PYTHON=python3] bench/decode.ts        ROUNDS (5) and SECONDS (1, per contender and round) may be set
 *
 * Messages are all those that reached Parsl's database manager in the recorded runs of test/fixtures. Each contender is
 * a process of its own; they take turns within each round. Printed are medians of the rounds, [least..most] for the
 * rate, and the ratio of the rates within each round, so that a busy machine hurts both sides alike. Peak memory
 * includes the messages themselves.
 */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { Channel, type Frame } from '../bridge/core/frame.ts';
import { stringify } from '../bridge/core/record.ts';
import { createFrameParser, encodeFrames } from '../bridge/formats/capture.ts';
import { decodeFrames } from '../bridge/formats/frames.ts';
import { decodePickle } from '../bridge/formats/pickle.ts';
import { decodedMessages, recordedFrames, recordings } from '../test/helpers/fixtures.ts';

const { PYTHON: python = 'python3', ROUNDS = '5', SECONDS = '1' } = process.env;
const BATCH = 256;

interface Measured {
  readonly messages: number;
  readonly seconds: number;
  readonly cpu_seconds: number;
  readonly rss_bytes: number;
  readonly runtime: string;
}

/** One pass over all messages; what is given back keeps the work from being optimised away. */
const passes: Record<string, (frames: readonly Frame[]) => () => unknown> = {
  decodePickle: (frames) => () => {
    let last: unknown;
    for (const { payload } of frames) last = decodePickle(payload);
    return last;
  },
  'decodeFrames, pickles to records': (frames) => batches(frames),
  'decodeFrames, JSON lines to records': (frames) => {
    const records = frames.flatMap((frame) => decodeFrames([frame], 'bench').records);
    const lines = records.map((record) => `${stringify(record)}\n`);
    const bodies: Frame[] = [];
    for (let i = 0; i < lines.length; i += BATCH) {
      bodies.push({ channel: Channel.records, time: 1, payload: Buffer.from(lines.slice(i, i + BATCH).join('')) });
    }
    return batches(bodies);
  },
  'JSON.parse of the same messages': () => {
    const texts = recordings().flatMap((recording) => decodedMessages(recording).map(({ msg }) => JSON.stringify(msg)));
    return () => {
      let last: unknown;
      for (const text of texts) last = JSON.parse(text);
      return last;
    };
  },
};

function batches(frames: readonly Frame[]): () => unknown {
  return () => {
    let records = 0;
    for (let i = 0; i < frames.length; i += BATCH) {
      const decoded = decodeFrames(frames.slice(i, i + BATCH), 'bench');
      if (decoded.problems.length > 0) throw new Error('a message does not decode');
      records += decoded.records.length;
    }
    return records;
  };
}

/** A contender of ours, in its own process. */
function measure(name: string, capture: string): Measured {
  const frames = createFrameParser({ frame_bytes_max: 2 ** 26 }).push(readFileSync(capture));
  const pass = passes[name]?.(frames) ?? (() => undefined);
  for (let i = 0; i < 3; i++) pass();
  const cpu = process.cpuUsage();
  const began = performance.now();
  let messages = 0;
  let sum: unknown;
  while (performance.now() - began < Number(SECONDS) * 1_000) {
    sum = pass();
    messages += frames.length;
  }
  const seconds = (performance.now() - began) / 1_000;
  const { user, system } = process.cpuUsage(cpu);
  if (sum === undefined) throw new Error(`no contender ${name}`);
  const rss_bytes = process.resourceUsage().maxRSS * 1024;
  return { messages, seconds, cpu_seconds: (user + system) / 1e6, rss_bytes, runtime: `Node ${process.version}` };
}

async function compare(): Promise<void> {
  const frames = recordings().flatMap((recording) => recordedFrames(recording));
  const bytes = frames.reduce((sum, { payload }) => sum + payload.length, 0);
  const dir = mkdtempSync(join(tmpdir(), 'decode-'));
  const capture = join(dir, 'messages.capture');
  const ours = Object.keys(passes);
  const peer = 'Python C pickle.loads';
  const results = new Map<string, Measured[]>([peer, ...ours].map((name) => [name, []]));
  try {
    writeFileSync(capture, encodeFrames(frames));
    for (let round = 0; round < Number(ROUNDS); round++) {
      for (const [name, measured] of results) {
        const script = join(import.meta.dirname, 'python', 'unpickle.py');
        const [command, args] =
          name === peer
            ? [python, [script, capture, SECONDS]]
            : [process.execPath, [import.meta.filename, name, capture]];
        const { stdout } = await promisify(execFile)(command, args);
        measured.push(JSON.parse(stdout) as Measured);
      }
    }
  } finally {
    rmSync(dir, { recursive: true });
  }
  const base = results.get(peer) ?? [];
  console.log(
    `${cpus().length} x ${cpus()[0]?.model ?? 'unknown'}, ${Math.round(totalmem() / 2 ** 30)} GiB, ${process.platform}`,
  );
  console.log(`${base[0]?.runtime ?? ''}, Node ${process.version}; ${ROUNDS} rounds of ${SECONDS} s, medians`);
  console.log(
    `${frames.length} messages of ${recordings().length} recordings, mean pickle ${Math.round(bytes / frames.length)} B\n`,
  );
  console.log(`${''.padEnd(36)} ${'messages/s'.padStart(10)} ${'[least..most]'.padEnd(18)}  ratio  CPU µs  peak MB`);
  for (const [name, measured] of results) console.log(row(name, measured, base));
}

function row(name: string, measured: readonly Measured[], base: readonly Measured[]): string {
  const rates = measured.map(rate);
  const ratio = median(rates.map((value, i) => value / rate(base[i] as Measured)));
  const cpu = median(measured.map(({ cpu_seconds, messages }) => (cpu_seconds / messages) * 1e6));
  const peak = median(measured.map(({ rss_bytes }) => rss_bytes / 1e6));
  const range = `[${Math.round(Math.min(...rates))}..${Math.round(Math.max(...rates))}]`;
  return [
    name.padEnd(36),
    String(Math.round(median(rates))).padStart(10),
    range.padEnd(18),
    ratio.toFixed(2).padStart(6),
    cpu.toFixed(2).padStart(7),
    peak.toFixed(0).padStart(8),
  ].join(' ');
}

function rate({ messages, seconds }: Measured): number {
  return messages / seconds;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? NaN;
}

const [contender, capture] = process.argv.slice(2);
if (contender !== undefined && capture !== undefined) {
  console.log(JSON.stringify(measure(contender, capture)));
} else {
  try {
    await compare();
  } catch (error) {
    console.error(`${String(error)}\nthis needs a Python 3.7 or later: set PYTHON to one, Parsl is not needed`);
    process.exitCode = 1;
  }
}
