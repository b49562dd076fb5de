/**
 * Fuzzes decodeFrames with mutations of recorded messages: of every release, channel and kind, as pickles and as JSON.
 *
 * A decoder may refuse what it likes, with a BRIDGE_DECODE error whose reason is on the list. It must not throw, hang,
 * grow, or let anything but flat records out. The same seed gives the same mutations.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import { Channel, type Frame } from '../../bridge/core/frame.ts';
import { decodeFrames } from '../../bridge/formats/frames.ts';
import type { LogFormat } from '../../bridge/formats/log_text.ts';
import { captures, decodedMessages, recordedFrames, recordings } from '../helpers/fixtures.ts';
import { logFrame, sampleLogs } from '../helpers/logs.ts';

export interface FuzzOptions {
  readonly mutations: number;
  readonly seed: number;
  /** Told now and then how many are done. */
  readonly progress?: (done: number) => void;
}

export interface FuzzResult {
  /** What became of the messages: `accepted`, or the reason why not. */
  readonly counts: Record<string, number>;
  readonly seconds: number;
  readonly slowestMs: number;
  /** Growth of the heap after a full collection, bytes. */
  readonly growth: number;
  /** What must not happen, with the mutation that made it happen. Empty is good. */
  readonly faults: readonly string[];
}

/** So that the few kinds of log are not crowded out by the many kinds of message. */
const LOG_COPIES = 20;
const MESSAGE_MS_MAX = 1_000;
const GROWTH_MAX = 64 * 1024 * 1024;
const FAULTS_MAX = 20;
const REASONS = new Set([
  'limit', 'truncated', 'opcode', 'global', 'malformed', 'envelope', 'channel', 'json', 'log_header', 'transaction', 'table',
]); // prettier-ignore
const CHANNELS = Object.values(Channel);

export function fuzzDecode({ mutations, seed, progress }: FuzzOptions): FuzzResult {
  const messages = corpus();
  const random = generator(seed);
  const counts: Record<string, number> = {};
  const faults: string[] = [];
  const heap = collectedHeap();
  const began = performance.now();
  let slowestMs = 0;

  for (let i = 0; i < mutations && faults.length < FAULTS_MAX; i++) {
    const frame = mutate(messages, random);
    const before = performance.now();
    const outcome = tryDecode(frame);
    const ms = performance.now() - before;
    slowestMs = Math.max(slowestMs, ms);
    const fault = outcome.fault ?? (ms > MESSAGE_MS_MAX ? `took ${ms.toFixed(0)} ms` : undefined);
    if (fault !== undefined) faults.push(`mutation ${i}, channel ${frame.channel}: ${fault}; ${describe(frame)}`);
    for (const word of outcome.words) counts[word] = (counts[word] ?? 0) + 1;
    if ((i + 1) % 10_000 === 0) progress?.(i + 1);
  }
  const seconds = (performance.now() - began) / 1_000;
  const growth = collectedHeap() - heap;
  if (growth > GROWTH_MAX) faults.push(`the heap grew by ${(growth / 2 ** 20).toFixed(0)} MiB`);
  return { counts, seconds, slowestMs, growth, faults };
}

function tryDecode(frame: Frame): { words: string[]; fault?: string } {
  try {
    const { records, problems } = decodeFrames([frame], 'fuzz');
    for (const record of records) {
      for (const [key, value] of Object.entries(record)) {
        const isFlat =
          value === null ||
          ['string', 'number', 'boolean'].includes(typeof value) ||
          (key === 'time' && typeof value === 'bigint');
        if (!isFlat || (typeof value === 'number' && !Number.isFinite(value)))
          return { words: [], fault: `${key} is ${String(value)}` };
      }
    }
    for (const { error } of problems) {
      if (error.code !== 'BRIDGE_DECODE' || !REASONS.has(error.reason ?? '')) {
        return { words: [], fault: `${error.code} ${error.reason}: ${error.message}` };
      }
    }
    return { words: problems.length === 0 ? ['accepted'] : problems.map(({ error }) => error.reason ?? '') };
  } catch (error) {
    return { words: [], fault: `threw ${String(error)}` };
  }
}

