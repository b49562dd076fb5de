/** The package's version, from its package.json, whether this runs from a checkout or compiled. */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

function find(directory: string): string {
  try {
    const { name, version } = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8')) as Record<
      string,
      unknown
    >;
    if (name === 'parsl-otel' && typeof version === 'string') return version;
  } catch {
    // Not here: one directory up.
  }
  const parent = dirname(directory);
  return parent === directory ? 'unknown' : find(parent);
}

export const version = find(import.meta.dirname);
