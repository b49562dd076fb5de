/** Real Parsl with packages that the plugin's own environments do not have, kept beside them in the same cache. */
import { execFileSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Python {
  readonly path: string;
  /** What PYTHONPATH has to name. */
  readonly packages: string;
}

/** `name` tells sets of packages apart; `wanted` are pip's requirements. Installed once. */
export function pythonWith(parsl: string, name: string, wanted: readonly string[]): Python {
  const make = [join(import.meta.dirname, 'python', 'venv.mjs'), parsl];
  const venv = execFileSync(process.execPath, make, { encoding: 'utf8' }).trim();
  const path = join(venv, 'bin', 'python');
  const packages = `${venv}-${name}`;
  if (!existsSync(join(packages, 'complete'))) {
    const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--target', packages, '--upgrade'];
    execFileSync(path, [...pip, ...wanted]);
    writeFileSync(join(packages, 'complete'), '');
  }
  return { path, packages };
}
