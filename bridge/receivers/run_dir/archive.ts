/** Which kind of archive a file is, by its content. */
import { BridgeError } from '../../core/errors.ts';
import { readInput } from '../../core/input.ts';
import { packedBy } from '../../formats/packed.ts';
import { looksLikeTar, tarTree } from './tar.ts';
import type { Tree, TreeLimits } from './tree.ts';
import { looksLikeZip, zipTree } from './zip.ts';

/** First bytes, unzipped where they are gzip, that tell an archive from other files. */
const HEAD_BYTES = 512;

/**
 * The archive at `path` as a tree; undefined if it is none. `onBytes` is told of the archive's own bytes, so that all
 * reading adds up to its size, about. Throws what reading its beginning throws.
 */
export async function archiveTree(
  path: string,
  limits: TreeLimits,
  signal: AbortSignal,
  onBytes: (bytes: number) => void,
): Promise<Tree | undefined> {
  const head = await headOf(path, signal);
  if (looksLikeZip(head)) return zipTree(path, limits, onBytes);
  return looksLikeTar(head) ? tarTree(path, limits, signal, onBytes) : undefined;
}

/** The same. Throws BRIDGE_CONFIG if the file is no archive. */
export async function requireArchive(...args: Parameters<typeof archiveTree>): Promise<Tree> {
  const [path] = args;
  const tree = await archiveTree(...args);
  if (tree !== undefined) return tree;
  const packed = packedBy(await headOf(path, args[2]));
  if (packed !== undefined)
    throw new BridgeError('BRIDGE_CONFIG', `read ${path}: ${packed.what}`, { hint: packed.hint });
  throw new BridgeError('BRIDGE_CONFIG', `read ${path}: neither a directory nor a tar, tar.gz or zip`, {
    hint: 'captures, monitoring databases and JSON lines have receivers of their own',
  });
}

async function headOf(path: string, signal: AbortSignal): Promise<Buffer> {
  let head: Buffer = Buffer.alloc(0);
  for await (const chunk of readInput(path, signal)) {
    head = Buffer.concat([head, chunk]);
    if (head.length >= HEAD_BYTES) break;
  }
  return head.subarray(0, HEAD_BYTES);
}
