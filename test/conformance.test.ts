/** Every component keeps the contract of core/component.ts. The suite loops over the registry: a new component is in it. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { z } from 'zod';

import { keysAt } from '../bridge/config.ts';
import type { Component, ExporterContext, ReceiverContext } from '../bridge/core/component.ts';
import { silent } from '../bridge/core/log.ts';
import { exporters, receivers } from '../bridge/registry.ts';

const root = join(import.meta.dirname, '..');

/** What a component cannot do without, where it has no defaults for it. */
const needed: Readonly<Record<string, (directory: string) => object>> = {
  'receivers/jsonl': (directory) => ({ path: join(directory, 'none.jsonl') }),
  'receivers/monitoring_db': (directory) => ({ path: join(directory, 'none.db'), mode: 'follow' }),
  'receivers/run_dir': (directory) => ({ path: directory, mode: 'follow' }),
  'receivers/demo': () => ({ path: join(root, 'examples', 'demo.capture.gz') }),
  'exporters/jsonl': (directory) => ({ path: join(directory, 'out.jsonl') }),
  'exporters/otlp_json': (directory) => ({ path: join(directory, 'out.otlp.jsonl') }),
};

/** Ports of their own, so that the suite runs beside a bridge. */
const elsewhere: Readonly<Record<string, object>> = {
  'receivers/udp': { listen: '127.0.0.1:0', hmac_key: '00'.repeat(64) },
  'receivers/zmq': { listen: 'tcp://127.0.0.1:0' },
  'exporters/otlp': { endpoint: 'http://127.0.0.1:9' },
};

const common = { id: 'tested', log: silent, report: () => {} };
const receiverContext = (directory: string): ReceiverContext => ({
  ...common,
  stateFile: join(directory, 'state.json'),
  remembered: () => new Map(),
  now: () => 1_700_000_000_000_000,
  received: () => {},
  reject: () => {},
  next: () => Promise.resolve(),
});
const exporterContext = (directory: string): ExporterContext => ({
  ...common,
  stateFile: join(directory, 'state.json'),
  collect: () => [],
  count: () => {},
});

const components = [
  ...receivers.map((spec) => ({
    name: `receivers/${spec.type}`,
    spec,
    make: (config: unknown, directory: string): Component => spec.create(config, receiverContext(directory)),
  })),
  ...exporters.map((spec) => ({
    name: `exporters/${spec.type}`,
    spec,
    make: (config: unknown, directory: string): Component => spec.create(config, exporterContext(directory)),
  })),
];

describe('conformance', () => {
  let directory = '';
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'parsl-otel-'));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  for (const { name, spec, make } of components) {
    const schema: z.ZodType = spec.config;
    const config = (): unknown => schema.parse({ ...needed[name]?.(directory), ...elsewhere[name] });

    describe(name, () => {
      it('has a name as in the config, and a file of that name', () => {
        assert.match(spec.type, /^[a-z][a-z0-9_]*$/);
        const file = join(root, 'bridge', name);
        assert.ok(existsSync(`${file}.ts`) || existsSync(join(file, 'index.ts')));
      });

      it('says what it is in one sentence', () => assert.match(spec.summary, /^[A-Z].*\.$/));

      it('is in the reference', () => {
        assert.ok(readFileSync(join(root, 'docs/reference/config.md'), 'utf8').includes(`### ${spec.type}\n`));
      });

      it('describes every key, in snake_case', () => {
        for (const key of keysAt(schema, [])) assert.match(key, /^[a-z][a-z0-9_]*$/);
        const text = JSON.stringify((schema as z.ZodObject).shape, (_, value: unknown) => value);
        assert.ok(text.length > 0);
        for (const [key, inner] of Object.entries((schema as z.ZodObject).shape))
          assert.ok(((inner as z.ZodType).description ?? '').length > 10, `${key} has no description`);
      });

      it('rejects an unknown key by name', () => {
        const parsed = schema.safeParse({ ...needed[name]?.(directory), no_such_key: 1 });
        assert.ok(!parsed.success && JSON.stringify(parsed.error.issues).includes('no_such_key'));
      });

      it('works by default, or says what is missing', () => {
        const parsed = schema.safeParse({});
        if (needed[name] === undefined) assert.ok(parsed.success);
        else assert.ok(!parsed.success && parsed.error.issues.every(({ path }) => path.length > 0));
      });

      it('stops before it started, and twice', async () => {
        const component = make(config(), directory);
        await component.stop();
        await component.stop();
      });

      it('starts, stops, and stops again', async () => {
        const component = make(config(), directory);
        await component.start().catch(() => {}); // A missing input file may be an error; stop must work all the same.
        await component.stop();
        await component.stop();
      });
    });
  }
});
