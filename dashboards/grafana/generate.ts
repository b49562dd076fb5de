/**
 * npm run dashboards: writes dashboards/grafana/json from the code beside it. With --check nothing is written, and the
 * exit code tells whether anything would change.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { apps } from './apps.ts';
import { bridge } from './bridge.ts';
import { overview } from './overview.ts';
import { resources } from './resources.ts';
import { run } from './run.ts';
import { workers } from './workers.ts';

const directory = join(import.meta.dirname, 'json');

/** By file name: what the file must say. */
export function dashboards(): Map<string, string> {
  const all = { overview, run, workers, apps, resources, bridge };
  return new Map(Object.entries(all).map(([name, make]) => [`${name}.json`, `${JSON.stringify(make(), null, 2)}\n`]));
}

/** Names of files that are not what the code says. */
export function stale(): string[] {
  const wanted = dashboards();
  const there = new Set(readdirSync(directory));
  const names = new Set([...wanted.keys(), ...there]);
  return [...names].filter(
    (name) => !there.has(name) || readFileSync(join(directory, name), 'utf8') !== wanted.get(name),
  );
}

if (import.meta.main) {
  mkdirSync(directory, { recursive: true });
  const changed = stale();
  if (process.argv.includes('--check')) {
    if (changed.length > 0) {
      process.stderr.write(
        `dashboards/grafana/json is out of date: ${changed.join(', ')}; run npm run dashboards and commit\n`,
      );
      process.exitCode = 1;
    }
  } else {
    const wanted = dashboards();
    for (const name of changed) {
      const text = wanted.get(name);
      if (text === undefined) rmSync(join(directory, name));
      else writeFileSync(join(directory, name), text);
    }
  }
}
