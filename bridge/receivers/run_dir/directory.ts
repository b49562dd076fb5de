/**
 * A directory as a tree of logs. Symbolic links are never followed: `most-recent` would read everything twice, and a
 * link in somebody else's directory may lead anywhere. A file with several names is read under one of them.
 */
import { createReadStream } from 'node:fs';
import { open, opendir, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';

import { BridgeError } from '../../core/errors.ts';
import { unzip } from '../../core/input.ts';
import { headBytes, isNamedLog, isNeverRead } from '../../formats/log_files.ts';
import { database, headOf, holeProblem, recognise, unread } from './look.ts';
import {
  isArchivePath,
  isDatabasePath,
  isWanted,
  nestedArchives,
  tooManyLogs,
  type SeenFile,
  type Tree,
  type TreeLimits,
} from './tree.ts';

const CHUNK_BYTES = 2 ** 19;
/** What is told of the directory as a whole, beside what is told of a path. */
const [ARCHIVES, LIMIT] = ['\0archives', '\0limit'] as const;

type Report = (error: BridgeError) => void;

/** A file as it was told by its content, and which file of the disk it is where that has several names. */
interface Known {
  readonly file: SeenFile;
  readonly inode: string | undefined;
}

export function directoryTree(root: string, limits: TreeLimits, onBytes: (bytes: number) => void): Tree {
  /** A file is opened to be told by its content until it has told; each later look costs a listing alone. */
  const known = new Map<string, Known>();
  const zipped = new Set<string>();
  /** What was told of each path last: it is looked at again and again while a directory is followed. */
  const told = new Map<string, string>();

  /** Tells once what is wrong with a file; what could not be looked into is told at every look, which is not whole then. */
  function tell(path: string, report: Report, problem: BridgeError | undefined): void {
    const isNew = problem?.code === 'BRIDGE_IO' || told.get(path) !== problem?.message;
    if (problem !== undefined && isNew) report(problem);
    if (problem === undefined) told.delete(path);
    else told.set(path, problem.message);
  }

  async function lookAt(path: string, report: Report): Promise<Known | undefined> {
    const before = known.get(path);
    if (before !== undefined && before.file.start.namesRun !== 'not yet') return before;
    try {
      const { file, inode, problem } = await formatOf(root, path);
      tell(path, report, problem);
      if (file === undefined) return undefined;
      if (file.isZipped) zipped.add(path);
      const now = { file, inode };
      known.set(path, now);
      return now;
    } catch (error) {
      tell(path, report, BridgeError.from(error, 'BRIDGE_IO', `read ${join(root, path)}`));
      const isGone = (error as NodeJS.ErrnoException).code === 'ENOENT';
      return isGone ? undefined : { file: unread(path), inode: undefined };
    }
  }

  return {
    isSequential: false,
    async look(report) {
      const seen = new Map<string, SeenFile>();
      const archives: string[] = [];
      for await (const path of walk(root, limits, (path, problem) => tell(path, report, problem))) {
        if (isArchivePath(path)) {
          archives.push(path);
          continue;
        }
        const found = await lookAt(path, report);
        if (found === undefined) continue;
        const id = found.inode ?? path;
        const same = seen.get(id);
        if (same === undefined || isBetter(found.file, same)) seen.set(id, found.file);
      }
      tell(ARCHIVES, report, nestedArchives(root, archives.sort()));
      return [...seen.values()];
    },
    read: (groups) =>
      groups.flat().map((path) => {
        const bytes = readFileChunks(join(root, path), onBytes);
        return { path, bytes: zipped.has(path) ? unzip(bytes, join(root, path)) : bytes };
      }),
    onDisk: (path) => Promise.resolve({ path: join(root, path), dispose: () => Promise.resolve() }),
  };
}

/** Of two names of one file that one is read which tells whose log it is, else the first. */
function isBetter(a: SeenFile, b: SeenFile): boolean {
  const isNamed = isNamedLog(a.path);
  return isNamed === isNamedLog(b.path) ? a.path < b.path : isNamed;
}

/** Paths of all files that may be logs, databases or archives, relative to `root`, in no order. */
async function* walk(
  root: string,
  { files_max, depth_max }: TreeLimits,
  tell: (path: string, problem: BridgeError | undefined) => void,
): AsyncGenerator<string> {
  const dirs: { path: string; depth: number }[] = [{ path: '', depth: 0 }];
  let files = 0;
  for (let dir = dirs.pop(); dir !== undefined; dir = dirs.pop()) {
    try {
      for await (const entry of await opendir(join(root, dir.path))) {
        const path = dir.path === '' ? entry.name : `${dir.path}/${entry.name}`;
        if (entry.isDirectory() && !isNeverRead(path)) {
          if (dir.depth < depth_max) dirs.push({ path, depth: dir.depth + 1 });
          else tell(path, tooDeep(join(root, path), depth_max));
        } else if (entry.isFile() && (isWanted(path) || isArchivePath(path))) {
          files += 1;
          if (files > files_max) return tell(LIMIT, tooManyLogs(root, files_max));
          yield path;
        }
      }
      tell(dir.path, undefined);
    } catch (error) {
      tell(dir.path, BridgeError.from(error, 'BRIDGE_IO', `read ${join(root, dir.path)}`));
    }
  }
}

function tooDeep(where: string, depth_max: number): BridgeError {
  return new BridgeError('BRIDGE_IO', `read ${where}: deeper than ${depth_max} directories`, { reason: 'limit' });
}

interface Looked {
  /** undefined: nothing can be told of it, or not yet. */
  readonly file: SeenFile | undefined;
  /** Only of a file that has several names. */
  readonly inode: string | undefined;
  readonly problem: BridgeError | undefined;
}

/** What a file is by its content. Throws what the disk throws. */
async function formatOf(root: string, path: string): Promise<Looked> {
  if (isDatabasePath(path)) return { file: database(path), inode: undefined, problem: undefined };
  const where = join(root, path);
  const handle = await open(where);
  try {
    const { dev, ino, nlink } = await handle.stat();
    const inode = nlink > 1 ? `${dev}:${ino}` : undefined;
    const head = await headOf(piecesOf(handle, headBytes(path)), path, false);
    const file = recognise(path, head, where);
    if (file === undefined || file instanceof BridgeError) return { file: undefined, inode, problem: file };
    return { file, inode, problem: holeProblem(head, where) };
  } finally {
    await handle.close();
  }
}

/** The file from its beginning; the first piece has `first` bytes, of which most files need no more. */
async function* piecesOf(handle: FileHandle, first: number): AsyncGenerator<Buffer> {
  for (let size = first; ; size = CHUNK_BYTES) {
    const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafe(size), 0, size);
    if (bytesRead === 0) return;
    yield buffer.subarray(0, bytesRead);
  }
}

async function* readFileChunks(path: string, onBytes: (bytes: number) => void): AsyncGenerator<Buffer> {
  for await (const chunk of createReadStream(path, { highWaterMark: CHUNK_BYTES }) as AsyncIterable<Buffer>) {
    onBytes(chunk.length);
    yield chunk;
  }
}
