/**
 * INPUT of `convert`, `ingest` and the query commands: recognised by its content, never by its name (DESIGN.md §13). A
 * capture, JSON lines or a log, gzipped or not, `-` for standard input, a monitoring.db, or a directory with run
 * directories in it; all become frames.
 */
import { closeSync, openSync, readdirSync, readSync, statSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';

import type { Positions } from './core/component.ts';
import { BridgeError } from './core/errors.ts';
import type { Frame } from './core/frame.ts';
import { readInput, type Piece } from './core/input.ts';
import { logLimits, type LogPosition } from './formats/log_cutter.ts';
import { HEAD_BYTES, isNeverRead, mayBeLog } from './formats/log_files.ts';
import { readOnce } from './given.ts';
import { parserFor, type Parser } from './input_parser.ts';
import { looksLikeSqlite } from './receivers/monitoring_db/reader.ts';
import { archiveTree } from './receivers/run_dir/archive.ts';
import { directoryTree } from './receivers/run_dir/directory.ts';
import { readTree } from './receivers/run_dir/read.ts';
import { readDatabase } from './receivers/run_dir/read_database.ts';
import { treeLimits, type Tree } from './receivers/run_dir/tree.ts';

export interface Input {
  readonly path: string;
  /** `source.input` of what is read from it: its base name, with a number where two have the same. */
  readonly name: string;
  readonly kind: 'file' | 'directory';
  /** Bytes on disk, for the progress bar; undefined for standard input. */
  readonly size: number | undefined;
}

/** Checks that the paths can be read; what is given twice is one input. Throws BRIDGE_CONFIG with one line. */
export function findInputs(paths: readonly string[]): Input[] {
  const names = new Map<string, number>();
  return readOnce(paths).map((path) => {
    const base = path === '-' ? '-' : basename(resolve(path));
    const count = (names.get(base) ?? 0) + 1;
    names.set(base, count);
    const name = count === 1 ? base : `${base}#${count}`;
    if (path === '-') return { path, name, kind: 'file', size: undefined };
    try {
      const stat = statSync(path);
      if (stat.isFile()) return { path, name, kind: 'file', size: stat.size };
      if (stat.isDirectory()) return { path, name, kind: 'directory', size: logBytes(path, '') };
    } catch (error) {
      throw BridgeError.from(error, 'BRIDGE_CONFIG', `read ${path}`);
    }
    throw new BridgeError('BRIDGE_CONFIG', `read ${path}: neither a file nor a directory`, {
      hint: 'give a run directory, an archive of one, a monitoring.db, a capture (serve --capture) or JSON lines',
    });
  });
}

/** Bytes of all files of a directory that may be logs. What cannot be read is told when it is read. */
function logBytes(root: string, dir: string): number {
  let bytes = 0;
  for (const entry of readdirSync(join(root, dir), { withFileTypes: true })) {
    const path = dir === '' ? entry.name : `${dir}/${entry.name}`;
    try {
      if (entry.isDirectory() && !isNeverRead(path)) bytes += logBytes(root, path);
      else if (entry.isFile() && mayBeLog(path)) bytes += statSync(join(root, path)).size;
    } catch {
      // Gone, or not ours to read.
    }
  }
  return bytes;
}

/**
 * The frames of one input, in batches. What is cut off or cannot be read is reported, and what came before it is used.
 * `onBytes` is told how many bytes of the file were read; `signal` ends a wait for more.
 */
export async function* readFrames(
  input: Input,
  report: (error: BridgeError) => void,
  onBytes: (bytes: number) => void,
  signal: AbortSignal = new AbortController().signal,
): AsyncGenerator<readonly Frame[]> {
  for await (const { frames } of readPieces(input, report, onBytes, signal, new Map()))
    if (frames.length > 0) yield frames;
}

/** The part of what is one file in itself: how far it was read, in bytes, unzipped. */
const WHOLE = 'whole';

/**
 * The same with how far the input is read behind each batch; what lies before what is `remembered` is passed over. Once
 * `signal` has fired it ends or throws.
 */
export async function* readPieces(
  { path, name, kind, size }: Input,
  report: (error: BridgeError) => void,
  onBytes: (bytes: number) => void,
  signal: AbortSignal,
  remembered: Positions,
): AsyncGenerator<Piece> {
  if (kind === 'directory') {
    const tree = directoryTree(path, treeLimits, onBytes);
    yield* readTree({ tree, input: name, limits: logLimits, report, remembered });
    return;
  }
  if (isDatabase(path)) {
    yield* readDatabase(path, report, (share) => onBytes(share * (size ?? 0)), remembered);
    return;
  }
  const archive = path === '-' ? undefined : await openArchive(path, onBytes, signal);
  if (archive !== undefined) {
    yield* readTree({ tree: archive, input: name, limits: logLimits, report, remembered });
    return;
  }
  const from = (remembered.get(WHOLE) as LogPosition | undefined) ?? { offset: 0, line: 1 };
  let before = from.offset;
  let parser: Parser | undefined;
  const piece = (frames: readonly Frame[], position: unknown): Piece => ({
    frames,
    positions: new Map([[WHOLE, position]]),
  });
  try {
    for await (const chunk of withHead(readInput(path, signal, onBytes))) {
      parser ??= parserFor(chunk, path, name, report, from);
      const frames = parser.push(chunk.subarray(Math.min(before, chunk.length)));
      before = Math.max(0, before - chunk.length);
      if (frames.length > 0) yield piece(frames, parser.position());
    }
  } catch (error) {
    if (signal.aborted) return;
    report(BridgeError.from(error, 'BRIDGE_DECODE', `read ${path}`));
  }
  const { frames, left } = parser?.end() ?? { frames: [], left: 0 };
  if (frames.length > 0) yield piece(frames, parser?.position());
  if (left > 0)
    report(
      new BridgeError('BRIDGE_DECODE', `read ${path}: cut off, ${left} bytes at its end are no whole message`, {
        reason: 'truncated',
      }),
    );
}

/** undefined for what is no archive, or cannot be read: which is told when it is. */
function openArchive(path: string, onBytes: (bytes: number) => void, signal: AbortSignal): Promise<Tree | undefined> {
  return archiveTree(path, treeLimits, signal, onBytes).catch(() => undefined);
}

/** True for what is a SQLite database by its first bytes. */
export function isDatabase(path: string): boolean {
  return path !== '-' && looksLikeSqlite(headOf(path));
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
