/**
 * npm run test:e2e: everything that needs more than Node. Real Parsl (three releases, in environments of their own), a
 * real browser. What a suite needs it installs itself into the cache; what it cannot have it says in one line, and in
 * CI that is a failure.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..', '..');
const args = process.argv.slice(2);
const suites = args.length > 0 ? args : ['test/e2e/**/*.test.ts', 'test/browser/**/*.test.ts'];

const mocha = join(root, 'node_modules', '.bin', 'mocha');
// --exit: a browser or a Python that hangs must not keep the suite from ending.
const flags = ['--no-config', '--forbid-only', '--timeout', '300000', '--exit'];
const { status } = spawnSync(process.execPath, [mocha, ...flags, ...suites], { cwd: root, stdio: 'inherit' });
process.exitCode = status ?? 1;
