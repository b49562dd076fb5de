/**
 * The Go programs of the stack, built from the go.mod and go.sum in this checkout and kept in the cache under the hash of
 * what they are made from:
 *
 *     node bin/run.mjs test/stack/build.ts [NAME...]
 *
 * One at a time, because one build uses every core and up to 3.5 GiB. Go's checksum check is never switched off.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, globSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..', '..');

interface Program {
  /** The module, relative to the checkout. */
  readonly module: string;
  readonly target: string;
  readonly tags?: string;
}

/** In the order of building: the later ones find much of what they need compiled by the earlier. */
const programs = {
  'parsl-otelcol': { module: 'collector', target: '.', tags: 'grpcnotrace,remove_all_sd' },
  probe: { module: 'collector', target: './probe' },
  jaeger: { module: 'test/stack/jaeger', target: 'github.com/jaegertracing/jaeger/cmd/jaeger' },
  loki: { module: 'test/stack/loki', target: 'github.com/grafana/loki/v3/cmd/loki' },
} as const satisfies Record<string, Program>;

export type ProgramName = keyof typeof programs;

const UNUSED_MS = 14 * 24 * 3_600_000;

/** Path of the program; builds it if the cache has none. Throws if there is no Go, or the build fails. */
export function built(name: ProgramName): string {
  const program: Program = programs[name];
  const directory = join(root, program.module);
  const flags = ['-mod=readonly', '-trimpath', '-buildvcs=false', '-ldflags=-s -w'];
  if (program.tags !== undefined) flags.push(`-tags=${program.tags}`);
  const bin = join(process.env['PARSL_OTEL_CACHE'] ?? join(homedir(), '.cache', 'parsl-otel'), 'bin');
  const path = join(bin, `${name}-${hashOf(directory, [...flags, program.target])}`);
  if (existsSync(path)) {
    utimesSync(path, new Date(), new Date());
    return path;
  }
  mkdirSync(bin, { recursive: true });
  const began = performance.now();
  console.error(`Building ${name} (minutes, where Go's own cache is cold) ...`);
  const work = `${path}.${process.pid}`; // Renamed when whole: a build may be interrupted, and another may run.
  const { status } = spawnSync('go', ['build', ...flags, '-o', work, program.target], {
    cwd: directory,
    env: { ...process.env, CGO_ENABLED: '0' },
    stdio: ['ignore', 2, 2],
  });
  if (status !== 0)
    throw new Error(`go build of ${name} in ${program.module}/ did not succeed; its messages are above`);
  renameSync(work, path);
  const seconds = Math.round((performance.now() - began) / 1000);
  console.error(`Built ${name}: ${seconds} s, ${Math.round(statSync(path).size / 1e6)} MB.`);
  forgetOld(bin, name);
  return path;
}

/** The Go that would build, or undefined. */
export function goVersion(): string | undefined {
  const { status, stdout } = spawnSync('go', ['env', 'GOVERSION', 'GOARCH'], { encoding: 'utf8' });
  return status === 0 ? stdout.trim() : undefined;
}

function hashOf(directory: string, args: readonly string[]): string {
  const hash = createHash('sha256');
  hash.update(execFileSync('go', ['env', 'GOVERSION', 'GOOS', 'GOARCH'], { cwd: directory }));
  hash.update(args.join('\n'));
  for (const file of globSync(['go.mod', 'go.sum', '**/*.go'], { cwd: directory }).sort())
    hash.update(`\n${file}\n`).update(readFileSync(join(directory, file)));
  return hash.digest('hex').slice(0, 12);
}

/** Builds that nobody has asked for in a while. */
function forgetOld(bin: string, name: ProgramName): void {
  for (const file of globSync(`${name}-*`, { cwd: bin })) {
    const path = join(bin, file);
    if (Date.now() - statSync(path).mtimeMs > UNUSED_MS) rmSync(path);
  }
}

if (import.meta.main) {
  const names = process.argv.slice(2);
  const known = Object.keys(programs) as ProgramName[];
  const unknown = names.filter((name) => !known.some((program) => program === name));
  if (unknown.length > 0) {
    console.error(`no program ${unknown.join(', ')}; there are ${known.join(', ')}`);
    process.exit(2);
  }
  for (const name of known) if (names.length === 0 || names.includes(name)) console.log(built(name));
}
