/**
 * Which file the rows of a run go to: the one that Parsl would write, monitoring.db in the parent of the run's directory
 * (usually runinfo/monitoring.db), unless the configuration names one.
 *
 * Not to a file that Parsl's own manager writes: a run that has one keeps its log beside its own. Such rows, and those of
 * a run whose directory is not here, go elsewhere, and it is said where. A run stays where it began, over restarts, so
 * that all of it is in one file.
 */
import { existsSync, readFileSync, realpathSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, isAbsolute, join, resolve, sep } from 'node:path';

/** Runs whose files are remembered. */
const HOMES_MAX = 1_000;
const MANAGER_LOGS = ['database_manager.log', 'database_manager.jsonlog'];

export interface HomesOptions {
  /** Of all runs, where the configuration says so. */
  readonly path: string | undefined;
  /** For runs that have no directory here. */
  readonly fallbackPath: string;
  /** What is remembered over a restart. */
  readonly stateFile: string;
  /** Files that are an input of the bridge, and directories in which there are some. */
  readonly inputs: readonly string[];
  /** Told once of each run whose rows do not go where Parsl would put them. */
  readonly onElsewhere: (run: string, path: string, why: string) => void;
}

export interface Homes {
  /** The file of a run, which `rundir` decides; undefined as long as nobody has told it. */
  find(run: string, rundir: string | undefined): string | undefined;
  /** The file of a run whose start may never be told. */
  of(run: string): string;
  /** The file cannot be written to: its runs go to the fallback. */
  leave(path: string, why: string): void;
}

export function openHomes({ path, fallbackPath, stateFile, inputs, onElsewhere }: HomesOptions): Homes {
  const homes = new Map<string, string>(read(stateFile));

  function settle(run: string, file: string, why: string | undefined): string {
    if (why !== undefined) onElsewhere(run, file, why);
    homes.set(run, file);
    for (const oldest of homes.keys()) {
      if (homes.size <= HOMES_MAX) break;
      homes.delete(oldest);
    }
    write(stateFile, homes);
    return file;
  }

  return {
    find(run, rundir) {
      const known = homes.get(run);
      if (known !== undefined) return known;
      // What the configuration says needs no memory, but for a run whose file is not the one it says.
      if (path !== undefined && (rundir === undefined || !isManaged(rundir, path))) return path;
      if (rundir === undefined) return undefined;
      const { file, why } = choose(rundir, fallbackPath, inputs);
      return settle(run, file, why);
    },
    of: (run) => homes.get(run) ?? path ?? settle(run, fallbackPath, 'its start was not told'),
    leave(path, why) {
      for (const [run, file] of homes) if (file === path) settle(run, fallbackPath, why);
    },
  };
}

function choose(rundir: string, fallback: string, inputs: readonly string[]): { file: string; why?: string } {
  if (!isAbsolute(rundir) || !isDirectory(rundir)) return { file: fallback, why: `${rundir} is no directory here` };
  const usual = usualFile(rundir);
  const why = isInput(usual, inputs)
    ? `${usual} is an input of the bridge`
    : isManaged(rundir, usual)
      ? `Parsl's own manager writes ${usual}`
      : undefined;
  if (why === undefined) return { file: usual };
  const beside = join(dirname(usual), 'monitoring.parsl-otel.db');
  // In a directory that is an input it would be read again.
  return { file: isInput(beside, inputs) ? fallback : beside, why };
}

/** True if the file is an input, or lies in a directory that is one and would be read with it. */
export function isInput(file: string, inputs: readonly string[]): boolean {
  const path = real(file);
  return inputs.map(real).some((input) => path === input || path.startsWith(input + sep));
}

/** Without links, also of a file that is not there yet. */
function real(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    const parent = dirname(resolve(path));
    return parent === resolve(path) ? parent : join(real(parent), basename(path));
  }
}

function usualFile(rundir: string): string {
  return join(dirname(rundir), 'monitoring.db');
}

/** True if the run has a manager of Parsl's own, and this is the file it writes. */
function isManaged(rundir: string, file: string): boolean {
  return resolve(file) === usualFile(resolve(rundir)) && MANAGER_LOGS.some((log) => existsSync(join(rundir, log)));
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

function read(stateFile: string): [string, string][] {
  try {
    const { homes } = JSON.parse(readFileSync(stateFile, 'utf8')) as { homes?: Record<string, string> };
    return Object.entries(homes ?? {});
  } catch {
    return []; // Nothing was written yet.
  }
}

function write(stateFile: string, homes: ReadonlyMap<string, string>): void {
  const temporary = `${stateFile}.tmp`;
  writeFileSync(temporary, `${JSON.stringify({ homes: Object.fromEntries(homes) })}\n`, { mode: 0o600 });
  renameSync(temporary, stateFile);
}
