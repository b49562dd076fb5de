#!/usr/bin/env node
/**
 * What every npm script goes through: it installs what is missing, finds a Node that runs TypeScript, and hands over.
 * Plain JavaScript for any Node from 18 on, because it is the first thing that runs on a fresh clone.
 *
 *   node bin/run.mjs SCRIPT [ARGUMENT...]     SCRIPT is a file of the project, or the name of an installed command
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const modules = join(root, 'node_modules');
const isWindows = process.platform === 'win32';

install();
run(process.argv[2], process.argv.slice(3));

/** `npm ci`, unless npm has installed something since the lock file was written. */
function install() {
  const changed = (path) => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  if (changed(join(modules, '.package-lock.json')) >= changed(join(root, 'package-lock.json'))) return;
  console.error('Installing what is missing (npm ci) ...');
  const args = ['ci', '--no-fund', '--no-audit', '--loglevel=error'];
  const { status } = spawnSync('npm', args, { cwd: root, stdio: ['ignore', 2, 2], shell: isWindows });
  if (status === 0) return;
  console.error('npm ci did not succeed. Is the npm registry reachable from here? Its messages are above.');
  process.exit(2);
}

/** The npm package `node` where it is there, else this Node if it is new enough. */
function findNode() {
  const brought = join(modules, '.bin', isWindows ? 'node.cmd' : 'node');
  if (existsSync(brought) && spawnSync(brought, ['-v'], { shell: isWindows }).status === 0) return brought;
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > 22 || (major === 22 && minor >= 15)) {
    console.error(`Install scripts are off here, so the npm package "node" brought no Node 24: using Node ${process.versions.node}.`);
    return process.execPath;
  }
  console.error(
    `This needs Node 22.15 or newer, and found ${process.versions.node}. The npm package "node" brings one, ` +
      'but its install script did not run: try `npm rebuild node`, or install a newer Node.',
  );
  process.exit(2);
}

function run(script, args) {
  const node = findNode();
  const command = join(modules, '.bin', script);
  const target = existsSync(join(root, script)) ? join(root, script) : command;
  // Node 22 strips types only when it is told to.
  const flags = /^v22\./.test(String(spawnSync(node, ['-v']).stdout)) ? ['--experimental-strip-types', '--no-warnings'] : [];
  const env = { ...process.env, PATH: `${dirname(node)}${isWindows ? ';' : ':'}${process.env.PATH ?? ''}` };
  const child = spawn(node, [...flags, target, ...args], { stdio: 'inherit', env, cwd: process.cwd() });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('exit', (code, signal) => process.exit(code ?? (signal === 'SIGINT' ? 130 : 143)));
}
