/**
 * A directory as a tree of logs. Symbolic links are never followed: `most-recent` would read everything twice, and a
 * link in somebody else's directory may lead anywhere.
 */
import { createReadStream } from 'node:fs';
import { open, opendir, stat } from 'node:fs/promises';
import { join } from 'node:path';

import { BridgeError } from '../../core/errors.ts';
import { HEAD_BYTES, isNeverRead, sniff } from '../../formats/log_files.ts';
import { isDatabasePath, isWanted, type SeenFile, type Tree, type TreeLimits } from './tree.ts';

const CHUNK_BYTES = 2 ** 19;

export function directoryTree(root: string, limits: TreeLimits, onBytes: (bytes: number) => void): Tree {
  return {
    isSequential: false,
    async look(report) {
      const seen: SeenFile[] = [];
      for await (const path of walk(root, limits, report)) {
        try {
          const file = await lookInto(root, path);
          if (file !== undefined) seen.push(file);
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
export async function* walk(
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
          if (files > files_max) {
            const message = `read ${root}: it has more than ${files_max} logs, the others are not read`;
            return report(new BridgeError('BRIDGE_IO', message, { reason: 'limit' }));
          }
          yield path;
        }
      }
    } catch (error) {
      report(BridgeError.from(error, 'BRIDGE_IO', `read ${join(root, dir.path)}`));
    }
  }
}

/** What a file is; undefined if it is none of ours, or nothing can be told of it yet. Throws what the disk throws. */
export async function lookInto(root: string, path: string): Promise<SeenFile | undefined> {
  const full = join(root, path);
  if (isDatabasePath(path)) return { path, size: (await stat(full)).size, format: 'database' };
  const file = await open(full);
  try {
    const { size } = await file.stat();
    const head = Buffer.alloc(Math.min(HEAD_BYTES, size));
    const { bytesRead } = await file.read(head, 0, head.length, 0);
    const format = sniff(head.subarray(0, bytesRead));
    return format === undefined ? undefined : { path, size, format };
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
