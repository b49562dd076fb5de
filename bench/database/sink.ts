/**
 * The exporter monitoring_db in a process of its own, with its thread and its queue: the part of ../database.ts that is
 * measured. Prints JSON like ../python/parsl_database.py.
 *
 * usage: sink.ts throughput CAPTURE FILE | bare CAPTURE FILE | visible CAPTURE FILE MESSAGES_PER_S SECONDS | backlog CAPTURE FILE
 *
 * bare: as throughput, but with an exporter that drops everything. What the process takes then is not the sink's: in a
 * bridge it is a thread of a process that is there anyway.
 */
import Database from 'better-sqlite3';
import { createReadStream, existsSync, openSync, readFileSync, readSync } from 'node:fs';
import { join, dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import type { ExportBatch, Exporter, ExporterContext } from '../../bridge/core/component.ts';
import type { Frame } from '../../bridge/core/frame.ts';
import { silent } from '../../bridge/core/log.ts';
import { queued } from '../../bridge/core/queue.ts';
import { monitoringDb } from '../../bridge/exporters/monitoring_db/index.ts';
import { createFrameParser } from '../../bridge/formats/capture.ts';

const [mode = '', capture = '', path = '', rate = '0', duration = '0'] = process.argv.slice(2);
const TABLES = ['workflow', 'task', 'try', 'status', 'resource', 'node', 'block'];
const LIMITS = { queue_items_max: 1_000_000, queue_bytes_max: 2 ** 31 };
/** Memory that the messages are read into, again and again. */
const BUFFERS = 8;
const BUFFER_BYTES = 2 ** 19;
const HEADER_BYTES = 13;
/** What the bare exporter takes for a message: the rows of one last about as long. */
const BARE_MESSAGES_PER_MS = 50;

const context: ExporterContext = {
  id: 'monitoring_db',
  log: silent,
  stateFile: join(dirname(path), 'state.json'),
  report: (error) => console.error(error.message),
  collect: () => [],
  count: () => {},
};
const exporter = monitoringDb.create(monitoringDb.config.parse({ path }), context);
const delays: number[] = [];
const offered = new Map<Frame, number>();

/** Notes for each frame how long it took from the offer to the commit. */
const timed: Exporter = {
  ...exporter,
  async export(batch: ExportBatch) {
    await exporter.export(batch);
    const now = performance.now();
    for (const frame of batch.frames ?? []) {
      delays.push((now - (offered.get(frame) ?? now)) / 1000);
      offered.delete(frame);
    }
  },
};
const bare: Exporter = {
  async start() {},
  async stop() {},
  export: ({ frames = [] }) => sleep(frames.length / BARE_MESSAGES_PER_MS),
};
const queue = queued(mode === 'visible' ? timed : mode === 'bare' ? bare : exporter, context, LIMITS);
await queue.start();
const cpu = process.cpuUsage();
const start = performance.now();
let messages = 0;
const batchOf = (frames: readonly Frame[]): ExportBatch => ({ records: [], spans: [], logs: [], metrics: [], frames });

async function* chunks(): AsyncGenerator<Frame[]> {
  const parser = createFrameParser({ frame_bytes_max: 2 ** 26 });
  for await (const chunk of createReadStream(capture, { highWaterMark: 2 ** 18 })) yield parser.push(chunk as Buffer);
}

/**
 * As fast as it goes, a few batches ahead: the journal stands before the queue and holds the rest. Messages are read into
 * the same few buffers, so that the memory that is measured is not that of reading a file.
 */
async function throughput(): Promise<void> {
  const parser = createFrameParser({ frame_bytes_max: 2 ** 26 });
  const ring = Array.from({ length: BUFFERS }, () => ({ bytes: Buffer.alloc(BUFFER_BYTES), until: 0 }));
  const file = openSync(capture, 'r');
  let left = Buffer.alloc(0);
  for (let turn = 0; ; turn++) {
    const buffer = ring[turn % BUFFERS] as (typeof ring)[number];
    while (queue.size() > 0 && (queue.acknowledged() ?? 0) < buffer.until) await sleep(5);
    left.copy(buffer.bytes);
    const read = readSync(file, buffer.bytes, left.length, BUFFER_BYTES - left.length, null);
    if (read === 0) return;
    const filled = buffer.bytes.subarray(0, left.length + read);
    const whole = wholeFrames(filled);
    left = filled.subarray(whole);
    const frames = parser.push(filled.subarray(0, whole));
    queue.offer((messages += frames.length), batchOf(frames));
    buffer.until = messages;
  }
}

function wholeFrames(bytes: Buffer): number {
  let end = 0;
  for (let at = 0; at <= bytes.length; at = end + HEADER_BYTES + bytes.readUInt32LE(end)) {
    end = at;
    if (end + HEADER_BYTES > bytes.length) break;
  }
  return end;
}

async function visible(): Promise<void> {
  const all: Frame[] = [];
  for await (const frames of chunks()) all.push(...frames);
  const wanted = Math.min(all.length, Number(rate) * Number(duration));
  while (messages < wanted) {
    const due = Math.min(wanted, Math.floor(((performance.now() - start) / 1000) * Number(rate)) + 1);
    for (; messages < due; messages++) {
      const frame = all[messages] as Frame;
      offered.set(frame, performance.now());
      queue.offer(messages + 1, batchOf([frame]));
    }
    await sleep(1);
  }
}

/** All at once into the queue, then the end. */
async function backlog(): Promise<void> {
  for await (const frames of chunks()) queue.offer((messages += frames.length), batchOf(frames));
}

if (mode === 'throughput' || mode === 'bare') await throughput();
else if (mode === 'visible') await visible();
else await backlog();
const ended = performance.now();
await queue.stop(mode === 'backlog' ? 10_000 : 600_000);
const now = performance.now();
const used = process.cpuUsage(cpu);
const rows = existsSync(path) ? countRows() : {};
const peak = /VmHWM:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'latin1'))?.[1];
delays.sort((a, b) => a - b);
console.log(
  JSON.stringify({
    messages,
    seconds: (now - start) / 1000,
    cpu_seconds: (used.user + used.system) / 1e6,
    rss_bytes: Number(peak) * 1024,
    rows,
    hung: false,
    end_seconds: (now - ended) / 1000,
    visible_p50_s: delays[delays.length >> 1] ?? null,
    visible_max_s: delays.at(-1) ?? null,
  }),
);

function countRows(): Record<string, unknown> {
  const db = new Database(path, { readonly: true });
  const counts = TABLES.map((table) => [table, db.prepare(`SELECT count(*) FROM "${table}"`).pluck().get()] as const);
  db.close();
  return Object.fromEntries(counts);
}
