/**
 * zip, read by its directory at the end: each file on its own, in any order. Nothing is extracted; a path in it is a name
 * and no more.
 */
import type { Readable } from 'node:stream';
import { openPromise, type Entry, type ZipFile } from 'yauzl';

import { BridgeError, reasonOf } from '../../core/errors.ts';
import { unzip } from '../../core/input.ts';
import { isNeverRead } from '../../formats/log_files.ts';
import { database, headOf, holeProblem, recognise } from './look.ts';
import { copyOnDisk } from './on_disk.ts';
import {
  entryPath,
  isArchivePath,
  isDatabasePath,
  isWanted,
  leadsOut,
  nestedArchives,
  tooManyLogs,
  type Content,
  type SeenFile,
  type Tree,
  type TreeLimits,
} from './tree.ts';

/** What the mode of a symbolic link looks like in the attributes that Unix tools write. */
const FILE_TYPE = 0o170000;
const LINK = 0o120000;

/** True for a zip with or without files in it. */
export function looksLikeZip(head: Uint8Array): boolean {
  const isLocal = head[2] === 3 && head[3] === 4;
  const isEmpty = head[2] === 5 && head[3] === 6;
  return head[0] === 0x50 && head[1] === 0x4b && (isLocal || isEmpty);
}

/** `onBytes` is told the bytes of files as they are read, before they are unzipped. */
export function zipTree(path: string, limits: TreeLimits, onBytes: (bytes: number) => void): Tree {
  const zipped = new Set<string>();

  /** What an entry is; what cannot be read of it is reported. */
  async function lookAt(
    zip: ZipFile,
    entry: Entry,
    name: string,
    report: (error: BridgeError) => void,
  ): Promise<SeenFile | undefined> {
    if (isDatabasePath(name)) return database(name);
    const where = `${path}: ${name}`;
    try {
      const head = await headOf(contentOf(zip, entry, where), name, false);
      const file = recognise(name, head, where);
      const problem = file instanceof BridgeError ? file : file && holeProblem(head, where);
      if (problem !== undefined) report(problem);
      return file instanceof BridgeError ? undefined : file;
    } catch (error) {
      report(asProblem(error, where));
      return undefined;
    }
  }

  const tree: Tree = {
    isSequential: false,
    async look(report) {
      const seen: SeenFile[] = [];
      try {
        const { zip, entries } = await openZip(path, limits, report);
        try {
          for (const [name, entry] of entries) {
            const file = await lookAt(zip, entry, name, report);
            if (file === undefined) continue;
            if (file.isZipped) zipped.add(name);
            seen.push(file);
          }
        } finally {
          zip.close();
        }
      } catch (error) {
        report(asProblem(error, path));
      }
      return seen;
    },
    async *read(groups) {
      const { zip, entries } = await openZip(path, limits, () => {}); // The first look has told what is wrong.
      try {
        for (const name of groups.flat()) {
          const entry = entries.get(name);
          if (entry === undefined) continue;
          const where = `${path}: ${name}`;
          const bytes = contentOf(zip, entry, where);
          yield { path: name, bytes: zipped.has(name) ? unzip(bytes, where) : bytes } satisfies Content;
          onBytes(entry.compressedSize);
        }
      } finally {
        zip.close();
      }
    },
    onDisk: (name) => copyOnDisk(tree, name, limits),
  };
  return tree;
}

/** The files in it that may be logs, by path; of two with one name the last counts. */
async function openZip(
  path: string,
  { files_max }: TreeLimits,
  report: (error: BridgeError) => void,
): Promise<{ zip: ZipFile; entries: ReadonlyMap<string, Entry> }> {
  // Names are decoded here: yauzl would give up all of an archive with one bad name.
  const zip = await openPromise(path, { lazyEntries: true, autoClose: false, decodeStrings: false });
  const entries = new Map<string, Entry>();
  const archives = new Set<string>();
  try {
    for await (const entry of zip.eachEntry()) {
      const name = fileName(path, entry, report);
      if (name === undefined) continue;
      if (isArchivePath(name)) archives.add(name);
      if (!isWanted(name)) continue;
      if (entries.size >= files_max) {
        report(tooManyLogs(path, files_max));
        break;
      }
      entries.set(name, entry);
    }
  } catch (error) {
    report(asProblem(error, path)); // What came before it is used.
  }
  const problem = nestedArchives(path, [...archives].sort());
  if (problem !== undefined) report(problem);
  return { zip, entries };
}

function fileName(
  archive: string,
  { fileNameRaw, externalFileAttributes }: Entry,
  report: (error: BridgeError) => void,
): string | undefined {
  const name = fileNameRaw.toString('utf8');
  if (name.endsWith('/') || ((externalFileAttributes >>> 16) & FILE_TYPE) === LINK) return undefined;
  const path = entryPath(name);
  if (path === undefined) report(leadsOut(archive, name));
  return path !== undefined && !isNeverRead(path) ? path : undefined;
}

async function* contentOf(zip: ZipFile, entry: Entry, name: string): AsyncGenerator<Buffer> {
  let stream: Readable | undefined;
  try {
    stream = await zip.openReadStreamPromise(entry);
    yield* stream as AsyncIterable<Buffer>;
  } catch (error) {
    throw asProblem(error, name);
  } finally {
    stream?.destroy();
  }
}

function asProblem(error: unknown, path: string): BridgeError {
  if (error instanceof BridgeError) return error;
  if (error instanceof Error && 'syscall' in error) return BridgeError.from(error, 'BRIDGE_IO', `read ${path}`);
  return new BridgeError('BRIDGE_DECODE', `read ${path}: ${reasonOf(error)}`, { cause: error, reason: 'corrupt' });
}
