/** Lines and frames: cuts a stream of lines into frames of whole lines, and writes records as such a frame. */
import { BridgeError } from './errors.ts';
import { Channel, type Frame } from './frame.ts';
import { stringify } from './record.ts';

const NEWLINE = 10;
/** A frame's size, about: some 300 records, decoded in 2 ms. */
const FRAME_BYTES = 2 ** 18;

/** Frames of about FRAME_BYTES whole lines; the last line needs no newline. */
export function lineFrames(bytes: Uint8Array, time: number): Frame[] {
  const frames: Frame[] = [];
  for (let start = 0; start < bytes.length;) {
    const newline = bytes.indexOf(NEWLINE, Math.min(start + FRAME_BYTES, bytes.length));
    const end = newline === -1 ? bytes.length : newline + 1;
    frames.push({ channel: Channel.records, time, payload: bytes.subarray(start, end) });
    start = end;
  }
  return frames;
}

/** Records as one frame of lines, the form in which the journal keeps what came as records. */
export function recordsFrame(records: readonly Readonly<Record<string, unknown>>[], time: number): Frame {
  const payload = Buffer.from(records.map((record) => `${stringify(record)}\n`).join(''));
  return { channel: Channel.records, time, payload };
}

/** Holds back the line that a chunk leaves unfinished. */
export class LineBuffer {
  readonly #line_bytes_max: number;
  #rest: Uint8Array = new Uint8Array(0);

  constructor(line_bytes_max: number) {
    this.#line_bytes_max = line_bytes_max;
  }

  /** The whole lines that there are now. Throws BRIDGE_DECODE if one is too long, after all before it were given. */
  push(chunk: Uint8Array): Uint8Array {
    if (this.#rest.length > this.#line_bytes_max) {
      const message = `read a line: it is longer than ${this.#line_bytes_max} bytes`;
      throw new BridgeError('BRIDGE_DECODE', message, { reason: 'too_large' });
    }
    const end = chunk.lastIndexOf(NEWLINE) + 1;
    const lines = end === 0 ? chunk.subarray(0, 0) : Buffer.concat([this.#rest, chunk.subarray(0, end)]);
    this.#rest = end === 0 ? Buffer.concat([this.#rest, chunk]) : chunk.subarray(end);
    return lines;
  }

  /** What is left at the end: a last line without a newline. */
  end(): Uint8Array {
    this.push(new Uint8Array(0));
    return this.#rest;
  }
}
