/**
 * demo: plays a recorded capture over and over, as if the runs in it were going on now.
 *
 * Each play is a run of its own: it gets new ids of runs and managers, and every time in its records is moved to now (and
 * its pace changed by `speed`), so that all of the bridge behaves as with a live workflow. Local times stay those of the clock
 * that wrote them: how far they lie from their arrival, which tells their zone, does not change.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';

import { defineReceiver } from '../core/component.ts';
import { BridgeError, reasonOf } from '../core/errors.ts';
import { readInput } from '../core/input.ts';
import { handOn, sift } from '../core/intake.ts';
import { findKey } from '../core/keys.ts';
import { recordsFrame } from '../core/lines.ts';
import { number, type Value, type WideRecord } from '../core/record.ts';
import { zoneFromDelay } from '../core/time.ts';
import { createFrameParser } from '../formats/capture.ts';
import { decodeFrames } from '../formats/frames.ts';

const config = z.strictObject({
  path: z.string().min(1).describe('Capture to play, gzip or not.'),
  speed: z.number().positive().max(1e6).default(1).describe('How many times as fast as it was recorded.'),
  pause_s: z.number().min(0).max(86_400).default(30).describe('Pause between two plays.'),
  capture_bytes_max: z.int().min(1_024).max(2 ** 29).default(2 ** 26).describe('A longer capture is refused, also unzipped.'),
}); // prettier-ignore

/** Messages that fall due within it are handed on together. */
const TICK_MS = 100;

interface Scene {
  /** Arrival, microseconds. */
  readonly at: number;
  readonly records: readonly WideRecord[];
}

interface Recording {
  readonly scenes: readonly Scene[];
  readonly begin: number;
  /** Microseconds east of UTC of the local times in it. */
  readonly offset: number;
}

/** Of this play, by those of the recording. */
type Ids = Map<string, string>;

/** Turns a time of the recording into one of this play, microseconds. */
type Move = (us: number) => number;

export const demo = defineReceiver({
  type: 'demo',
  summary: 'Plays a recorded capture over and over, as runs that go on now.',
  config,
  create({ path, speed, pause_s, capture_bytes_max }, context) {
    const { log } = context;
    const stopping = new AbortController();
    const { signal } = stopping;
    let playing: Promise<void> | undefined;

    async function playAll(recording: Recording): Promise<void> {
      while (!signal.aborted) {
        await play(recording);
        await pause(pause_s * 1_000);
      }
    }

    async function play({ scenes, begin, offset }: Recording): Promise<void> {
      const base = context.now();
      const move: Move = (us) => Math.round(base + (us - begin) / speed);
      const ids = new Map<string, string>();
      for (let next = 0; next < scenes.length && !signal.aborted;) {
        const reached = begin + (context.now() - base) * speed;
        const due = scenes.slice(next, next + countUntil(scenes, next, reached));
        next += due.length;
        const records = due.flatMap((scene) => scene.records).map((record) => moveRecord(record, move, offset, ids));
        if (records.length > 0 && !(await deliver(records))) return;
        await pause(TICK_MS);
      }
    }

    function deliver(records: readonly WideRecord[]): Promise<boolean> {
      const frames = [recordsFrame(records, context.now())];
      context.received(frames);
      return handOn(sift(frames, decodeFrames, context), context, signal);
    }

    async function pause(ms: number): Promise<void> {
      await sleep(ms, undefined, { signal }).catch(() => {}); // stop() wakes us.
    }

    return {
      async start() {
        const recording = await load(path, capture_bytes_max, signal);
        playing = playAll(recording);
        log.info({ path, messages: recording.scenes.length, speed }, 'Playing a capture.');
      },
      async stop() {
        if (playing === undefined) return;
        stopping.abort();
        await playing;
      },
    };
  },
});

async function load(path: string, bytes_max: number, signal: AbortSignal): Promise<Recording> {
  const scenes: Scene[] = [];
  try {
    const parser = createFrameParser({ frame_bytes_max: bytes_max });
    let bytes = 0;
    for await (const chunk of readInput(path, signal)) {
      bytes += chunk.length;
      if (bytes > bytes_max) throw new Error(`${path} is longer than capture_bytes_max`);
      for (const frame of parser.push(chunk)) {
        const { records } = decodeFrames([frame], 'demo');
        if (records.length > 0) scenes.push({ at: frame.time, records });
      }
    }
  } catch (error) {
    throw new BridgeError('BRIDGE_CONFIG', `load the demo: ${reasonOf(error)}`, { cause: error });
  }
  scenes.sort((a, b) => a.at - b.at);
  const [first] = scenes;
  if (first === undefined) throw new BridgeError('BRIDGE_CONFIG', `read ${path}: there is no monitoring message in it`);
  return { scenes, begin: first.at, offset: offsetOf(scenes) };
}

function offsetOf(scenes: readonly Scene[]): number {
  let smallest = Infinity;
  for (const { at, records } of scenes) {
    for (const record of records) smallest = Math.min(smallest, at - (number(record, 'parsl.timestamp') ?? -Infinity));
  }
  return Number.isFinite(smallest) ? zoneFromDelay(smallest, 'arrival').offset(0) : 0;
}

/** How many scenes from `start` on have arrived by `time`. */
function countUntil(scenes: readonly Scene[], start: number, time: number): number {
  let end = start;
  while (end < scenes.length && (scenes[end]?.at ?? Infinity) <= time) end++;
  return end - start;
}

/** Keys with seconds since the epoch in them: numbers to keys.ts, but times. */
const secondsKeys = new Set([
  'parsl.manager_info.idle_since',
  'parsl.manager_info.start_time',
  'parsl.manager_info.drain_time',
  'psutil_process_create_time',
]);

function moveRecord(record: WideRecord, move: Move, offset: number, ids: Ids): WideRecord {
  const moved: WideRecord = {};
  for (const [key, value] of Object.entries(record)) {
    // What the bridge itself adds when a record arrives.
    if (key !== 'source.arrival' && key !== 'source.receiver') moved[key] = moveValue(key, value, move, offset, ids);
  }
  return moved;
}

function moveValue(key: string, value: Value, move: Move, offset: number, ids: Ids): Value {
  if (typeof value === 'string' && (key === 'parsl.dfk' || key === 'parsl.manager')) return newId(value, ids);
  if (typeof value === 'bigint') return key === 'time' ? BigInt(move(Number(value / 1000n))) * 1000n : value;
  if (typeof value !== 'number') return value;
  if (secondsKeys.has(key)) return move(value * 1e6) / 1e6;
  const type = findKey(key)?.type;
  if (type === 'local_time') return move(value - offset) + offset;
  return type === 'instant' ? move(value) : value;
}

/** Another id of the same length: a run's is a UUID, a manager's the end of one. */
function newId(id: string, ids: Ids): string {
  const known = ids.get(id) ?? randomUUID().slice(-id.length);
  ids.set(id, known);
  return known;
}
