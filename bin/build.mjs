/** What npm pack publishes: compiled JavaScript, and the page and the rules, which need no compiling. */
import { spawnSync } from 'node:child_process';
import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
rmSync(join(root, 'dist'), { recursive: true, force: true });
const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
const { status } = spawnSync(process.execPath, [tsc, '-p', join(root, 'tsconfig.build.json')], { stdio: 'inherit' });
for (const folder of ['bridge/web/public', 'bridge/processors/rules'])
  cpSync(join(root, folder), join(root, 'dist', folder), { recursive: true });
process.exit(status ?? 1);
