/**
 * A database out of an archive as a file on disk, because SQLite reads nothing else: under a name of ours, in a directory
 * that only we can read, until it is given back.
 */
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { BridgeError } from '../../core/errors.ts';
import type { OnDisk, Tree, TreeLimits } from './tree.ts';

/** Throws BRIDGE_DECODE if it is larger than its limit or not there any more. */
export async function copyOnDisk(tree: Tree, name: string, { database_bytes_max }: TreeLimits): Promise<OnDisk> {
  const dir = await mkdtemp(join(tmpdir(), 'parsl-otel-db-'));
  const dispose = (): Promise<void> => rm(dir, { recursive: true, force: true });
  const path = join(dir, 'monitoring.db');
  try {
    const file = await open(path, 'wx', 0o600);
    try {
      for await (const { bytes } of tree.read([[name]])) {
        let length = 0;
        for await (const piece of bytes) {
          length += piece.length;
          if (length > database_bytes_max) throw tooLarge(name, database_bytes_max);
          await file.writeFile(piece);
        }
      }
    } finally {
      await file.close();
    }
    return { path, dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}

function tooLarge(name: string, bytes_max: number): BridgeError {
  const hint = 'unpack the archive and give the directory';
  return new BridgeError('BRIDGE_DECODE', `read ${name}: longer than ${bytes_max} bytes`, {
    reason: 'too_large',
    hint,
  });
}
