/**
 * Recorded runs of real Parsl releases (test/fixtures/recorded, see its README.md): what was on the wire, what Python
 * made of it, and what the workflow is known to have done.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';

import type { Frame } from '../../bridge/core/frame.ts';
import { createFrameParser } from '../../bridge/formats/capture.ts';

const root = new URL('../fixtures/recorded/', import.meta.url);

/** What expect.json says of one run; more keys are there. */
export interface ExpectedTask {
  readonly task: number;
  readonly app: string;
  readonly state: string | null;
  readonly tries: number | null;
  readonly tries_observed?: number;
  readonly depends: readonly number[];
}

export interface ExpectedRun {
  readonly run_id: string;
  readonly rundir: string;
  readonly retries: number;
  readonly tasks?: readonly ExpectedTask[];
  readonly tasks_all?: Record<string, unknown>;
  readonly joined: readonly unknown[];
  readonly executors: readonly (readonly [string, string])[];
  readonly final_states_in_db: Record<string, number>;
}

export interface Expected {
  readonly parsl: string;
  readonly python: string;
  readonly tz: string;
  readonly radio: string;
  readonly runs: readonly ExpectedRun[];
  readonly message_counts: Record<string, number>;
  readonly tables: Record<string, number>;
  readonly [key: string]: unknown;
}

/** One line of messages.jsonl: a frame as Python decoded it. */
export interface DecodedFrame {
  readonly channel: number;
  readonly t: number;
  readonly msg: unknown;
}

/** Names of all recordings, such as `2026.10.26-W1-htex`. */
export function recordings(): string[] {
  return readdirSync(root, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .sort();
}

/** Names of a recording's captures: messages.bin and the raw_*.bin it has. */
export function captures(recording: string): string[] {
  const names = readdirSync(new URL(`${recording}/`, root)).map((name) => name.replace(/\.gz$/, ''));
  return names.filter((name) => name.endsWith('.bin')).sort();
}

/** The content of a file of a recording, gunzipped if it is stored so. */
export function fixtureBytes(recording: string, file: string): Buffer {
  const plain = new URL(`${recording}/${file}`, root);
  return existsSync(plain) ? readFileSync(plain) : gunzipSync(readFileSync(new URL(`${recording}/${file}.gz`, root)));
}

/** The frames of one capture of a recording. */
export function recordedFrames(recording: string, file = 'messages.bin'): Frame[] {
  const parser = createFrameParser({ frame_bytes_max: 2 ** 26 });
  const frames = parser.push(fixtureBytes(recording, file));
  if (parser.end() > 0) throw new Error(`${recording}/${file} is cut off`);
  return frames;
}

/** Python's own decoding of messages.bin, frame by frame. */
export function decodedMessages(recording: string): DecodedFrame[] {
  const lines = fixtureBytes(recording, 'messages.jsonl').toString('utf8').split('\n');
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as DecodedFrame);
}

/** What the workflow itself knows that it did. */
export function expected(recording: string): Expected {
  return JSON.parse(fixtureBytes(recording, 'expect.json').toString('utf8')) as Expected;
}
