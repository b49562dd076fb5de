/**
 * Which run directories hold a run that no record names, and what the headers of their logs say of it
 * (formats/nameless.ts): one with neither the submit side's log nor a monitoring.db, or with a submit side's log whose
 * beginning, where the run's id stands, is gone. Pure.
 */
import { runDirOf, type LogFile } from '../../formats/log_files.ts';
import { earlier, namelessRun, type Stamp } from '../../formats/nameless.ts';
import type { SeenFile } from './tree.ts';

/** A log, and where it belongs. */
export interface Placed {
  readonly seen: SeenFile;
  readonly log: LogFile;
}

type Keys = LogFile['keys'];

/** Logs that tell of tasks; the others alone make no run. */
const ofExecutors: ReadonlySet<unknown> = new Set(['interchange', 'manager', 'worker', 'work_queue', 'taskvine']);
const SUBMIT_LOG = /(?:^|\/)parsl\.(?:json)?log[^/]*$/;
/** How far below the directory of its monitoring.db a run directory lies. */
const BELOW_MAX = 2;

interface Beside {
  /** Paths of monitoring databases, and of what else tells the runs. */
  readonly databases: readonly string[];
  /** Paths of what could not be opened: a submit side's log among them would tell its run. */
  readonly unread: readonly string[];
  /** A submit side's log may still come to say its run's id. */
  readonly isGrowing: boolean;
}

/** Keys for the headers of logs that lie in such directories, by path; those of all others are right as they are. */
export function namelessKeys(placed: readonly Placed[], { databases, unread, isGrowing }: Beside): Map<string, Keys> {
  const closed = new Set(unread.filter((path) => SUBMIT_LOG.test(path)).map((path) => runDirOf(path) || '.'));
  const keys = new Map<string, Keys>();
  for (const [dir, files] of byRunDir(placed)) {
    const submit = files.filter(isOfSubmitSide);
    const isNamed = submit.some(({ seen: { start } }) => start.namesRun === 'yes' || (isGrowing && start.namesRun === 'not yet')); // prettier-ignore
    if (isNamed || closed.has(dir) || databases.some((path) => isAbout(path, dir))) continue;
    if (submit.length > 0) setAll(keys, files, oneRun(submit));
    else for (const [subdir, group] of byExecutor(dir, files)) setAll(keys, group, { ...subdir, ...runsOf(group) });
  }
  // TaskVine's logs lie beside run directories, which name their run if they are there.
  if (databases.length === 0 && !placed.some(isOfSubmitSide))
    for (const [dir, files] of byVineLogs(placed)) setAll(keys, files, { 'source.run_dir': dir, ...runsOf(files) });
  return keys;
}

function isOfSubmitSide({ log }: Placed): boolean {
  return log.keys['source.log'] === 'parsl';
}

/** Logs of TaskVine in no run directory, by the directory that one start of it has. */
function byVineLogs(placed: readonly Placed[]): Map<string, Placed[]> {
  const isVine = ({ log: { keys } }: Placed): boolean =>
    keys['source.log'] === 'taskvine' && keys['source.run_dir'] === undefined;
  return Map.groupBy(placed.filter(isVine), ({ seen }) => seen.path.slice(0, seen.path.lastIndexOf('/')) || '.');
}

function byRunDir(placed: readonly Placed[]): Map<string, Placed[]> {
  const dirs = new Map<string, Placed[]>();
  for (const file of placed) {
    const dir = file.log.keys['source.run_dir'];
    if (typeof dir !== 'string') continue;
    const files = dirs.get(dir);
    if (files === undefined) dirs.set(dir, [file]);
    else files.push(file);
  }
  return dirs;
}

/** Two executors count their tasks alike: without a submit side each is a run of its own, in its own directory. */
function byExecutor(dir: string, files: readonly Placed[]): [Keys, Placed[]][] {
  const labels = new Set(files.filter(isOfExecutor).map(({ log }) => log.keys['parsl.executor']));
  if (labels.size < 2) return [[{}, [...files]]];
  return [...labels].map((label) => {
    const subdir = label === undefined ? {} : { 'source.run_dir': dir === '.' ? label : `${dir}/${label}` };
    return [subdir, files.filter(({ log }) => log.keys['parsl.executor'] === label)];
  });
}

function isOfExecutor({ log }: Placed): boolean {
  return ofExecutors.has(log.keys['source.log']);
}

/** Where an interchange says when it begins, its records tell their runs apart; else all are of one. */
function runsOf(files: readonly Placed[]): Keys {
  const logs = files.filter(isOfExecutor);
  if (logs.length === 0) return {};
  const run = logs.some(({ seen }) => seen.start.begins) ? {} : oneRun(logs);
  return { 'source.nameless': 'executor', ...run };
}

function oneRun(files: readonly Placed[]): Keys {
  const stamp = files.reduce<Stamp | undefined>((first, { seen }) => earlier(first, seen.start.stamp), undefined);
  return stamp === undefined ? {} : { 'parsl.dfk': namelessRun(stamp) };
}

function setAll(keys: Map<string, Keys>, files: readonly Placed[], own: Keys): void {
  if (Object.keys(own).length > 0) for (const { seen } of files) keys.set(seen.path, own);
}

/** True if the monitoring.db at `path` may be that of a run in `dir`: it lies beside it, or in a directory above. */
function isAbout(path: string, dir: string): boolean {
  const parents = path.split('/').slice(0, -1);
  const parts = dir === '.' ? [] : dir.split('/');
  return parents.length + BELOW_MAX >= parts.length && parents.every((part, at) => part === parts[at]);
}
