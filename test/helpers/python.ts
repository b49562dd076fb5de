/** Python environments of the end-to-end suites: one for each Parsl release, with the plugin in it (e2e/python/venv.mjs). */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

/** Oldest plugin epoch, one between, the newest. */
export const parslReleases = ['2024.12.16', '2025.12.15', '2026.10.26'] as const;

const made = new Map<string, string>();

/** Path of a Python that has this Parsl; makes its environment if the cache has none. */
export function pythonWith(parsl: string): string {
  let python = made.get(parsl);
  if (python === undefined) {
    const script = join(import.meta.dirname, '..', 'e2e', 'python', 'venv.mjs');
    const venv = execFileSync(process.execPath, [script, parsl], { encoding: 'utf8' }).trim();
    made.set(parsl, (python = join(venv, 'bin', 'python')));
  }
  return python;
}
