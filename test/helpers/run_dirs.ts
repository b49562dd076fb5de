/** Run directories of real workflows (test/fixtures/run_dirs): unpacked for a test, or read into a store as `--from` does. */
import { execFileSync } from 'node:child_process';
import { globSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { readInputs, type ReadInputs } from '../../bridge/commands/from.ts';

const root = join(import.meta.dirname, '..', 'fixtures', 'run_dirs');
const made: string[] = [];

export function archiveOf(name: string): string {
  return join(root, `${name}.tar.gz`);
}

/** A directory that holds what the archive holds; gone after the test. */
export function unpacked(name: string): string {
  const directory = temporary();
  execFileSync('tar', ['xzf', archiveOf(name), '-C', directory]);
  return directory;
}

/** An empty directory; gone after the test. */
export function temporary(): string {
  const directory = mkdtempSync(join(tmpdir(), 'parsl-otel-'));
  made.push(directory);
  return directory;
}

/** Names of all archives. */
export function runDirNames(): string[] {
  return globSync('*.tar.gz', { cwd: root })
    .map((name) => name.replace('.tar.gz', ''))
    .sort();
}

const fixtures = join(import.meta.dirname, '..', 'fixtures');

/** Path of an archived run directory, such as `run_dirs/2026.10.26-W1-htex`. */
export const runDir = (name: string): string => join(fixtures, `${name}.tar.gz`);

export const quiet = { env: {}, isTerminal: false, out: () => {}, err: () => {} };

export function readRunDirs(...names: readonly string[]): Promise<ReadInputs> {
  return readInputs(names.map(runDir), {}, quiet);
}

afterEach(() => {
  for (const directory of made.splice(0)) rmSync(directory, { recursive: true, force: true });
});
