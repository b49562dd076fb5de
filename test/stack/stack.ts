/**
 * The whole stack as processes of this machine: Collector, Jaeger, Prometheus, Alertmanager, Loki, with the configuration
 * files that compose mounts, on loopback ports that the system chooses. Prometheus reads no variables, so its file is
 * copied with other addresses and shorter times; all other files are used as they are.
 */
import { globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parse, stringify } from 'yaml';

import { built } from './build.ts';
import type { ProcessOptions, Started } from './process.ts';
import { freePorts, startProcess } from './process.ts';
import { quicken } from './quicken.ts';

const root = join(import.meta.dirname, '..', '..');

export const parts = ['prometheus', 'alertmanager', 'loki', 'jaeger', 'collector'] as const;
export type Part = (typeof parts)[number];

export interface Stack {
  readonly urls: Readonly<
    Record<'otlpGrpc' | 'otlpHttp' | 'jaeger' | 'prometheus' | 'alertmanager' | 'loki' | 'collectorMetrics', string>
  >;
  readonly directory: string;
  /** What a part wrote so far, over all its starts. */
  output(part: Part): string;
  /** kill -9. */
  kill(part: Part): Promise<void>;
  /** Starts a part again, on the same port and data. */
  start(part: Part): Promise<void>;
  /** Ends all of them, senders first. */
  stop(): Promise<void>;
}

export interface StackOptions {
  /** For configuration, data and queues; must exist. */
  readonly directory: string;
  /** What to start; all of it unless told. */
  readonly only?: readonly Part[];
  /** Files that the Collector is given after otel-config.yaml. With scrape.yaml Prometheus scrapes it. */
  readonly overrides?: readonly ('collector/scrape.yaml' | 'collector/host-metrics.yaml')[];
}

