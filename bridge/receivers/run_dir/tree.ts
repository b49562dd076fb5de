/**
 * A tree of files, as a directory or an archive, from which logs are read. One tree is one input; paths are relative to
 * it, with slashes.
 */
import { BridgeError } from '../../core/errors.ts';
import { isNeverRead, mayBeLog } from '../../formats/log_files.ts';
import type { LogFormat } from '../../formats/log_text.ts';

export interface TreeLimits {
  /** Files looked at in one tree. */
  readonly files_max: number;
  /** Directories below one another. */
  readonly depth_max: number;
  /** Bytes of a monitoring.db in an archive: it is copied to be read. */
  readonly database_bytes_max: number;
}

export const treeLimits: TreeLimits = { files_max: 200_000, depth_max: 32, database_bytes_max: 2 ** 32 };

export interface SeenFile {
  readonly path: string;
  /** By its content; `database` is a monitoring.db. */
  readonly format: LogFormat | 'database';
}

export interface Content {
  readonly path: string;
  readonly bytes: AsyncIterable<Buffer>;
}

export interface Tree {
  /** It can only be read from its beginning: to read a file means to read all before it. */
  readonly isSequential: boolean;
  /** All files that may be logs. What cannot be looked into is reported and left out. */
  look(report: (error: BridgeError) => void): Promise<SeenFile[]>;
  /**
   * The content of files. `groups` are read in their order; within a group an archive that can only be read from its
   * beginning gives files in its own. A content that is not read to its end is passed over.
   */
  read(groups: readonly (readonly string[])[]): Iterable<Content> | AsyncIterable<Content>;
  /** A file of the tree as a file on disk, to be given back: a database can be read from nothing else. */
  onDisk(path: string): Promise<OnDisk>;
}

export interface OnDisk {
  readonly path: string;
  dispose(): Promise<void>;
}

/** What is told of a tree whose logs are more than are looked at. */
export function tooManyLogs(path: string, files_max: number): BridgeError {
  const message = `read ${path}: it has more than ${files_max} logs, the others are not read`;
  return new BridgeError('BRIDGE_IO', message, { reason: 'limit' });
}

/** True for the path of a database that Parsl's monitoring writes. */
export function isDatabasePath(path: string): boolean {
  return /(?:^|\/)monitoring\.db$/.test(path) && !isNeverRead(path);
}

/** True for a path whose content is worth a look. */
export function isWanted(path: string): boolean {
  return mayBeLog(path) || isDatabasePath(path);
}

/** An archive's name for a file as a path within it; undefined for one that would lead out of it. */
export function entryPath(name: string): string | undefined {
  const parts = name
    .replaceAll('\\', '/')
    .split('/')
    .filter((part) => part !== '' && part !== '.');
  return parts.length === 0 || parts.includes('..') ? undefined : parts.join('/');
}
