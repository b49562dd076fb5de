/** Which of the files that were seen are read, as what, and in which order. Pure. */
import { placeLog, runDirOf, type LogFile } from '../../formats/log_files.ts';
import type { LogHeader } from '../../formats/log_chunk.ts';
import { namelessKeys, type Placed } from './nameless.ts';
import type { LogFormat } from '../../formats/log_text.ts';
import type { SeenFile } from './tree.ts';

export interface PlannedLog {
  readonly path: string;
  readonly rank: number;
  /** It is gzip, and does not grow. */
  readonly isZipped: boolean;
  readonly header: LogHeader;
}

export interface Plan {
  /** In the order in which they are best read. */
  readonly logs: readonly PlannedLog[];
  readonly databases: readonly string[];
}

/** `input` is the name of the input, as `source.input`; `isGrowing`: it is followed. */
export function plan(seen: readonly SeenFile[], input: string, isGrowing = false): Plan {
  return planIn(runDirsOf(seen.map(({ path }) => path)), seen, input, isGrowing);
}

/** A log that is given by itself. Whatever it is called, it is a log of its directory. */
export function planOne(file: SeenFile, format: LogFormat, input: string): PlannedLog {
  const [named] = planIn(new Set(['']), [file], input, false).logs;
  const log = placeLog('any.log', format, new Set([''])) ?? { format, keys: {}, rank: 0 };
  return named ?? plannedLog(file, log, input);
}

function planIn(runDirs: ReadonlySet<string>, seen: readonly SeenFile[], input: string, isGrowing: boolean): Plan {
  const placed: Placed[] = [];
  const databases: string[] = [];
  const messages: string[] = [];
  const unread: string[] = [];
  for (const file of seen) {
    const { path, format } = file;
    if (format === 'database') {
      databases.push(path);
      continue;
    }
    if (format === 'unread') {
      unread.push(path);
      continue;
    }
    if (isMessages(path)) messages.push(path);
    const log = placeLog(path, format, runDirs);
    if (log !== undefined) placed.push({ seen: file, log });
  }
  const keys = namelessKeys(placed, { databases: [...databases, ...messages], unread, isGrowing });
  const logs = placed.map(({ seen, log }) =>
    plannedLog(seen, { ...log, keys: { ...log.keys, ...keys.get(seen.path) } }, input),
  );
  return { logs: logs.sort(inOrder), databases: databases.sort() };
}

/** What Parsl's observability branch writes of monitoring. */
function isMessages(path: string): boolean {
  return /(?:^|\/)monitoring\.json$/.test(path);
}

function plannedLog({ path, isZipped }: SeenFile, { format, keys, rank }: LogFile, input: string): PlannedLog {
  return { path, rank, isZipped, header: { format, keys: { 'source.input': input, 'source.path': path, ...keys } } };
}

function runDirsOf(paths: readonly string[]): Set<string> {
  const dirs = paths.map(runDirOf).filter((dir) => dir !== undefined);
  return new Set(dirs);
}

/** The order of reading: as it is best, or where one pass cannot give that, in few passes. */
export function passes(logs: readonly PlannedLog[], isSequential: boolean): string[][] {
  if (!isSequential) return [logs.map(({ path }) => path)];
  const groups: string[][] = [];
  for (const { rank, path } of logs) (groups[rank] ??= []).push(path);
  return groups.filter((group) => group.length > 0);
}

/**
 * One run after the other, and in a run what tells whose lines are whose before the lines. What lies in no run directory,
 * such as TaskVine's logs, comes last: the runs tell whose it is.
 */
function inOrder(a: PlannedLog, b: PlannedLog): number {
  const [runA, runB] = [runOf(a), runOf(b)];
  if ((runA === undefined) !== (runB === undefined)) return runA === undefined ? 1 : -1;
  return compare(runA ?? '', runB ?? '') || a.rank - b.rank || compare(a.path, b.path);
}

function runOf({ header }: PlannedLog): string | undefined {
  const dir = header.keys['source.run_dir'];
  return typeof dir === 'string' ? dir : undefined;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