/** Messages of each kind and length of each recording, so that the many alike do not crowd out the few. */
function corpus(): Frame[] {
  const frames: Frame[] = [];
  for (const recording of recordings()) {
    for (const file of captures(recording)) {
      const kinds = new Map<number, Frame>();
      for (const frame of recordedFrames(recording, file)) kinds.set(frame.payload.length >> 4, frame);
      frames.push(...kinds.values());
    }
    const lines = decodedMessages(recording).filter((_, i) => i % 50 === 0);
    for (const { msg } of lines) {
      frames.push({ channel: Channel.records, time: 1, payload: Buffer.from(`${JSON.stringify(msg)}\n{"a": 1}\n`) });
    }
  }
  for (const [format, text] of Object.entries(sampleLogs) as [LogFormat, string][]) {
    const frame = logFrame(format, text, { 'source.path': '000/parsl.log', 'parsl.block': '0' });
    for (let copies = 0; copies < LOG_COPIES; copies++) frames.push(frame);
  }
  return frames;
}

type Random = (below: number) => number;

/** One to four changes to a copy of a message. */
function mutate(messages: readonly Frame[], random: Random): Frame {
  const { channel, time, payload } = messages[random(messages.length)]!;
  let bytes: Buffer = Buffer.from(payload);
  for (let changes = 1 + random(4); changes > 0; changes--) bytes = change(bytes, messages, random);
  return { channel: random(20) === 0 ? CHANNELS[random(CHANNELS.length)]! : channel, time, payload: bytes };
}

function change(bytes: Buffer, messages: readonly Frame[], random: Random): Buffer {
  const at = random(bytes.length + 1);
  const to = Math.min(bytes.length, at + 1 + random(16));
  switch (random(9)) {
    case 0: // A bit.
      if (at < bytes.length) bytes[at]! ^= 1 << random(8);
      return bytes;
    case 1: // A byte.
      if (at < bytes.length) bytes[at] = random(256);
      return bytes;
    case 2: // A length or an index that is extreme.
      bytes.fill([0x00, 0xff, 0x7f, 0x80][random(4)]!, at, Math.min(to, at + 8));
      return bytes;
    case 3: // An opcode for another.
      if (at < bytes.length) bytes[at] = OPCODES[random(OPCODES.length)]!;
      return bytes;
    case 4:
      return bytes.subarray(0, at);
    case 5:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(to)]);
    case 6: // The same piece again and again.
      return Buffer.concat([
        bytes.subarray(0, to),
        ...new Array<Buffer>(1 + random(50)).fill(bytes.subarray(at, to)),
        bytes.subarray(to),
      ]);
    case 7: {
      const other = messages[random(messages.length)]!.payload;
      return Buffer.concat([bytes.subarray(0, at), other.subarray(random(other.length + 1))]);
    }
    default:
      return Buffer.concat([
        bytes.subarray(0, at),
        Buffer.from(Array.from({ length: 1 + random(4) }, () => OPCODES[random(OPCODES.length)]!)),
        bytes.subarray(at),
      ]);
  }
}

const OPCODES = Buffer.from(
  '()]}NKMJGCBXtuesaqrhjRc012.{}[],:"\x80\x85\x86\x87\x88\x89\x8a\x8b\x8c\x8d\x8e\x8f\x90\x91\x93\x94\x95\x96',
  'latin1',
);

/** mulberry32 */
function generator(seed: number): Random {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

function collectedHeap(): number {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  return process.memoryUsage().heapUsed;
}

function describe({ payload }: Frame): string {
  return Buffer.from(payload).toString('base64').slice(0, 4_000);
}
