import assert from 'node:assert/strict';
import { z } from 'zod';

import { keysAt, parseConfig } from '../bridge/config.ts';
import type { Component, Exporter, ExporterSpec, ReceiverSpec } from '../bridge/core/component.ts';
import { BridgeError } from '../bridge/core/errors.ts';
import { settings } from '../bridge/settings.ts';

const nothing = (): Component & Exporter => ({
  start: () => Promise.resolve(),
  stop: () => Promise.resolve(),
  export: () => Promise.resolve(),
});
const config = z.strictObject({
  port: z.int().min(1).max(65_535).default(55_055),
  tls: z.strictObject({ cert_file: z.string().optional() }).prefault({}),
});
const receivers: ReceiverSpec[] = [
  { type: 'udp', summary: 'Datagrams.', config, create: nothing },
  {
    type: 'filesystem',
    summary: 'Files.',
    config: z.strictObject({ run_dirs: z.array(z.string()).default([]) }),
    create: nothing,
  },
];
const exporters: ExporterSpec[] = [{ type: 'otlp', summary: 'OTLP.', config, wants: ['spans'], create: nothing }];
const parse = (input: unknown) => parseConfig(input, { receivers, exporters });

/** What is said about a configuration that is wrong. */
function problemOf(input: unknown): string {
  try {
    parse(input);
  } catch (error) {
    assert.ok(error instanceof BridgeError && error.code === 'BRIDGE_CONFIG' && error.hint !== undefined);
    assert.doesNotMatch(error.message, /\n/);
    return error.message.replace('read configuration: ', '');
  }
  throw new Error('nothing is wrong with it');
}

describe('config', () => {
  it('needs nothing: an empty file is the defaults', () => {
    for (const empty of [undefined, null, {}, { receivers: null, exporters: {} }]) {
      const { settings: read, receivers, exporters } = parse(empty);
      assert.deepEqual([read, receivers, exporters], [settings.parse({}), [], []]);
    }
    const { settle_ms, linger_ms } = settings.parse({}).closing;
    assert.deepEqual([settle_ms, linger_ms], [2_000, 30_000]);
    assert.equal(settings.parse({}).http.listen, '127.0.0.1:4380');
  });

  it('takes components by type, or by type and name where there are several', () => {
    const { receivers, exporters } = parse({
      receivers: { udp: null, 'udp/second': { port: 7 } },
      exporters: { otlp: {} },
    });
    assert.deepEqual(receivers.map(({ id, spec, config }) => [id, spec.type, config]), [
      ['udp', 'udp', { port: 55_055, tls: {} }],
      ['udp/second', 'udp', { port: 7, tls: {} }],
    ]); // prettier-ignore
    assert.deepEqual(exporters.map(({ id }) => id), ['otlp']); // prettier-ignore
  });

  describe('an unknown key', () => {
    it('at the top is named with the nearest known one', () => {
      assert.equal(
        problemOf({ metric_interval_ms: 5 }),
        'metric_interval_ms: no such key; did you mean metrics_interval_ms?',
      );
      assert.equal(problemOf({ recievers: {} }), 'recievers: no such key; did you mean receivers?');
    });

    it('deeper down is named with its path and the nearest key of that place', () => {
      assert.equal(problemOf({ closing: { lingerMs: 5 } }), 'closing.lingerMs: no such key; did you mean linger_ms?');
      assert.equal(
        problemOf({ receivers: { udp: { prot: 5 } } }),
        'receivers.udp.prot: no such key; did you mean port?',
      );
      assert.equal(
        problemOf({ receivers: { 'udp/b': { tls: { certfile: '' } } } }),
        'receivers.udp/b.tls.certfile: no such key; did you mean cert_file?',
      );
      assert.match(
        problemOf({ exporters: { otlp: { sending_queue: { sise: 5 } } } }),
        /^exporters\.otlp\.sending_queue\.sise: no such key; /,
      );
    });

    it('that is like none is named with all that are known there', () => {
      assert.equal(problemOf({ receivers: { udp: { x: 1 } } }), 'receivers.udp.x: no such key; known: port, tls');
    });

    it('and every other problem are told at once', () => {
      const said = problemOf({ closing: { settle_ms: -1, x: 1 }, receivers: { upd: {}, udp: { port: 0 } } });
      for (const part of [
        'closing.settle_ms: ',
        'closing.x: no such key',
        'receivers.upd: no such',
        'receivers.udp.port: ',
      ])
        assert.ok(said.includes(part), part);
    });
  });

  it('of an unknown component names the nearest known one', () => {
    assert.equal(problemOf({ receivers: { upd: {} } }), 'receivers.upd: no such component; did you mean udp?');
    assert.equal(problemOf({ exporters: { 'otpl/a': {} } }), 'exporters.otpl/a: no such component; did you mean otlp?');
    assert.equal(problemOf({ exporters: { kafka: {} } }), 'exporters.kafka: no such component; known: otlp');
  });

  it('of the wrong type says where and what is expected', () => {
    assert.match(problemOf({ receivers: { udp: { port: '7' } } }), /^receivers\.udp\.port: .*number/);
    assert.match(
      problemOf({ receivers: { filesystem: { run_dirs: ['a', 5] } } }),
      /^receivers\.filesystem\.run_dirs\.1: .*string/,
    );
    assert.match(problemOf({ closing: { settle_ms: 1.5 } }), /^closing\.settle_ms: /);
    assert.equal(problemOf({ receivers: [] }), 'receivers: must be a mapping');
    assert.equal(problemOf('text'), 'the file: must be a mapping');
    assert.equal(problemOf([1]), 'the file: must be a mapping');
  });

  it('takes only zones that exist', () => {
    for (const time_zone of ['Europe/Berlin', 'UTC', '+05:45'])
      assert.equal(parse({ time_zone }).settings.time_zone, time_zone);
    assert.match(problemOf({ time_zone: 'Mars/Olympus' }), /^time_zone: must be a zone such as /);
  });

  it('takes no token that can be guessed', () => {
    assert.match(problemOf({ http: { token: 'short' } }), /^http\.token: /);
  });

  it('knows the keys of every place of a schema', () => {
    assert.deepEqual(keysAt(config, ['tls']), ['cert_file']);
    assert.deepEqual(keysAt(config, []), ['port', 'tls']);
    assert.deepEqual(keysAt(config, ['port']), []);
  });

  it('says of every key what it is, in one sentence', () => {
    interface Schema {
      readonly description?: string;
      readonly properties?: Readonly<Record<string, Schema>>;
    }
    const check = ({ properties, description }: Schema, path: string): void => {
      if (properties === undefined) assert.match(description ?? '', /^[A-Z0-9].*\.$/, path);
      for (const [key, inner] of Object.entries(properties ?? {})) check(inner, `${path}.${key}`);
    };
    check(z.toJSONSchema(settings, { io: 'input', unrepresentable: 'any' }) as Schema, '');
  });
});
