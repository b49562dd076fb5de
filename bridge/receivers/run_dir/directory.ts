/**
 * A directory as a tree of logs. Symbolic links are never followed: `most-recent` would read everything twice, and a
 * link in somebody else's directory may lead anywhere.
 */
import { createReadStream } from 'node:fs';
import { open, opendir } from 'node:fs/promises';
import { join } from 'node:path';

import { BridgeError } from '../../core/errors.ts';
import { HEAD_BYTES, isNeverRead, sniff } from '../../formats/log_files.ts';
import { isDatabasePath, isWanted, tooManyLogs, type SeenFile, type Tree, type TreeLimits } from './tree.ts';

const CHUNK_BYTES = 2 ** 19;

export function directoryTree(root: string, limits: TreeLimits, onBytes: (bytes: number) => void): Tree {
  /** A file is opened to be told by its content until it has told; each later look costs a listing alone. */
  const known = new Map<string, SeenFile['format']>();
  return {
    isSequential: false,
    async look(report) {
      const seen: SeenFile[] = [];
      for await (const path of walk(root, limits, report)) {
        try {
          const format = known.get(path) ?? (await formatOf(root, path));
          if (format === undefined) continue;
          known.set(path, format);
          seen.push({ path, format });
        } catch (error) {
          report(BridgeError.from(error, 'BRIDGE_IO', `read ${join(root, path)}`));
        }
      }
      return seen;
    },
    read: (groups) => groups.flat().map((path) => ({ path, bytes: readFileChunks(join(root, path), onBytes) })),
    onDisk: (path) => Promise.resolve({ path: join(root, path), dispose: () => Promise.resolve() }),
  };
}

/** Paths of all files that may be logs or databases, relative to `root`, in no order. */
async function* walk(
  root: string,
  { files_max, depth_max }: TreeLimits,
  report: (error: BridgeError) => void,
): AsyncGenerator<string> {
  const dirs: { path: string; depth: number }[] = [{ path: '', depth: 0 }];
  let files = 0;
  for (let dir = dirs.pop(); dir !== undefined; dir = dirs.pop()) {
    try {
      for await (const entry of await opendir(join(root, dir.path))) {
        const path = dir.path === '' ? entry.name : `${dir.path}/${entry.name}`;
        if (entry.isDirectory() && !isNeverRead(path)) {
          if (dir.depth < depth_max) dirs.push({ path, depth: dir.depth + 1 });
          else report(new BridgeError('BRIDGE_IO', `read ${join(root, path)}: deeper than ${depth_max} directories`));
        } else if (entry.isFile() && isWanted(path)) {
          files += 1;
          if (files > files_max) return report(tooManyLogs(root, files_max));
          yield path;
        }
      }
    } catch (error) {
      report(BridgeError.from(error, 'BRIDGE_IO', `read ${join(root, dir.path)}`));
    }
  }
}

/** What a file is by its content; undefined if nothing can be told of it, or not yet. Throws what the disk throws. */
async function formatOf(root: string, path: string): Promise<SeenFile['format'] | undefined> {
  if (isDatabasePath(path)) return 'database';
  const file = await open(join(root, path));
  try {
    const head = Buffer.alloc(HEAD_BYTES);
    const { bytesRead } = await file.read(head, 0, HEAD_BYTES, 0);
    return sniff(head.subarray(0, bytesRead));
  } finally {
    await file.close();
  }
}

async function* readFileChunks(path: string, onBytes: (bytes: number) => void): AsyncGenerator<Buffer> {
  for await (const chunk of createReadStream(path, { highWaterMark: CHUNK_BYTES }) as AsyncIterable<Buffer>) {
    onBytes(chunk.length);
    yield chunk;
  }
}
