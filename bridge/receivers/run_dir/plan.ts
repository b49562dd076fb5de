/** Which of the files that were seen are read, as what, and in which order. Pure. */
import { placeLog, runDirOf, type LogFile } from '../../formats/log_files.ts';
import type { LogHeader } from '../../formats/log_chunk.ts';
import type { SeenFile } from './tree.ts';

export interface PlannedLog {
  readonly path: string;
  readonly rank: number;
  readonly header: LogHeader;
}

export interface Plan {
  /** In the order in which they are best read. */
  readonly logs: readonly PlannedLog[];
  readonly databases: readonly string[];
}

/** `input` is the name of the input, as `source.input`. */
export function plan(seen: readonly SeenFile[], input: string): Plan {
  const runDirs = runDirsOf(seen.map(({ path }) => path));
  const logs: PlannedLog[] = [];
  const databases: string[] = [];
  for (const { path, format } of seen) {
    if (format === 'database') databases.push(path);
    else {
      const log = placeLog(path, format, runDirs);
      if (log !== undefined) logs.push(plannedLog(path, log, input));
    }
  }
  return { logs: logs.sort(inOrder), databases: databases.sort() };
}

function plannedLog(path: string, { format, keys, rank }: LogFile, input: string): PlannedLog {
  return { path, rank, header: { format, keys: { 'source.input': input, 'source.path': path, ...keys } } };
}

export function runDirsOf(paths: readonly string[]): Set<string> {
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
