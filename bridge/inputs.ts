/**
 * INPUT of `convert` and `ingest`: recognised by its content, never by its name (DESIGN.md §13). A capture or JSON
 * lines, gzipped or not, `-` for standard input, or a monitoring.db; all become frames.
 */
import { closeSync, openSync, readSync, statSync } from 'node:fs';

import { BridgeError } from './core/errors.ts';
import type { Frame } from './core/frame.ts';
import { readInput } from './core/input.ts';
import { LineBuffer, lineFrames } from './core/lines.ts';
import { createFrameParser, looksLikeCapture } from './formats/capture.ts';
import { framesOf, looksLikeSqlite, openReader } from './receivers/monitoring_db/reader.ts';

/** Bytes looked at to tell what a file is. */
const HEAD_BYTES = 64;
const FRAME_BYTES_MAX = 64 * 1024 * 1024;
const LINE_BYTES_MAX = 16 * 1024 * 1024;
const OPEN_BRACE = 0x7b;
const OPEN_BRACKET = 0x5b;

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
  let parser: Parser | undefined;
  try {
    for await (const chunk of withHead(readInput(path, new AbortController().signal, onBytes))) {
      parser ??= parserFor(chunk.subarray(0, HEAD_BYTES), path);
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

/** The same bytes; the first chunk is long enough to tell what they are: a pipe may give them in drops. */
async function* withHead(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let head: Buffer | undefined = Buffer.alloc(0);
  for await (const chunk of chunks) {
    if (head === undefined) {
      yield chunk;
      continue;
    }
    head = head.length === 0 ? chunk : Buffer.concat([head, chunk]);
    if (head.length < HEAD_BYTES) continue;
    yield head;
    head = undefined;
  }
  if (head !== undefined && head.length > 0) yield head;
}

interface Parser {
  push(chunk: Uint8Array): Frame[];
  end(): { frames: Frame[]; left: number };
}

function parserFor(head: Uint8Array, path: string): Parser {
  if (looksLikeCapture(head)) return captureParser();
  const first = head.find((byte) => byte > 32);
  if (first === OPEN_BRACE || first === OPEN_BRACKET) return lineParser();
  throw new BridgeError('BRIDGE_DECODE', `read ${path}: neither a capture nor JSON lines`, {
    reason: 'unknown_format',
  });
}

function captureParser(): Parser {
  const parser = createFrameParser({ frame_bytes_max: FRAME_BYTES_MAX });
  return { push: (chunk) => parser.push(chunk), end: () => ({ frames: [], left: parser.end() }) };
}

function lineParser(): Parser {
  const lines = new LineBuffer(LINE_BYTES_MAX);
  return {
    push: (chunk) => lineFrames(lines.push(chunk), 0),
    end: () => ({ frames: lineFrames(lines.end(), 0), left: 0 }),
  };
}
