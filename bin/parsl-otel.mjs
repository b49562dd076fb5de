#!/usr/bin/env node
/** The command `parsl-otel` of the installed package: compiled JavaScript where there is some, else the checkout's. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const compiled = join(root, 'dist', 'bridge', 'cli.js');

if (existsSync(compiled)) {
  await import(pathToFileURL(compiled).href);
} else {
  process.argv.splice(2, 0, 'bridge/cli.ts');
  await import('./run.mjs');
}
