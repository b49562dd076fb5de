/**
 * One bridge at a time has a data directory: two would give the same numbers to different entries of the journal. Held by
 * a lock on an empty SQLite file, which the system lets go of when the process ends, however it ends.
 */
import Database from 'better-sqlite3';
import { join } from 'node:path';

import { BridgeError } from './core/errors.ts';

/** Gives what lets go of the directory. Throws BRIDGE_CONFIG if another bridge has it. */
export function holdDataDir(dir: string): () => void {
  const lock = new Database(join(dir, 'lock.db'), { timeout: 0 });
  try {
    lock.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    lock.close();
    const isHeld = error instanceof Database.SqliteError && error.code.startsWith('SQLITE_BUSY');
    if (!isHeld) throw BridgeError.from(error, 'BRIDGE_CONFIG', `use data directory ${dir}`);
    throw new BridgeError('BRIDGE_CONFIG', `use data directory ${dir}: another bridge is using it`, {
      cause: error,
      hint: 'stop that one, or give another directory with --data',
    });
  }
  return () => void lock.close();
}
