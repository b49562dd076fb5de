#!/usr/bin/env node
/** The command `parsl-otel` of the installed package: compiled JavaScript where there is some, else the checkout's. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const compiled = join(root, 'dist', 'bridge', 'cli.js');

if (existsSync(compiled)) {
  // An older Node would end with a crash in SQLite's binding, not with a message.
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < 22 || (major === 22 && minor < 15)) {
    console.error(`parsl-otel needs Node 22.15 or newer, and this is ${process.versions.node}. (npm install node@24 brings one.)`);
    process.exit(2);
  }
  await import(pathToFileURL(compiled).href);
} else {
  process.argv.splice(2, 0, 'bridge/cli.ts');
  await import('./run.mjs');
}
