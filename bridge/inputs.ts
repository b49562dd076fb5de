/**
 * INPUT of `convert` and `ingest`: recognised by its content, never by its name (DESIGN.md §13). A capture or JSON
 * lines, gzipped or not, `-` for standard input, or a monitoring.db; all become frames.
 */
import { closeSync, createReadStream, openSync, readSync, statSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';

import { BridgeError, reasonOf } from './core/errors.ts';
import type { Frame } from './core/frame.ts';
import { Channel } from './core/frame.ts';
import { createFrameParser, looksLikeCapture } from './formats/capture.ts';
import { framesOf, looksLikeSqlite, openReader } from './receivers/monitoring_db/reader.ts';

/** Bytes looked at to tell what a file is. */
const HEAD_BYTES = 64;
const FRAME_BYTES_MAX = 64 * 1024 * 1024;
const LINE_BYTES_MAX = 16 * 1024 * 1024;

export interface Input {
  readonly path: string;
  /** Bytes on disk, for the progress bar; undefined for standard input. */
  readonly size: number | undefined;
}

/** Checks that the paths can be read. Throws BRIDGE_CONFIG with one line. */
export function findInputs(paths: readonly string[]): Input[] {
  return paths.map((path) => {
    if (path === '-') return { path, size: undefined };
    try {
      const stat = statSync(path);
      if (stat.isFile()) return { path, size: stat.size };
    } catch (error) {
      throw BridgeError.from(error, 'BRIDGE_CONFIG', `read ${path}`);
    }
    throw new BridgeError('BRIDGE_CONFIG', `read ${path}: not a file`, {
      hint: 'give a capture (serve --capture) or a file of JSON lines',
    });
  });
}

/**
 * The frames of one input, in batches. What is cut off or cannot be read is reported, and what came before it is used.
 * `onBytes` is told how many bytes of the file were read.
 */
export async function* readFrames(
  { path, size }: Input,
  report: (error: BridgeError) => void,
  onBytes: (bytes: number) => void,
): AsyncGenerator<Frame[]> {
  if (path !== '-' && looksLikeSqlite(headOf(path))) {
    yield* readDatabase(path, report, (share) => onBytes(share * (size ?? 0)));
    return;
  }
  const file: Readable = path === '-' ? process.stdin : createReadStream(path, { highWaterMark: 1 << 20 });
  let parser: Parser | undefined;
  try {
    for await (const chunk of unzipped(file, onBytes)) {
      parser ??= looksLikeCapture(chunk.subarray(0, HEAD_BYTES)) ? captureParser() : lineParser(path);
      const frames = parser.push(chunk);
      if (frames.length > 0) yield frames;
    }
  } catch (error) {
    report(BridgeError.from(error, 'BRIDGE_DECODE', `read ${path}`));
  }
  const { frames, left } = parser?.end() ?? { frames: [], left: 0 };
  if (frames.length > 0) yield frames;
  if (left > 0)
    report(
      new BridgeError('BRIDGE_DECODE', `read ${path}: cut off, ${left} bytes at its end are no whole message`, {
        reason: 'truncated',
      }),
    );
}

const ROWS_A_LOOK = 2_000;

/** `onShare` is told which share of all rows each look has read. */
function* readDatabase(
  path: string,
  report: (error: BridgeError) => void,
  onShare: (share: number) => void,
): Generator<Frame[]> {
  try {
    const reader = openReader(path, { follow: false });
    try {
      const total = Math.max(1, reader.rowsTotal);
      for (let rows = 1; rows > 0;) {
        const look = reader.look(ROWS_A_LOOK);
        look.problems.forEach(report);
        if (look.isLocked)
          throw new BridgeError('BRIDGE_IO', `read ${path}: locked by another program`, { reason: 'locked' });
        yield framesOf(look.records);
        rows = look.rows;
        onShare(rows / total);
      }
    } finally {
      reader.close();
    }
  } catch (error) {
    report(BridgeError.from(error, 'BRIDGE_IO', `read ${path}`));
  }
}

function headOf(path: string): Uint8Array {
  const head = Buffer.alloc(HEAD_BYTES);
  try {
    const file = openSync(path, 'r');
    const length = readSync(file, head);
    closeSync(file);
    return head.subarray(0, length);
  } catch {
    return head.subarray(0, 0); // It is told when it is read.
  }
}

interface Parser {
  push(chunk: Uint8Array): Frame[];
  end(): { frames: Frame[]; left: number };
}

function captureParser(): Parser {
  const parser = createFrameParser({ frame_bytes_max: FRAME_BYTES_MAX });
  return { push: (chunk) => parser.push(chunk), end: () => ({ frames: [], left: parser.end() }) };
}

/** Whole lines of a chunk make one frame; the last line needs no newline. */
function lineParser(path: string): Parser {
  let rest = Buffer.alloc(0);
  const frame = (payload: Uint8Array): Frame => ({ channel: Channel.records, time: 0, payload });
  return {
    push(chunk) {
      const bytes = rest.length === 0 ? Buffer.from(chunk) : Buffer.concat([rest, chunk]);
      const end = bytes.lastIndexOf(10) + 1;
      rest = bytes.subarray(end);
      if (rest.length > LINE_BYTES_MAX)
        throw new BridgeError('BRIDGE_DECODE', `read ${path}: neither a capture nor JSON lines`, {
          reason: 'unknown_format',
        });
      return end === 0 ? [] : [frame(bytes.subarray(0, end))];
    },
    end: () => ({ frames: rest.length === 0 ? [] : [frame(rest)], left: 0 }),
  };
}

async function* unzipped(file: Readable, onBytes: (bytes: number) => void): AsyncGenerator<Uint8Array> {
  const chunks = file[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>;
  const first = await chunks.next();
  if (first.done === true) return;
  async function* whole(): AsyncGenerator<Uint8Array> {
    for (let next: IteratorResult<Uint8Array> = first; next.done !== true; next = await chunks.next()) {
      onBytes(next.value.length);
      yield next.value;
    }
  }
  if (first.value[0] !== 0x1f || first.value[1] !== 0x8b) {
    yield* whole();
    return;
  }
  const gunzip = createGunzip();
  const feeding = feed(whole(), gunzip);
  try {
    for await (const chunk of gunzip) yield chunk as Uint8Array;
  } catch (error) {
    throw new BridgeError('BRIDGE_DECODE', `unzip: ${reasonOf(error)}`, { cause: error, reason: 'truncated' });
  } finally {
    gunzip.destroy();
    await feeding;
  }
}

async function feed(chunks: AsyncIterable<Uint8Array>, gunzip: ReturnType<typeof createGunzip>): Promise<void> {
  for await (const chunk of chunks) {
    if (gunzip.destroyed) return;
    if (!gunzip.write(chunk)) await new Promise((resolve) => gunzip.once('drain', resolve).once('close', resolve));
  }
  gunzip.end();
}