/** Starts all parts, the Collector last. If one does not start, those that did are ended. */
export async function startStack(options: StackOptions): Promise<Stack> {
  const { directory, only = parts } = options;
  const ports = await choosePorts();
  const commands = commandsOf(options, ports);
  const running = new Map<Part, Started>();
  const outputs = new Map<Part, string>();
  const output = (part: Part): string => (outputs.get(part) ?? '') + (running.get(part)?.output() ?? '');
  const stack: Stack = {
    urls: {
      otlpGrpc: url(ports.otlpGrpc),
      otlpHttp: url(ports.otlpHttp),
      jaeger: url(ports.jaegerQuery),
      prometheus: url(ports.prometheus),
      alertmanager: url(ports.alertmanager),
      loki: url(ports.loki),
      collectorMetrics: `${url(ports.collectorMetrics)}/metrics`,
    },
    directory,
    output,
    async kill(part) {
      await running.get(part)?.kill();
      outputs.set(part, output(part));
      running.delete(part);
    },
    async start(part) {
      running.set(part, await startProcess({ name: part, cwd: directory, ...commands[part]() }));
    },
    async stop() {
      for (const part of parts.toReversed()) await running.get(part)?.stop();
    },
  };
  try {
    const backends = only.filter((part) => part !== 'collector').map((part) => stack.start(part));
    // All of them, so that none is still starting when the others are ended.
    const failed = (await Promise.allSettled(backends)).find((outcome) => outcome.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
    if (only.includes('collector')) await stack.start('collector');
  } catch (error) {
    await stack.stop();
    throw error;
  }
  return stack;
}

type Ports = Awaited<ReturnType<typeof choosePorts>>;

async function choosePorts() {
  const names = [
    'otlpGrpc', 'otlpHttp', 'health', 'collectorMetrics', 'scrape', 'jaegerGrpc', 'jaegerHttp', 'jaegerHealth',
    'jaegerMetrics', 'jaegerQuery', 'jaegerQueryGrpc', 'prometheus', 'alertmanager', 'loki', 'lokiGrpc',
  ] as const; // prettier-ignore
  const free = await freePorts(names.length);
  return Object.fromEntries(names.map((name, index) => [name, free[index] ?? 0])) as Record<
    (typeof names)[number],
    number
  >;
}

const url = (port: number): string => `http://127.0.0.1:${port}`;
const local = (port: number): string => `127.0.0.1:${port}`;

type Command = Omit<ProcessOptions, 'name' | 'cwd'>;

/** How each part is started; what is not started is not built either. */
function commandsOf({ directory, overrides = [] }: StackOptions, ports: Ports): Record<Part, () => Command> {
  const docker = (file: string): string => join(root, 'docker', file);
  return {
    prometheus: () => ({
      command: 'prometheus',
      args: [
        `--config.file=${prometheusConfig(directory, ports, overrides.includes('collector/scrape.yaml'))}`,
        `--storage.tsdb.path=${join(directory, 'prometheus')}`,
        `--web.listen-address=${local(ports.prometheus)}`,
        '--web.enable-remote-write-receiver',
        '--enable-feature=exemplar-storage',
      ],
      readyUrl: `${url(ports.prometheus)}/-/ready`,
    }),
    alertmanager: () => ({
      command: 'prometheus-alertmanager',
      args: [
        `--config.file=${join(root, 'dashboards', 'prometheus', 'alertmanager.yml')}`,
        `--storage.path=${join(directory, 'alertmanager')}`,
        `--web.listen-address=${local(ports.alertmanager)}`,
        '--cluster.listen-address=', // No other Alertmanager: it stays off the network.
      ],
      readyUrl: `${url(ports.alertmanager)}/-/ready`,
    }),
    loki: () => ({
      command: built('loki'),
      args: [`-config.file=${docker('loki.yaml')}`, '-config.expand-env=true', '-ingester.min-ready-duration=0s'],
      env: {
        LOKI_LISTEN: '127.0.0.1',
        LOKI_HTTP_PORT: String(ports.loki),
        LOKI_GRPC_PORT: String(ports.lokiGrpc),
        LOKI_DIR: join(directory, 'loki'),
      },
      readyUrl: `${url(ports.loki)}/ready`,
    }),
    jaeger: () => ({
      command: built('jaeger'),
      args: [`--config=${docker('jaeger.yaml')}`],
      env: {
        JAEGER_OTLP_GRPC_LISTEN: local(ports.jaegerGrpc),
        JAEGER_OTLP_HTTP_LISTEN: local(ports.jaegerHttp),
        JAEGER_QUERY_HTTP_LISTEN: local(ports.jaegerQuery),
        JAEGER_QUERY_GRPC_LISTEN: local(ports.jaegerQueryGrpc),
        JAEGER_HEALTH_LISTEN: local(ports.jaegerHealth),
        JAEGER_METRICS_HOST: '127.0.0.1',
        JAEGER_METRICS_PORT: String(ports.jaegerMetrics),
        JAEGER_UI_CONFIG: docker('jaeger-ui.json'),
        JAEGER_DIR: join(directory, 'jaeger'),
        PROMETHEUS_URL: url(ports.prometheus),
      },
      readyUrl: `${url(ports.jaegerHealth)}/status`,
    }),
    collector: () => ({
      command: built('parsl-otelcol'),
      args: ['otel-config.yaml', ...overrides].map((file) => `--config=${join(root, file)}`),
      env: {
        OTLP_GRPC_LISTEN: local(ports.otlpGrpc),
        OTLP_HTTP_LISTEN: local(ports.otlpHttp),
        HEALTH_LISTEN: local(ports.health),
        METRICS_HOST: '127.0.0.1',
        METRICS_PORT: String(ports.collectorMetrics),
        SCRAPE_LISTEN: local(ports.scrape),
        JAEGER_ENDPOINT: local(ports.jaegerGrpc),
        LOKI_URL: url(ports.loki),
        PROMETHEUS_URL: url(ports.prometheus),
        QUEUE_DIR: join(directory, 'queue'),
      },
      readyUrl: url(ports.health),
    }),
  };
}

interface PrometheusConfig {
  global: { scrape_interval: string; evaluation_interval: string };
  rule_files: string[];
  scrape_configs: { job_name: string; honor_labels?: boolean; static_configs: { targets: string[] }[] }[];
}

/** The stack's Prometheus file and rules, with our addresses and seconds for minutes. Returns the path of the copy. */
function prometheusConfig(directory: string, ports: Ports, scrapes: boolean): string {
  const folder = join(root, 'dashboards', 'prometheus');
  const addresses: Readonly<Record<string, number>> = {
    'alertmanager:9093': ports.alertmanager,
    'collector:8888': ports.collectorMetrics,
    'jaeger:8888': ports.jaegerMetrics,
  };
  let text = readFileSync(join(folder, 'prometheus.yml'), 'utf8');
  for (const [address, port] of Object.entries(addresses)) text = text.replaceAll(address, local(port));
  const config = parse(text) as PrometheusConfig;
  config.global = { scrape_interval: '1s', evaluation_interval: '1s' };
  if (scrapes)
    config.scrape_configs.push({
      job_name: 'workflows',
      honor_labels: true,
      static_configs: [{ targets: [local(ports.scrape)] }],
    });
  mkdirSync(join(directory, 'rules'), { recursive: true });
  for (const file of globSync('rules/*.yaml', { cwd: folder }))
    writeFileSync(join(directory, 'rules', basename(file)), quicken(readFileSync(join(folder, file), 'utf8')));
  config.rule_files = [join(directory, 'rules', '*.yaml')];
  const path = join(directory, 'prometheus.yml');
  writeFileSync(path, stringify(config));
  return path;
}
