/** Messages for receivers to receive: recorded ones, and what their records look like. */
import { createHmac } from 'node:crypto';

import type { Frame } from '../../bridge/core/frame.ts';
import type { WideRecord } from '../../bridge/core/record.ts';
import { decodeFrames } from '../../bridge/formats/frames.ts';
import { fixtureBytes } from './fixtures.ts';
import { assemble, global, text, u32 } from './pickler.ts';

/** Records without what a bridge adds when they arrive, sorted: for comparing what came over different ways. */
export function said(records: readonly WideRecord[]): string[] {
  return records.map((record) => JSON.stringify(record, withoutArrival)).sort();
}

function withoutArrival(key: string, value: unknown): unknown {
  if (key === 'source.arrival' || key === 'source.receiver') return undefined;
  return typeof value === 'bigint' ? `${value}n` : value;
}

export function decoded(frames: readonly Frame[]): WideRecord[] {
  return decodeFrames(frames, 'expected').records;
}

/** A TASK_INFO with `task_inputs` of any length. */
export function taskMessage(task: number, inputs = ''): Buffer {
  const tag = assemble(global('parsl.monitoring.message_type', 'MessageType'), 0x4b, 0, 0x85, 0x52);
  const facts = assemble(text('task_id'), 0x4a, u32(task), text('task_inputs'), 0x58, u32(inputs.length), inputs);
  return assemble(0x80, 3, tag, 0x7d, 0x28, facts, 0x75, 0x86, 0x2e);
}

/** A pickle as Parsl's UDPRadioSender sends it. */
export function sign(pickle: Uint8Array, key: string, digest = 'sha512'): Buffer {
  return Buffer.concat([createHmac(digest, Buffer.from(key, 'hex')).update(pickle).digest(), pickle]);
}

/** The keys of the UDP radios of a recording. */
export function recordedKeys(recording: string): string[] {
  const lines = fixtureBytes(recording, 'hmac.json').toString().trim().split('\n');
  return lines.map((line) => (JSON.parse(line) as { key: string }).key);
}
