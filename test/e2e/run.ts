/**
 * npm run test:e2e [-- FILE...]: everything that needs more than Node. Real Parsl, three releases in environments of
 * their own, and a real browser. What a suite needs it installs itself into the cache; what this machine cannot give is
 * said in one line, and in CI (PARSL_OTEL_CI=1) that is a failure.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..', '..');
const named = process.argv.slice(2);

interface Suite {
  readonly files: string;
  readonly needs: string;
  readonly isThere: () => boolean;
}

const suites: readonly Suite[] = [
  {
    files: 'test/browser/**/*.test.ts',
    needs: 'Chromium (apt-get install chromium, or CHROMIUM=/path)',
    isThere: () => existsSync(process.env['CHROMIUM'] ?? '/usr/bin/chromium'),
  },
  {
    files: 'test/e2e/**/*.test.ts',
    needs: 'Python 3.9 or newer with venv (PARSL_OTEL_PYTHON=/path)',
    isThere: () => spawnSync(process.env['PARSL_OTEL_PYTHON'] ?? 'python3', ['-c', 'import venv']).status === 0,
  },
];

const missing = named.length > 0 ? [] : suites.filter(({ isThere }) => !isThere());
for (const { files, needs } of missing) console.error(`Left out: ${files} needs ${needs}.`);

const files = named.length > 0 ? named : suites.filter((suite) => !missing.includes(suite)).map((suite) => suite.files);
const mocha = join(root, 'node_modules', 'mocha', 'bin', 'mocha.js');
// --exit: a browser or a Python that hangs must not keep the suite from ending.
const flags = ['--no-config', '--forbid-only', '--timeout', '300000', '--exit'];
const { status } = spawnSync(process.execPath, [mocha, ...flags, ...files], { cwd: root, stdio: 'inherit' });
const isIncomplete = missing.length > 0 && process.env['PARSL_OTEL_CI'] !== undefined;
process.exitCode = isIncomplete ? 1 : (status ?? 1);
