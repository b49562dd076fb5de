/**
 * npm run test:e2e [-- FILE...]: everything that needs more than Node. Real Parsl, three releases in environments of
 * their own, a real browser, and the whole stack, with Docker and without. What a suite needs it installs itself into the cache; what this machine cannot give is
 * said in one line, and in CI (PARSL_OTEL_CI=1) that is a failure.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, globSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..', '..');
const named = process.argv.slice(2);

interface Suite {
  readonly files: readonly string[];
  readonly needs: string;
  readonly isThere: () => boolean;
}

const runs = (command: string, ...args: readonly string[]): boolean => spawnSync(command, args).status === 0;
const hasPython = (): boolean => runs(process.env['PARSL_OTEL_PYTHON'] ?? 'python3', '-c', 'import venv');
const hasChromium = (): boolean => existsSync(process.env['CHROMIUM'] ?? '/usr/bin/chromium');
const hasPrometheus = (): boolean => runs('prometheus', '--version') && runs('promtool', '--version');
const hasStack = (): boolean =>
  runs('go', 'version') && hasPrometheus() && runs('prometheus-alertmanager', '--version');

const suites: readonly Suite[] = [
  {
    files: ['test/browser/**/*.test.ts'],
    needs: 'Chromium (apt-get install chromium, or CHROMIUM=/path)',
    isThere: hasChromium,
  },
  {
    files: ['monitoring_db', 'parsl', 'readme', 'logs'].map(fileOf),
    needs: 'Python 3.9 or newer with venv (PARSL_OTEL_PYTHON=/path)',
    isThere: hasPython,
  },
  {
    files: ['visualize'].map(fileOf),
    needs: 'Python, Chromium and dot (apt-get install chromium graphviz)',
    isThere: () => hasPython() && hasChromium() && runs('dot', '-V'),
  },
  {
    files: ['otlp_logs'].map(fileOf),
    needs: 'Go 1.26',
    isThere: () => runs('go', 'version'),
  },
  {
    files: ['rules', 'dashboards'].map(fileOf),
    needs: 'Prometheus (apt-get install prometheus)',
    isThere: hasPrometheus,
  },
  {
    files: ['collector', 'stack'].map(fileOf),
    needs: 'Python, Go 1.26, Prometheus and Alertmanager (apt-get install prometheus prometheus-alertmanager)',
    isThere: () => hasPython() && hasStack(),
  },
  {
    files: ['compose'].map(fileOf),
    needs: 'root, Go 1.26, Docker and compose (apt-get install docker.io iptables docker-compose)',
    isThere: () =>
      process.getuid?.() === 0 &&
      runs('go', 'version') &&
      runs('dockerd', '--version') &&
      runs('docker-compose', '--version'),
  },
];

function fileOf(name: string): string {
  return `test/e2e/${name}.test.ts`;
}

const known = new Set(suites.flatMap((suite) => suite.files));
const forgotten = globSync(fileOf('*'), { cwd: root }).filter((file) => !known.has(file));
if (forgotten.length > 0) {
  console.error(`Say in test/e2e/run.ts what ${forgotten.join(', ')} needs.`);
  process.exit(2);
}

const missing = named.length > 0 ? [] : suites.filter(({ isThere }) => !isThere());
for (const { files, needs } of missing) console.error(`Left out: ${files.join(', ')} needs ${needs}.`);

const files =
  named.length > 0 ? named : suites.filter((suite) => !missing.includes(suite)).flatMap((suite) => suite.files);
const mocha = join(root, 'node_modules', 'mocha', 'bin', 'mocha.js');
// --exit: a browser or a Python that hangs must not keep the suite from ending.
const flags = ['--no-config', '--forbid-only', '--timeout', '300000', '--exit'];
const { status } = spawnSync(process.execPath, [mocha, ...flags, ...files], { cwd: root, stdio: 'inherit' });
const isIncomplete = missing.length > 0 && process.env['PARSL_OTEL_CI'] !== undefined;
process.exitCode = isIncomplete ? 1 : (status ?? 1);
