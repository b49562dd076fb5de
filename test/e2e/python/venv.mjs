/**
 * Prints the path of a Python environment that has one release of Parsl and this plugin, and makes it if need be.
 *
 *     node venv.mjs <parsl version>
 *
 * Environments are kept in $PARSL_OTEL_CACHE, else ~/.cache/parsl-otel, under a name with Python's version, Parsl's version and a
 * hash of the plugin's files: a changed plugin gets a new environment. An environment counts only once its file `complete` is
 * there, so one that was interrupted is made again. The interpreter is $PARSL_OTEL_PYTHON, else the first of CANDIDATES that is
 * 3.9 or newer, can make environments and can install that release of Parsl. Needs a package index that pip can reach.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync,
} from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const PLUGIN = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..', 'python');
const CANDIDATES = ['python3', 'python3.13', 'python3.12', 'python3.11', 'python3.10', 'python3.9', 'python'];
const LOCK_STALE_MS = 15 * 60_000;
const UNUSED_MS = 14 * 24 * 3_600_000;

/** The path of the environment. Throws an Error that says what was tried. */
export function venv(parsl, { env = process.env } = {}) {
  const cache = env.PARSL_OTEL_CACHE || join(homedir(), '.cache', 'parsl-otel');
  mkdirSync(cache, { recursive: true });
  const plugin = hashPlugin();
  const problems = [];
  const tried = new Set();
  for (const python of env.PARSL_OTEL_PYTHON ? [env.PARSL_OTEL_PYTHON] : CANDIDATES) {
    const version = pythonVersion(python);
    if (version === undefined) {
      problems.push(`${python}: not found, or older than 3.9`);
      continue;
    }
    if (tried.has(version)) continue; // The same interpreter under another name.
    tried.add(version);
    const dir = join(cache, `parsl-${parsl}-py${version}-${plugin}`);
    try {
      return locked(dir, () => use(dir) ?? create(dir, python, parsl));
    } catch (error) {
      problems.push(`${python} ${version}: ${error.message}`);
    }
  }
  throw new Error(`no environment with Parsl ${parsl}:\n  ${problems.join('\n  ')}\nname an interpreter in PARSL_OTEL_PYTHON`);
}

function use(dir) {
  const complete = join(dir, 'complete');
  if (!existsSync(complete)) return undefined;
  utimesSync(complete, new Date(), new Date());
  return dir;
}

function create(dir, python, parsl) {
  const work = mkdtempSync(join(tmpdir(), 'parsl-otel-'));
  try {
    rmSync(dir, { recursive: true, force: true });
    run(python, ['-m', 'venv', dir]);
    // From a copy, because a build leaves files beside the sources.
    cpSync(PLUGIN, join(work, 'plugin'), { recursive: true });
    run(join(dir, 'bin', 'python'), ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', `parsl==${parsl}`, join(work, 'plugin')]);
    run(join(dir, 'bin', 'python'), ['-c', 'import parsl_otel']);
    writeFileSync(join(dir, 'complete'), '');
    prune(dirname(dir));
    return dir;
  } catch (error) {
    rmSync(dir, { recursive: true, force: true });
    throw error;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** Environments that nobody has asked for in a while: those of older plugins, mostly. */
function prune(cache) {
  for (const name of readdirSync(cache)) {
    const complete = join(cache, name, 'complete');
    if (name.startsWith('parsl-') && existsSync(complete) && Date.now() - statSync(complete).mtimeMs > UNUSED_MS) {
      rmSync(join(cache, name), { recursive: true, force: true });
    }
  }
}

/** Several test processes may ask for the same environment at once. */
function locked(dir, work) {
  const lock = `${dir}.lock`;
  for (;;) {
    try {
      mkdirSync(lock);
      break;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
      const age = Date.now() - (statSync(lock, { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
      if (age > LOCK_STALE_MS) rmSync(lock, { recursive: true, force: true });
      else Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
    }
  }
  try {
    return work();
  } finally {
    rmSync(lock, { recursive: true, force: true });
  }
}

function pythonVersion(python) {
  try {
    const version = run(python, ['-c', 'import sys; print("%d.%d.%d" % sys.version_info[:3])']).trim();
    const [major, minor] = version.split('.').map(Number);
    return major > 3 || (major === 3 && minor >= 9) ? version : undefined;
  } catch {
    return undefined; // Not there; the caller tells of it if nothing else is there either.
  }
}

/** Of what is installed: not of tests, caches and build leftovers. */
function hashPlugin() {
  const hash = createHash('sha256');
  const sources = readdirSync(join(PLUGIN, 'parsl_otel')).filter((name) => /\.(py|typed)$/.test(name)).map((name) => join('parsl_otel', name));
  for (const name of ['pyproject.toml', 'README.md', ...sources].sort()) {
    const content = readFileSync(join(PLUGIN, name));
    hash.update(`${name} ${content.length}\n`).update(content);
  }
  return hash.digest('hex').slice(0, 12);
}

function run(command, args) {
  try {
    return execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  } catch (error) {
    // pip names every release there ever was before it comes to the point.
    const said = `${error.stderr ?? ''}`.trim().split('\n').slice(-3).map((line) => line.length > 200 ? `${line.slice(0, 200)}…` : line);
    throw new Error(said.join(' ') || error.message, { cause: error });
  }
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const [parsl] = process.argv.slice(2);
  if (!parsl || !/^\d{4}\.\d+\.\d+$/.test(parsl)) {
    console.error('usage: node venv.mjs <parsl version, such as 2026.10.26>');
    process.exit(2);
  }
  try {
    console.log(venv(parsl));
  } catch (error) {
    console.error(error.message);
    process.exit(1);
  }
}
