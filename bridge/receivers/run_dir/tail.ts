/**
 * Follows the logs of a directory, by looking at their sizes again and again: on network file systems nothing else tells.
 *
 * A file is known by its inode, so that a log that was renamed when a new one began (rotation) is read on where it is. A
 * file that became shorter, or begins with other bytes, is a new one: a worker that is started again truncates its JSON
 * log. What a file system gives another inode is still the same file if path and first bytes are the same.
 */
import type { Stats } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { join } from 'node:path';

import type { Positions } from '../../core/component.ts';
import type { Delivery } from '../../core/delivery.ts';
import { BridgeError } from '../../core/errors.ts';
import type { Frame } from '../../core/frame.ts';
import { LogCutter, type LogLimits, type LogPosition } from '../../formats/log_cutter.ts';
import type { PlannedLog } from './plan.ts';

const CHUNK_BYTES = 2 ** 19;
/** First bytes by which a file is known again. */
const FINGERPRINT_BYTES = 128;

/** How far a file was read, as it is remembered over a restart, by its inode. */
interface Remembered extends LogPosition {
  readonly path: string;
  /** First bytes of the file, base64. */
  readonly head: string;
  /** Size of a file whose last line was given out without its newline: should it grow, that line is read again. */
  readonly size?: number;
}

interface Tail {
  path: string;
  head: string;
  readonly cutter: LogCutter;
  /** Bytes read, those that wait in the cutter included. */
  read: number;
  /** When the file had last changed as of the last look. */
  changed: number;
}

export interface TailOptions {
  readonly root: string;
  readonly limits: LogLimits;
  readonly report: (error: BridgeError) => void;
  /** Told how many bytes were read. */
  readonly onBytes: (bytes: number) => void;
  /** Those of other parts are passed over. */
  readonly remembered: Positions;
  readonly deliver: Delivery['add'];
}

export interface Tails {
  /**
   * Reads what is new in these files, all there are. `isLast` says that nothing will come any more: then also what could
   * go on is given out. Resolves to false if the receiver was stopped.
   */
  look(logs: readonly PlannedLog[], isLast: boolean): Promise<boolean>;
  /**
   * How far a file that begins with these bytes was read, if it is gone since: whoever asks reads the rest of it. It is
   * forgotten here in the same step in which the position is kept there, as what `kept` makes of it. `there` if it is not
   * gone, undefined if there was none.
   */
  begunWith(head: Uint8Array, kept: (position: LogPosition) => Positions): Promise<LogPosition | 'there' | undefined>;
  /** Forgets files that the last look did not see, unless it could not see all: they were deleted. */
  forgetGone(): Promise<boolean>;
}

const INODE = /^\d+:\d+$/;

