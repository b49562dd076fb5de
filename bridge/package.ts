/** Where the package lies and which version it is, whether this runs from a checkout or compiled. */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

interface Package {
  readonly root: string;
  readonly version: string;
}

function find(directory: string): Package {
  try {
    const text = readFileSync(join(directory, 'package.json'), 'utf8');
    const { name, version } = JSON.parse(text) as Record<string, unknown>;
    if (name === 'parsl-otel' && typeof version === 'string') return { root: directory, version };
  } catch {
    // Not here: one directory up.
  }
  const parent = dirname(directory);
  return parent === directory ? { root: directory, version: 'unknown' } : find(parent);
}

export const { root, version } = find(import.meta.dirname);

/** The recorded run that ships with it. */
export const demoCapture = join(root, 'examples', 'demo.capture.gz');
