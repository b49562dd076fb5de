/** The images of docker/compose.yaml, as far as they can be made here: ours by their own Dockerfiles, theirs of programs. */
import { cpSync, mkdirSync, realpathSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { built } from './build.ts';
import type { Engine } from './engine.ts';
import { buildImage, pathOf } from './engine.ts';

const root = join(import.meta.dirname, '..', '..');

/** Names for docker/.env; Grafana cannot be had. */
export const images = {
  NODE_IMAGE: 'parsl-otel-test/node',
  JAEGER_IMAGE: 'parsl-otel-test/jaeger',
  PROMETHEUS_IMAGE: 'parsl-otel-test/prometheus',
  ALERTMANAGER_IMAGE: 'parsl-otel-test/alertmanager',
  LOKI_IMAGE: 'parsl-otel-test/loki',
} as const;

/** Builds all of them, in folders below `directory`; `version` is the tag of ours. */
export async function buildImages(engine: Engine, directory: string, version: string): Promise<void> {
  await buildCollector(engine, join(directory, 'collector'), version);
  await buildBridge(engine, directory, version);
  await buildTheirs(engine, directory);
}

/** collector/Dockerfile, with the binaries that are built already. */
async function buildCollector(engine: Engine, context: string, version: string): Promise<void> {
  mkdirSync(join(context, 'rootfs', 'etc', 'ssl', 'certs'), { recursive: true });
  mkdirSync(join(context, 'queue'));
  writeFileSync(join(context, 'queue', '.keep'), '');
  cpSync(join(root, 'collector', 'Dockerfile'), join(context, 'Dockerfile'));
  cpSync(built('parsl-otelcol'), join(context, 'rootfs', 'parsl-otelcol'));
  cpSync(built('probe'), join(context, 'rootfs', 'probe'));
  const tag = `parsl-otel/collector:${version}`;
  await engine.docker('build', '--quiet', '--target', 'prebuilt', '--tag', tag, context);
}

/** docker/Dockerfile, on a base of this machine's Node, npm and shell. */
async function buildBridge(engine: Engine, directory: string, version: string): Promise<void> {
  const npm = join(realpathSync(pathOf('npm')), '..', '..'); // Of npm/bin/npm-cli.js.
  const tools = ['sh', 'env', 'mkdir', 'chown', 'chmod'].map((tool) => [`bin/${tool}`, pathOf(tool)] as const);
  // What this machine trusts: its way to the registry may be through a proxy with a certificate of its own.
  const trusted = process.env['NODE_EXTRA_CA_CERTS'];
  await buildImage(engine, directory, {
    tag: images.NODE_IMAGE,
    programs: { ...Object.fromEntries(tools), 'usr/bin/env': pathOf('env'), 'bin/node': process.execPath },
    folders: { 'lib/npm': npm, ...(trusted === undefined ? {} : { 'etc/trusted.crt': trusted }) },
    lines: [
      `ENV PATH=/bin:/usr/bin ${trusted === undefined ? '' : 'NODE_EXTRA_CA_CERTS=/etc/trusted.crt'}`,
      `RUN mkdir -m 1777 /tmp && echo 'exec node /lib/npm/bin/npm-cli.js "$@"' > /bin/npm && chmod 755 /bin/npm`,
    ],
  });
  const args = ['--network', 'host', '--build-arg', `BASE=${images.NODE_IMAGE}`];
  const registry = process.env['NPM_CONFIG_REGISTRY'];
  if (registry !== undefined) args.push('--build-arg', `NPM_CONFIG_REGISTRY=${registry}`);
  const file = join(root, 'docker', 'Dockerfile');
  await engine.docker('build', '--quiet', ...args, '--file', file, '--tag', `parsl-otel/bridge:${version}`, root);
}

/** With the users, folders and entry points of the real images, and with wget, which their health checks call. */
async function buildTheirs(engine: Engine, directory: string): Promise<void> {
  const tools = { 'bin/sh': pathOf('sh'), 'bin/mkdir': pathOf('mkdir'), 'bin/chown': pathOf('chown') };
  const theirs = [
    [images.JAEGER_IMAGE, built('jaeger'), 'cmd/jaeger/jaeger-linux', '10001', '/tmp'],
    [images.PROMETHEUS_IMAGE, pathOf('prometheus'), 'bin/prometheus', '65534', '/prometheus'],
    [images.ALERTMANAGER_IMAGE, pathOf('prometheus-alertmanager'), 'bin/alertmanager', '65534', '/alertmanager'],
    [images.LOKI_IMAGE, built('loki'), 'usr/bin/loki', '10001', '/loki'],
  ] as const;
  const templates = 'usr/share/prometheus/alertmanager'; // Debian's Alertmanager has its own beside it, not in it.
  for (const [tag, program, path, user, folder] of theirs)
    await buildImage(engine, directory, {
      tag,
      programs: { ...tools, 'bin/wget': pathOf('wget'), [path]: program },
      folders: tag === images.ALERTMANAGER_IMAGE ? { [templates]: `/${templates}` } : {},
      lines: [`RUN mkdir -p ${folder} && chown ${user} ${folder}`, `USER ${user}`, `ENTRYPOINT ["/${path}"]`],
    });
}