export function openTails({ root, limits, report, onBytes, remembered, deliver }: TailOptions): Tails {
  const tails = new Map<string, Tail>();
  /** Of files that have no tail yet. */
  const known = new Map([...remembered].filter(([part]) => INODE.test(part)) as [string, Remembered][]);
  /** By path: a directory may have as many files as there are tasks. */
  const knownAt = Map.groupBy(known.keys(), (id) => known.get(id)?.path);
  const tailAt = new Map<string, string>();
  let seen = new Set<string>();
  let hasSeenAll = true;

  async function look(logs: readonly PlannedLog[], isLast: boolean): Promise<boolean> {
    seen = new Set();
    hasSeenAll = true;
    for (const log of logs) {
      try {
        const file = await stat(join(root, log.path));
        if (!file.isFile()) continue;
        const id = `${file.dev}:${file.ino}`;
        seen.add(id);
        if (!(await lookAt(id, log, file, isLast))) return false;
      } catch (error) {
        // A file that is gone was renamed, which is seen at the next scan, or deleted.
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') continue;
        hasSeenAll = false;
        report(BridgeError.from(error, 'BRIDGE_IO', `read ${join(root, log.path)}`));
      }
    }
    return true;
  }

  async function lookAt(id: string, log: PlannedLog, { size, mtimeMs }: Stats, isLast: boolean): Promise<boolean> {
    const tail = tails.get(id);
    // Where nobody has written since the last look, what waits is whole.
    if (tail?.read === size && tail.changed === mtimeMs) return give(id, tail, tail.cutter.flush(false));
    const file = await open(join(root, log.path));
    try {
      const head = await bytesAt(file, 0, FINGERPRINT_BYTES);
      const tail = await tailOf(id, log, size, head.toString('base64'), isLast);
      if (tail === undefined) return false;
      tail.changed = mtimeMs;
      while (tail.read < size) {
        const bytes = await bytesAt(file, tail.read, Math.min(CHUNK_BYTES, size - tail.read));
        if (bytes.length === 0) break; // It was truncated this moment, which the next look will see.
        tail.read += bytes.length;
        onBytes(bytes.length);
        if (!(await give(id, tail, tail.cutter.push(bytes)))) return false;
      }
      return !isLast || (await giveLast(id, tail));
    } finally {
      await file.close();
    }
  }

  /** The tail of a file that has `size` and begins with `head`; undefined if the receiver was stopped. */
  async function tailOf(
    id: string,
    log: PlannedLog,
    size: number,
    head: string,
    isLast: boolean,
  ): Promise<Tail | undefined> {
    const path = join(root, log.path);
    const isSame = (file: { head: string; offset: number }): boolean => size >= file.offset && begins(head, file.head);
    const found = tails.get(id) ?? (await adopted(id, path, isSame));
    if (found !== undefined && isSame({ head: found.head, offset: found.read })) {
      if (tailAt.get(found.path) === id) tailAt.delete(found.path);
      tailAt.set(path, id);
      found.path = path;
      found.head = head;
      return found;
    }
    if (found !== undefined && !(await forget(id, found))) return undefined;
    const atPath = (knownAt.get(path) ?? []).map((other) => known.get(other)).filter((file) => file !== undefined);
    const before = known.get(id) ?? atPath.find(isSame);
    known.delete(id);
    const cutter = new LogCutter(log.header, limits, report, before && isSame(before) ? before : undefined);
    if (isLast && before?.size === size && isSame(before)) cutter.skipTo(size);
    const tail = { path, head, cutter, read: cutter.position.offset, changed: 0 };
    tails.set(id, tail);
    tailAt.set(path, id);
    return tail;
  }

  /** The file that was at this path, if its inode alone is another one now. */
  async function adopted(
    id: string,
    path: string,
    isSame: (file: { head: string; offset: number }) => boolean,
  ): Promise<Tail | undefined> {
    const other = tailAt.get(path) ?? '';
    const tail = tails.get(other);
    if (tail === undefined || !isSame({ head: tail.head, offset: tail.read })) return undefined;
    tails.delete(other);
    tails.set(id, tail);
    await deliver([], new Map([...reached(other, undefined), ...reached(id, positionOf(tail))]));
    return tail;
  }

  /** What waits of a file that is gone is whole now. */
  function forget(id: string, { path, cutter }: Tail): Promise<boolean> {
    tails.delete(id);
    known.delete(id);
    if (tailAt.get(path) === id) tailAt.delete(path);
    return deliver([...cutter.flush(false), ...cutter.flush(true)], reached(id, undefined));
  }

  async function forgetGone(): Promise<boolean> {
    if (!hasSeenAll) return true;
    for (const [id, tail] of tails) if (!seen.has(id) && !(await forget(id, tail))) return false;
    for (const id of known.keys()) {
      if (seen.has(id)) continue;
      known.delete(id);
      if (!(await deliver([], reached(id, undefined)))) return false;
    }
    return true;
  }

  async function begunWith(
    bytes: Uint8Array,
    kept: (position: LogPosition) => Positions,
  ): Promise<LogPosition | 'there' | undefined> {
    if (bytes.length < FINGERPRINT_BYTES) return undefined; // Others may begin so, too.
    const head = Buffer.from(bytes.subarray(0, FINGERPRINT_BYTES)).toString('base64');
    const [id, file] = [...known, ...tails].find(([, file]) => file.head === head) ?? [];
    if (id === undefined || file === undefined) return undefined;
    if (seen.has(id)) return 'there';
    const position = 'cutter' in file ? positionOf(file) : file;
    tails.delete(id);
    known.delete(id);
    await deliver([], new Map([...reached(id, undefined), ...kept(position)]));
    return position;
  }

  async function give(id: string, tail: Tail, frames: readonly Frame[]): Promise<boolean> {
    return frames.length === 0 || deliver(frames, reached(id, positionOf(tail)));
  }

  /** Gives out all that is there, a last line without its newline too, as there is nothing to wait for. */
  async function giveLast(id: string, tail: Tail): Promise<boolean> {
    if (!(await give(id, tail, tail.cutter.flush(false)))) return false;
    const position = { ...positionOf(tail), size: tail.read };
    const frames = tail.cutter.flush(true);
    return frames.length === 0 || deliver(frames, reached(id, position));
  }

  return { look, begunWith, forgetGone };
}

function positionOf({ cutter, path, head }: Tail): Remembered {
  return { ...cutter.position, path, head };
}

function reached(id: string, position: Remembered | undefined): Positions {
  return new Map([[id, position]]);
}

/** True if a file that now begins with `now` is the one that began with `then`; a short one may have grown since. */
function begins(now: string, then: string): boolean {
  const was = Buffer.from(then, 'base64');
  return Buffer.from(now, 'base64').subarray(0, was.length).equals(was);
}

async function bytesAt(file: Awaited<ReturnType<typeof open>>, at: number, length: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(length);
  const { bytesRead } = await file.read(bytes, 0, length, at);
  return bytes.subarray(0, bytesRead);
}
