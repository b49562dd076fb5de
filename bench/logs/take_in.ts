/**
 * One contender of ../logs.ts in a process of its own.
 *
 * usage: take_in.ts parse | decode | journal DIRECTORY
 */
import { createReadStream, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { ReceiverContext } from '../../bridge/core/component.ts';
import type { FiniteReceiver } from '../../bridge/core/input.ts';
import { silent } from '../../bridge/core/log.ts';
import { encodeFrames } from '../../bridge/formats/capture.ts';
import { decodeFrames } from '../../bridge/formats/frames.ts';
import { findInputs, readFrames } from '../../bridge/inputs.ts';
import { Journal } from '../../bridge/journal/journal.ts';
import { runDir } from '../../bridge/receivers/run_dir/index.ts';

const [kind = '', directory = ''] = process.argv.slice(2);
const fail = (error: Error): never => {
  throw error;
};

/** How many records there were; each of these reads all of the file. */
const ways: Record<string, () => Promise<number>> = {
  async parse() {
    let records = 0;
    let rest = '';
    const [name = ''] = readdirSync(directory);
    const stream = createReadStream(join(directory, name), { encoding: 'utf8', highWaterMark: 2 ** 19 });
    for await (const chunk of stream as AsyncIterable<string>) {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) if (typeof JSON.parse(line) === 'object') records++;
    }
    return records;
  },
  async decode() {
    let records = 0;
    for (const input of findInputs([directory]))
      for await (const frames of readFrames(input, fail, () => {}))
        records += decodeFrames(frames, 'bench').records.length;
    return records;
  },
  async journal() {
    const state = mkdtempSync(join(tmpdir(), 'parsl-otel-bench-'));
    const limits = { retentionBytes: 2 ** 40, bytesMax: 2 ** 40 };
    const journal = new Journal({ path: join(state, 'journal.db'), ...limits });
    await journal.open([]);
    let records = 0;
    const context: ReceiverContext = {
      id: 'run_dir',
      log: silent,
      stateFile: '',
      remembered: () => journal.positions('run_dir'),
      now: () => Date.now() * 1_000,
      received: () => {},
      reject: (_, error) => fail(error),
      report: fail,
      async next(batch, raw = [], positions) {
        await journal.append('data', 'run_dir', Date.now() * 1_000, encodeFrames(raw), positions);
        records += batch.length;
      },
    };
    const receiver = runDir.create(runDir.config.parse({ path: directory }), context) as FiniteReceiver;
    await receiver.start();
    await receiver.finished();
    await receiver.stop();
    await journal.close();
    rmSync(state, { recursive: true });
    return records;
  },
};

const before = process.cpuUsage();
const beforeMain = process.threadCpuUsage();
const began = performance.now();
const records = (await ways[kind]?.()) ?? 0;
const seconds = (performance.now() - began) / 1_000;
const all = process.cpuUsage(before);
const main = process.threadCpuUsage(beforeMain);
const peak = Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'latin1'))?.[1]) * 1_024;
console.log(
  JSON.stringify({
    records,
    seconds,
    cpu_seconds: (all.user + all.system) / 1e6,
    main_seconds: (main.user + main.system) / 1e6,
    rss_bytes: peak,
  }),
);
