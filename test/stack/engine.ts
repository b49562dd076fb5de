/**
 * A Docker engine of the test's own, in directories of its own, and images for it. Where no registry can be reached the
 * images that compose would pull are made of the programs of this machine: each with the libraries that it loads, nothing
 * else, under the user of the image that it stands for.
 */
import { execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, openSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

import { until } from './process.ts';

const run = promisify(execFile);
const READY_MS = 60_000;

export interface Engine {
  /** Environment in which `docker` and `docker-compose` talk to it. */
  readonly env: NodeJS.ProcessEnv;
  /** Runs a client to its end and resolves with what it printed; rejects with what it complained of. */
  docker(...args: readonly string[]): Promise<string>;
  stop(): Promise<void>;
}

/** Starts dockerd below `directory`; needs root. Rejects with its last words if it does not get ready. */
export async function startEngine(directory: string): Promise<Engine> {
  const socket = `unix://${join(directory, 'docker.sock')}`;
  const log = join(directory, 'dockerd.log');
  const file = openSync(log, 'w');
  const own = { '--data-root': 'data', '--exec-root': 'exec', '--pidfile': 'docker.pid' };
  const args = Object.entries(own).flatMap(([flag, name]) => [flag, join(directory, name)]);
  // No bridge of its own: compose makes networks, and builds use the host's.
  const child = spawn('dockerd', [...args, '--host', socket, '--bridge', 'none'], { stdio: ['ignore', file, file] });
  const exited = once(child, 'exit');
  process.on('exit', () => child.kill('SIGTERM')); // Whoever is interrupted leaves no engine behind.
  // The classic builder: the newer one is a program of its own that Debian has not.
  const env = { ...process.env, DOCKER_HOST: socket, DOCKER_BUILDKIT: '0', COMPOSE_DOCKER_CLI_BUILD: '0' };
  const docker = async (...args: readonly string[]): Promise<string> =>
    (await run('docker', args, { env, maxBuffer: 1e8 })).stdout.trim();
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM');
    if (child.exitCode === null) await exited;
    // It leaves the host's network namespace mounted, where it was used.
    for (const [, path = ''] of readFileSync('/proc/mounts', 'utf8').matchAll(/^\S+ (\S+)/gm))
      if (path.startsWith(`${directory}/`)) execFileSync('umount', [path]);
  };
  try {
    await until(
      'dockerd answers',
      async () => (await docker('version')) !== '',
      READY_MS,
      () => child.exitCode !== null,
    );
  } catch (error) {
    await stop();
    throw new Error(`start dockerd: ${readFileSync(log, 'utf8').slice(-2_000)}`, { cause: error });
  }
  return { env, docker, stop };
}

export interface ImageOptions {
  readonly tag: string;
  /** Programs of this machine, with the path that they get in the image; those that are linked bring their libraries. */
  readonly programs: Readonly<Record<string, string>>;
  readonly folders?: Readonly<Record<string, string>>;
  /** Lines of the Dockerfile after the files are there. */
  readonly lines?: readonly string[];
}

/** Builds an image FROM scratch, in a new folder below `directory`. */
export async function buildImage(engine: Engine, directory: string, options: ImageOptions): Promise<void> {
  const { tag, programs, folders = {}, lines = [] } = options;
  const context = join(directory, tag.replaceAll(/\W/g, '-'));
  const rootfs = join(context, 'rootfs');
  for (const [target, source] of Object.entries(folders)) cpSync(source, join(rootfs, target), { recursive: true });
  for (const [target, source] of Object.entries(programs)) {
    copy(source, join(rootfs, target));
    for (const library of librariesOf(source)) copy(library, join(rootfs, library));
  }
  writeFileSync(join(context, 'Dockerfile'), ['FROM scratch', 'COPY rootfs/ /', ...lines, ''].join('\n'));
  await engine.docker('build', '--quiet', '--tag', tag, context);
}

function copy(source: string, target: string): void {
  mkdirSync(dirname(target), { recursive: true });
  cpSync(realpathSync(source), target);
}

/** Paths of the shared libraries that a program loads; none for a static one. */
function librariesOf(program: string): string[] {
  try {
    const listed = execFileSync('ldd', [program], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    return [...listed.matchAll(/(?:=> )?(\/\S+) \(0x/g)].map(([, path]) => path ?? '');
  } catch {
    return []; // ldd fails for what is linked statically.
  }
}

/** Where a command of this machine is. */
export function pathOf(command: string): string {
  return execFileSync('sh', ['-c', 'command -v -- "$1"', 'sh', command], { encoding: 'utf8' }).trim();
}
