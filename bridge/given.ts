/** Which of the paths that a user gave are read: what is reached by two of them is read once. */
import { realpathSync, statSync } from 'node:fs';
import { dirname, relative, sep } from 'node:path';

import { isNeverRead } from './formats/log_files.ts';
import { isWanted } from './receivers/run_dir/tree.ts';

interface Given {
  readonly path: string;
  /** undefined for standard input, and for what is not there, which is told when it is looked at. */
  readonly real: string | undefined;
  readonly isDirectory: boolean;
  /** The same for all names of one file. */
  readonly id: string;
}

/**
 * The paths without those that name a file or directory again, by whatever spelling or link, and without logs and
 * directories that lie in a directory which is given, too.
 */
export function readOnce(paths: readonly string[]): string[] {
  const once = new Map<string, Given>();
  for (const given of paths.map(look)) if (!once.has(given.id)) once.set(given.id, given);
  const all = [...once.values()];
  const directories = new Set(all.map(({ isDirectory, real }) => (isDirectory ? real : undefined)));
  return all.filter((given) => !isReadInOne(directories, given)).map(({ path }) => path);
}

function look(path: string): Given {
  try {
    if (path === '-') return { path, real: undefined, isDirectory: false, id: path };
    const found = statSync(path);
    return { path, real: realpathSync(path), isDirectory: found.isDirectory(), id: `${found.dev}:${found.ino}` };
  } catch {
    return { path, real: undefined, isDirectory: false, id: path };
  }
}

/** True if whoever reads one of `directories` reads `given` with it. */
function isReadInOne(directories: ReadonlySet<string | undefined>, { real, isDirectory }: Given): boolean {
  if (real === undefined) return false;
  for (let above = dirname(real), below = real; below !== above; below = above, above = dirname(above)) {
    if (directories.has(above) && isReadIn(relative(above, real).replaceAll(sep, '/'), isDirectory)) return true;
  }
  return false;
}

/** The same by its path within that directory. */
function isReadIn(path: string, isDirectory: boolean): boolean {
  return isDirectory ? !isNeverRead(path) : isWanted(path);
}
