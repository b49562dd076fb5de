/**
 * A tree of files, as a directory or an archive, from which logs are read. One tree is one input; paths are relative to
 * it, with slashes.
 */
import { BridgeError } from '../../core/errors.ts';
import { isNeverRead, mayBeLog } from '../../formats/log_files.ts';
import type { LogFormat } from '../../formats/log_text.ts';
import type { Stamp } from '../../formats/nameless.ts';

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
  /** By its content; `database` is a monitoring.db, `unread` what is there and could not be opened. */
  readonly format: LogFormat | 'database' | 'unread';
  /** It is gzip, and does not grow. */
  readonly isZipped: boolean;
  readonly start: Start;
}

/** What the beginning of a log tells of the run that it is about. */
export interface Start {
  /** Time and process of its first record that has a time. */
  readonly stamp?: Stamp | undefined;
  /** An interchange says that it begins. */
  readonly begins: boolean;
  /** Whether the run's id is there; `not yet` where so little was written that it may still come. */
  readonly namesRun: 'yes' | 'no' | 'not yet';
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

/** What is told of archives in a tree, which are not opened; undefined if there are none. */
export function nestedArchives(where: string, paths: readonly string[]): BridgeError | undefined {
  if (paths.length === 0) return undefined;
  const [first] = paths;
  const more = paths.length === 1 ? '' : ` and ${paths.length - 1} more`;
  return new BridgeError('BRIDGE_DECODE', `read ${where}: no archive within another input is opened: ${first}${more}`, {
    reason: 'nested_archive',
    hint: 'give each archive as an input of its own, unless it holds what lies beside it',
  });
}

/** True for what is an archive by its name. */
export function isArchivePath(path: string): boolean {
  return /\.(?:tar(?:\.\w{1,4})?|tgz|tbz2?|txz|zip)$/i.test(path) && !isNeverRead(path);
}

/** What is told of a path in an archive that would lead out of it. */
export function leadsOut(where: string, name: string): BridgeError {
  const message = `read ${where}: ${name} leads out of the archive and is not read`;
  return new BridgeError('BRIDGE_DECODE', message, { reason: 'path' });
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

/** A database that was compressed is not read, but told. */
const PACKED_DATABASE = /(?:^|\/)monitoring\.db\.(?:gz|bz2|xz|zst)$/;

/** True for a path whose content is worth a look; no archive is one. */
export function isWanted(path: string): boolean {
  if (isArchivePath(path)) return false;
  return mayBeLog(path) || isDatabasePath(path) || (PACKED_DATABASE.test(path) && !isNeverRead(path));
}

/** An archive's name for a file as a path within it; undefined for one that would lead out of it. */
export function entryPath(name: string): string | undefined {
  const parts = name
    .replaceAll('\\', '/')
    .split('/')
    .filter((part) => part !== '' && part !== '.');
  return parts.length === 0 || parts.includes('..') ? undefined : parts.join('/');
}
