/**
 * The thread behind maildir.ts: finds, reads and deletes the files of maildirs, with synchronous calls.
 *
 * A sender writes into tmp/ and renames into new/, so a file seen in new/ is whole. Only regular files are read, and
 * no symbolic link is followed: neither one in new/ nor new/ itself being one, because what was read gets deleted.
 */
import {
  closeSync,
  constants,
  fstatSync,
  opendirSync,
  openSync,
  readSync,
  realpathSync,
  unlinkSync,
  type Dir,
} from 'node:fs';
import { join } from 'node:path';
import { parentPort } from 'node:worker_threads';

export type Question =
  | {
      readonly ask: 'read';
      readonly runDir: string;
      readonly scan: 'new' | 'same';
      readonly batch_files_max: number;
      readonly file_bytes_max: number;
    }
  | { readonly ask: 'remove'; readonly newDir: string; readonly names: readonly string[] };

/** What reading one batch gave. */
export type ReadAnswer =
  /** There is no run directory, or no maildir in it (yet). */
  | { readonly found: 'no_run_dir' | 'no_maildir' }
  | { readonly found: 'trouble'; readonly message: string }
  | {
      readonly found: 'files';
      /** Where they are. */
      readonly newDir: string;
      readonly names: readonly string[];
      /** Contents, one after the other; file i ends at ends[i]. */
      readonly bytes: Uint8Array;
      readonly ends: readonly number[];
      /** Places in `names` of files that were longer than the limit: their contents are cut. */
      readonly cut: readonly number[];
      /** Why files could not be read; they stay and are tried again. */
      readonly troubles: readonly string[];
      /** The scan goes on. */
      readonly more: boolean;
    };

/** Why files could not be deleted. */
export interface RemoveAnswer {
  readonly troubles: readonly string[];
}

export type Answer = ReadAnswer | RemoveAnswer;

/** Contents of a batch; one file may be longer. */
const BATCH_BYTES = 2 ** 20;
const DIR_ENTRIES = 512;
/** Files read but not deletable that are remembered, over all directories. */
const STUCK_MAX = 100_000;
const TROUBLES_MAX = 10;

interface Scan {
  readonly newDir: string;
  readonly dir: Dir;
  /** Found, but did not fit into the last batch. */
  held: string | undefined;
}

const scans = new Map<string, Scan>();
/** Paths of files that were handed on but could not be deleted. */
const stuck = new Set<string>();

function read(question: Question & { ask: 'read' }): ReadAnswer {
  const { runDir } = question;
  try {
    if (stuck.size >= STUCK_MAX) throw new Error(`${stuck.size} files that were read cannot be deleted`);
    const scan = question.scan === 'new' ? open(runDir) : scans.get(runDir);
    if (scan === undefined) throw new Error('there is no such scan');
    return 'found' in scan ? scan : readBatch(scan, question);
  } catch (error) {
    end(runDir);
    return { found: 'trouble', message: messageOf(error) };
  }
}

function readBatch(scan: Scan, { runDir, batch_files_max, file_bytes_max }: Question & { ask: 'read' }): ReadAnswer {
  const names: string[] = [];
  const ends: number[] = [];
  const cut: number[] = [];
  const troubles: string[] = [];
  let bytes = Buffer.alloc(0);
  let at = 0;
  while (names.length < batch_files_max) {
    const name = nextName(scan);
    if (name === undefined) {
      end(runDir);
      break;
    }
    let fd: number | undefined;
    try {
      fd = openSync(join(scan.newDir, name), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
      const stat = fstatSync(fd);
      if (!stat.isFile()) continue;
      const size = Math.min(stat.size, file_bytes_max);
      if (at + size > bytes.length) {
        if (names.length > 0) {
          scan.held = name;
          break;
        }
        bytes = Buffer.allocUnsafeSlow(Math.max(size, BATCH_BYTES));
      }
      at += readWhole(fd, bytes.subarray(at, at + size));
      if (size < stat.size) cut.push(names.length);
      names.push(name);
      ends.push(at);
    } catch (error) {
      // Gone: someone else reads this maildir too, and was first.
      if (codeOf(error) !== 'ENOENT' && troubles.length < TROUBLES_MAX) troubles.push(messageOf(error));
    } finally {
      if (fd !== undefined) closeSync(fd);
    }
  }
  // A few small files do not hold on to a large buffer.
  const used = at * 2 < bytes.length ? Uint8Array.from(bytes.subarray(0, at)) : bytes.subarray(0, at);
  return { found: 'files', newDir: scan.newDir, names, bytes: used, ends, cut, troubles, more: scans.has(runDir) };
}

function open(runDir: string): Scan | ReadAnswer {
  end(runDir);
  let found: 'no_run_dir' | 'no_maildir' = 'no_run_dir';
  try {
    const newDir = join(realpathSync.native(runDir), 'monitor-fs-radio', 'new');
    found = 'no_maildir';
    if (realpathSync.native(newDir) !== newDir)
      return { found: 'trouble', message: `${newDir} is behind a symbolic link` };
    retryStuck(newDir);
    const scan = { newDir, dir: opendirSync(newDir, { bufferSize: DIR_ENTRIES }), held: undefined };
    scans.set(runDir, scan);
    return scan;
  } catch (error) {
    const code = codeOf(error);
    return code === 'ENOENT' || code === 'ENOTDIR' ? { found } : { found: 'trouble', message: messageOf(error) };
  }
}

function end(runDir: string): void {
  scans.get(runDir)?.dir.closeSync();
  scans.delete(runDir);
}

function nextName(scan: Scan): string | undefined {
  const { held } = scan;
  scan.held = undefined;
  if (held !== undefined) return held;
  for (;;) {
    const entry = scan.dir.readSync();
    if (entry === null) return undefined;
    if (entry.isFile() && !(stuck.size > 0 && stuck.has(join(scan.newDir, entry.name)))) return entry.name;
  }
}

function readWhole(fd: number, into: Uint8Array): number {
  let at = 0;
  while (at < into.length) {
    const count = readSync(fd, into, at, into.length - at, null);
    if (count === 0) break;
    at += count;
  }
  return at;
}

function remove({ newDir, names }: Question & { ask: 'remove' }): RemoveAnswer {
  const troubles: string[] = [];
  for (const name of names) {
    const trouble = unlink(join(newDir, name));
    if (trouble !== undefined && troubles.length < TROUBLES_MAX) troubles.push(trouble);
  }
  return { troubles };
}

function retryStuck(newDir: string): void {
  for (const path of stuck) if (path.startsWith(newDir)) unlink(path);
}

/** Deletes one file; what cannot be deleted is remembered, so that it is not handed on again and again. */
function unlink(path: string): string | undefined {
  try {
    unlinkSync(path);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') {
      stuck.add(path);
      return messageOf(error);
    }
  }
  if (stuck.size > 0) stuck.delete(path);
  return undefined;
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

parentPort?.on('message', (question: Question) => {
  if (question.ask === 'remove') return parentPort?.postMessage(remove(question));
  const answer = read(question);
  const transfer = answer.found === 'files' && answer.names.length > 0 ? [answer.bytes.buffer as ArrayBuffer] : [];
  parentPort?.postMessage(answer, transfer);
});
