/** npm run check: types, lint, format, and that the generated reference is up to date. All run; any failure fails. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const bin = join(root, 'node_modules', '.bin');

const checks: readonly [string, string, readonly string[]][] = [
  ['types', join(bin, 'tsc'), ['--noEmit', '-p', '.']],
  ['build', join(bin, 'tsc'), ['-p', 'tsconfig.build.json', '--noEmit']],
  ['lint', join(bin, 'eslint'), ['.']],
  [
    'format',
    join(bin, 'prettier'),
    [
      '--check',
      '--log-level=warn',
      'bridge/**/*.{ts,js,css,html}',
      'test/**/*.ts',
      'bench/**/*.ts',
      'docs/*.ts',
      'dashboards/**/*.ts',
    ],
  ],
  ['reference', process.execPath, [join(root, 'docs', 'generate.ts'), '--check']],
  ['dashboards', process.execPath, [join(root, 'dashboards', 'grafana', 'generate.ts'), '--check']],
];

let failed = 0;
for (const [name, command, args] of checks) {
  const { status } = spawnSync(command, args, { cwd: root, stdio: 'inherit' });
  console.log(`${name}: ${status === 0 ? 'ok' : 'FAILED'}`);
  if (status !== 0) failed += 1;
}
process.exitCode = failed === 0 ? 0 : 1;
