/**
 * docker/: what can be said of its files without an engine. Every service is held back in the same way, every file that
 * is mounted is there, every version is pinned in one place, and links between the pages lead somewhere.
 * test/e2e/compose.test.ts starts them.
 */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parse } from 'yaml';

import { parseConfig } from '../bridge/config.ts';
import { exporters, receivers } from '../bridge/registry.ts';
import { dashboards, directory as boardsDirectory } from './helpers/grafana.ts';

const docker = join(import.meta.dirname, '..', 'docker');
const read = (file: string): string => readFileSync(join(docker, file), 'utf8');

interface Service {
  readonly image: string;
  readonly build?: { readonly context: string; readonly dockerfile?: string };
  readonly read_only?: boolean;
  readonly cap_drop?: readonly string[];
  readonly security_opt?: readonly string[];
  readonly mem_limit?: string;
  readonly user?: string;
  readonly privileged?: boolean;
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly healthcheck?: { readonly test?: readonly string[]; readonly disable?: boolean };
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
}

interface Compose {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: Readonly<Record<string, object>>;
}

interface LinkPattern {
  readonly type: string;
  readonly key: string;
  readonly url: string;
}

interface Sources {
  readonly datasources: readonly { readonly uid: string; readonly url: string; readonly jsonData: object }[];
}

const { services, volumes } = parse(read('compose.yaml'), { merge: true }) as Compose;
const each = Object.entries(services);
const settings = new Map(
  [...read('.env').matchAll(/^([A-Z_]+)=(.+)$/gm)].map(([, name = '', value = '']) => [name, value]),
);

describe('docker', () => {
  it('lets no service write anywhere but to its volumes, or ask for more rights or memory', () => {
    for (const [name, { read_only, cap_drop, security_opt, mem_limit, user, privileged }] of each) {
      assert.deepEqual([read_only, cap_drop, security_opt], [true, ['ALL'], ['no-new-privileges:true']], name);
      assert.match(mem_limit ?? '', /^\d+[mg]$/, name);
      assert.deepEqual([user, privileged], [undefined, undefined], name); // The images' own users, none of which is root.
    }
  });

  it('publishes ports on the loopback of this machine only, each under a variable', () => {
    for (const [name, { ports = [] }] of each)
      for (const port of ports) assert.match(port, /^127\.0\.0\.1:\$\{[A-Z_]+_PORT\}:\d+(?:\/udp)?$/, name);
  });

  it('takes every version and port from .env, and nothing is there for nobody', () => {
    const used = new Set([...read('compose.yaml').matchAll(/\$\{([A-Z_]+)/g)].map(([, name]) => name));
    used.add('COMPOSE_PROJECT_NAME'); // Compose's own.
    assert.deepEqual([...used].sort(), [...settings.keys()].sort());
    for (const [name, value] of settings) if (name.endsWith('_IMAGE')) assert.match(value, /:v?\d+[\w.-]*$/, name);
  });

  it('mounts files that are there, and volumes that are declared', () => {
    const used = new Set<string>();
    for (const [name, { volumes: mounts = [], build }] of each) {
      for (const mount of mounts) {
        const [source = ''] = mount.split(':');
        if (/^\.{1,2}\//.test(source)) assert.ok(existsSync(resolve(docker, source)), `${name}: ${source}`);
        else used.add(source);
      }
      if (build === undefined) continue;
      const context = resolve(docker, build.context);
      assert.ok(existsSync(join(context, build.dockerfile ?? 'Dockerfile')), name);
    }
    assert.deepEqual([...used].sort(), Object.keys(volumes).sort());
  });

  it('waits for health, and so asks for it, wherever something is waited for', () => {
    for (const [name, { depends_on = {} }] of each) {
      for (const [other, { condition }] of Object.entries(depends_on)) {
        assert.equal(condition, 'service_healthy', `${name} waits for ${other}`);
        const { healthcheck, build } = services[other] ?? {};
        const dockerfile = build && join(resolve(docker, build.context), build.dockerfile ?? 'Dockerfile');
        const own = dockerfile !== undefined && readFileSync(dockerfile, 'utf8').includes('HEALTHCHECK');
        assert.ok((healthcheck?.test?.length ?? 0) > 0 || own, `${other} tells nobody how it is`);
      }
    }
  });

  it('has a configuration that the bridge takes, and that names the ports as published', () => {
    const { settings: bridge, receivers: configured } = parseConfig(parse(read('bridge.yaml')), {
      receivers,
      exporters,
    });
    assert.equal(bridge.http.published, `127.0.0.1:${settings.get('BRIDGE_PORT')}`);
    assert.equal(bridge.jaeger_url, `http://localhost:${settings.get('JAEGER_PORT')}`);
    const udp = configured.find(({ id }) => id === 'udp')?.config as { published: string };
    assert.equal(udp.published, `127.0.0.1:${settings.get('BRIDGE_UDP_PORT')}`);
  });

  it('links spans in Jaeger to addresses of the bridge’s page and of dashboards that there are', async () => {
    const { linkPatterns } = JSON.parse(read('jaeger-ui.json')) as { linkPatterns: readonly LinkPattern[] };
    const route = pathToFileURL(join(docker, '../bridge/web/public/js/route.js')).href;
    const { parseRoute } = (await import(route)) as { parseRoute: (hash: string) => { view: string } };
    assert.ok(linkPatterns.length > 0);
    for (const { url } of linkPatterns) {
      const { port, hash, pathname, searchParams } = new URL(url.replaceAll(/#\{[\w.]+\}/g, 'x'));
      if (port === settings.get('BRIDGE_PORT')) {
        assert.match(parseRoute(hash).view, /^(?:run|task)$/, url);
        continue;
      }
      assert.equal(port, settings.get('GRAFANA_PORT'), url);
      const board = dashboards().find(({ uid }) => pathname === `/d/${uid}`);
      const known = board?.templating.list.map(({ name }) => `var-${name}`) ?? [];
      for (const name of searchParams.keys()) assert.ok(known.includes(name), `${url} has no ${name}`);
    }
  });

  it('gives Grafana sources that are services here and refer to each other', () => {
    const { datasources } = parse(read('grafana/datasources/stack.yaml')) as Sources;
    const uids = datasources.map(({ uid }) => uid);
    for (const { url, jsonData } of datasources) {
      assert.ok(Object.hasOwn(services, new URL(url).hostname), url);
      for (const [, uid = ''] of JSON.stringify(jsonData).matchAll(/"(?:datasourceUid|alertmanagerUid)":"([^"]+)"/g))
        assert.ok(uids.includes(uid), uid);
    }
    assert.ok(uids.includes('prometheus')); // What dashboards choose at first.
    const home = services['grafana']?.environment?.['GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH'] ?? '';
    assert.ok(existsSync(home.replace('/etc/grafana/dashboards', boardsDirectory)));
  });
});
