/** ARCHITECTURE.md's table of rooms, read from the import lines. */
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';

const root = join(import.meta.dirname, '..');

/** Which rooms each room may import. Files at the top of bridge/ are wiring and may import all. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  core: [],
  formats: ['core'],
  receivers: ['core', 'formats'],
  processors: ['core', 'formats'],
  journal: ['core'],
  model: ['core'],
  mappers: ['core', 'model'],
  exporters: ['core', 'formats'],
  analysis: ['core'],
  store: ['core', 'analysis'],
  web: ['core', 'analysis', 'store'],
};

/** Rooms whose files are pure: no socket, file, clock, randomness or process. */
const pure = ['formats', 'model', 'mappers', 'processors', 'analysis'];
const effects = /node:(fs|net|dgram|http|https|http2|child_process|worker_threads|timers)/;

/** Dependencies with native code, and the only rooms that load them. */
const native: Readonly<Record<string, readonly string[]>> = {
  zeromq: ['receivers'],
  'better-sqlite3': ['journal', 'store', 'receivers', 'exporters', ''],
};

interface Source {
  readonly path: string;
  readonly room: string;
  readonly text: string;
  readonly imports: readonly string[];
}

const sources: readonly Source[] = globSync('bridge/**/*.ts', { cwd: root }).map((path) => {
  const text = readFileSync(join(root, path), 'utf8');
  const imports = [...text.matchAll(/(?:\bfrom |^import |\bimport\()'([^']+)'/gm)].map(([, name]) => name ?? '');
  const parts = path.split('/');
  return { path, room: parts.length > 2 ? (parts[1] ?? '') : '', text, imports };
});

function targetOf(source: Source, name: string): string {
  const path = relative(root, join(root, source.path, '..', name));
  const parts = path.split('/');
  return parts.length > 2 ? (parts[1] ?? '') : '';
}

/** The unit within a room: a file, or a folder with its parts. */
function unitOf(path: string): string {
  return (path.split('/')[2] ?? '').replace(/\.ts$/, '');
}

describe('architecture', () => {
  it('finds the sources', () => assert.ok(sources.length > 50));

  it('imports run one way', () => {
    const wrong = sources.flatMap((source) =>
      source.imports
        .filter((name) => name.startsWith('.'))
        .filter((name) => {
          const target = targetOf(source, name);
          const rooms = allowed[source.room];
          return rooms !== undefined && target !== source.room && !rooms.includes(target);
        })
        .map((name) => `${source.path} imports ${name}`),
    );
    assert.deepEqual(wrong, []);
  });

  /** A directory of logs has databases in it: they are read as the receiver of databases reads them. */
  const shared = ['bridge/receivers/monitoring_db/reader.ts'];

  for (const room of ['receivers', 'exporters']) {
    it(`${room} do not import each other`, () => {
      const wrong = sources
        .filter((source) => source.room === room)
        .flatMap((source) =>
          source.imports
            .filter((name) => name.startsWith('.') && targetOf(source, name) === room)
            .map((name) => relative(root, join(root, source.path, '..', name)))
            .filter((target) => unitOf(target) !== unitOf(source.path) && !shared.includes(target))
            .map((target) => `${source.path} imports ${target}`),
        );
      assert.deepEqual(wrong, []);
    });
  }

  it('pure rooms have no effects', () => {
    const wrong = sources
      .filter(({ room }) => pure.includes(room))
      .filter(
        ({ text, imports }) =>
          imports.some((name) => effects.test(name)) ||
          /\b(Date\.now|Math\.random|process\.(env|argv|on|hrtime|cwd))\b/.test(text),
      )
      .map(({ path }) => path);
    assert.deepEqual(wrong, []);
  });

  it('core imports nothing but node: and zod', () => {
    const wrong = sources
      .filter(({ room }) => room === 'core')
      .flatMap(({ path, imports }) =>
        imports.filter((name) => !/^(\.|node:|zod$)/.test(name)).map((name) => `${path}: ${name}`),
      );
    assert.deepEqual(wrong, []);
  });

  it('native dependencies stay where they are needed', () => {
    const wrong = sources.flatMap(({ path, room, imports }) =>
      imports
        .filter((name) => native[name] !== undefined && !native[name].includes(room))
        .map((name) => `${path}: ${name}`),
    );
    assert.deepEqual(wrong, []);
  });

  it('nothing can execute what was read', () => {
    const wrong = sources.filter(({ text }) => /\beval\(|new Function\(|vm\.run/.test(text)).map(({ path }) => path);
    assert.deepEqual(wrong, []);
  });

  it('only the command line reads the environment, argv or signals', () => {
    const wrong = sources
      .filter(({ path }) => path !== 'bridge/cli.ts')
      .filter(({ text }) => /process\.(env|argv|on|exit)\b/.test(text))
      .map(({ path }) => path);
    assert.deepEqual(wrong, []);
  });

  it('every file opens with a header comment', () => {
    const wrong = sources.filter(({ text }) => !text.startsWith('/**')).map(({ path }) => path);
    assert.deepEqual(wrong, []);
  });

  it('no file is longer than 400 lines', () => {
    const wrong = sources.filter(({ text }) => text.split('\n').length > 401).map(({ path }) => path);
    assert.deepEqual(wrong, []);
  });
});
