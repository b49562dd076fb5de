/** Files as inputs: read as a stream, unzipped where they are gzip. */
import { createReadStream } from 'node:fs';
import { access, constants } from 'node:fs/promises';
import { addAbortSignal } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';

import type { Component, Positions } from './component.ts';
import { BridgeError, reasonOf } from './errors.ts';
import type { Frame } from './frame.ts';

/** Some of an input: frames, and how far its parts are read behind them. */
export interface Piece {
  readonly frames: readonly Frame[];
  readonly positions: Positions;
}

/** A receiver whose input has an end. */
export interface FiniteReceiver extends Component {
  /** Resolves when all of the input has been handed on, or the receiver was stopped. */
  finished(): Promise<void>;
}

/**
 * The life of a receiver that reads its input by itself: start() resolves after `prepare`, which rejects what cannot be
 * read, and `read` goes on until its input ends or `stopping` fires. What `read` rejects with comes out of finished().
 */
export function readingReceiver(
  stopping: AbortController,
  prepare: () => Promise<void>,
  read: () => Promise<void>,
): FiniteReceiver {
  let reading: Promise<void> | undefined;
  return {
    async start() {
      await prepare();
      reading = read();
    },
    async stop() {
      if (reading === undefined) return;
      stopping.abort();
      await reading;
    },
    async finished() {
      await reading;
    },
  };
}

const CHUNK_BYTES = 2 ** 19;

/**
 * The bytes of a file, or of standard input for `-`. Throws BRIDGE_IO, or BRIDGE_DECODE where gzip is cut off or wrong,
 * and whatever else when `signal` has fired. `onBytes` is told how many bytes were read, before they are unzipped.
 */
export async function* readInput(
  path: string,
  signal: AbortSignal,
  onBytes: (bytes: number) => void = () => {},
): AsyncGenerator<Buffer> {
  const file = path === '-' ? process.stdin : createReadStream(path, { highWaterMark: CHUNK_BYTES });
  addAbortSignal(signal, file);
  try {
    const chunks = file[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
    const first = await chunks.next();
    if (first.done === true) return;
    const whole = rejoin(first.value, chunks, onBytes);
    yield* isGzip(first.value) ? unzip(whole, path) : whole;
  } catch (error) {
    throw signal.aborted ? error : BridgeError.from(error, 'BRIDGE_IO', `read ${path}`);
  } finally {
    file.destroy();
  }
}

/** The bytes behind the first `offset`. */
export async function* behind(chunks: AsyncIterable<Buffer>, offset: number): AsyncGenerator<Buffer> {
  let left = offset;
  for await (const chunk of chunks) {
    if (chunk.length > left) yield left === 0 ? chunk : chunk.subarray(left);
    left = Math.max(0, left - chunk.length);
  }
}

async function* rejoin(
  first: Buffer,
  rest: AsyncIterator<Buffer>,
  onBytes: (bytes: number) => void,
): AsyncGenerator<Buffer> {
  onBytes(first.length);
  yield first;
  for await (const chunk of { [Symbol.asyncIterator]: () => rest }) {
    onBytes(chunk.length);
    yield chunk;
  }
}

export function isGzip(head: Uint8Array): boolean {
  return head[0] === 0x1f && head[1] === 0x8b;
}

/** What a gzip holds. Throws BRIDGE_DECODE where it is cut off or wrong; `path` names it then. */
export async function* unzip(zipped: AsyncIterable<Buffer>, path: string): AsyncGenerator<Buffer> {
  const gunzip = createGunzip({ chunkSize: CHUNK_BYTES });
  const feeding = pipeline(zipped, gunzip);
  feeding.catch(() => {}); // The same error comes out of gunzip.
  try {
    yield* gunzip as AsyncIterable<Buffer>;
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code === 'Z_BUF_ERROR' ? 'truncated' : 'corrupt';
    throw new BridgeError('BRIDGE_DECODE', `unzip ${path}: ${reasonOf(error)}`, { cause: error, reason });
  } finally {
    gunzip.destroy();
  }
}

/** Throws BRIDGE_CONFIG if the file cannot be read. */
export async function requireReadable(path: string): Promise<void> {
  if (path === '-') return;
  try {
    await access(path, constants.R_OK);
  } catch (error) {
    throw BridgeError.from(error, 'BRIDGE_CONFIG', `read ${path}`);
  }
}
