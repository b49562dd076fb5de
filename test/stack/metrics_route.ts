/** The way of metrics alone: the Collector with the stack's configuration, and Prometheus; Jaeger and Loki are away. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';

import { built } from './build.ts';
import type { Started } from './process.ts';
import { startProcess } from './process.ts';

const root = join(import.meta.dirname, '..', '..');

/** Takes remote writes, and scrapes `targets`, ports of this machine, every second. */
export async function startPrometheus(directory: string, port: number, targets: readonly number[]): Promise<Started> {
  const config = {
    global: { scrape_interval: '1s' },
    scrape_configs: [
      { job_name: 'all', honor_labels: true, static_configs: [{ targets: targets.map((own) => `127.0.0.1:${own}`) }] },
    ],
  };
  const file = join(directory, 'prometheus.yml');
  writeFileSync(file, stringify(config));
  return startProcess({
    name: 'prometheus',
    command: 'prometheus',
    args: [
      `--config.file=${file}`,
      `--storage.tsdb.path=${join(directory, 'prometheus')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--web.enable-remote-write-receiver',
      '--enable-feature=exemplar-storage',
    ],
    cwd: directory,
    readyUrl: `http://127.0.0.1:${port}/-/ready`,
  });
}

export type CollectorPorts = Readonly<Record<'grpc' | 'http' | 'health' | 'own' | 'nobody', number>>;

/** `nobody` is a port where nobody listens. Span metrics come every second. */
export async function startCollector(directory: string, ports: CollectorPorts, prometheus: string): Promise<Started> {
  const sooner = join(directory, 'sooner.yaml');
  writeFileSync(sooner, stringify({ connectors: { span_metrics: { metrics_flush_interval: '1s' } } }));
  const at = (port: number): string => `127.0.0.1:${port}`;
  return startProcess({
    name: 'collector',
    command: built('parsl-otelcol'),
    args: [`--config=${join(root, 'otel-config.yaml')}`, `--config=${sooner}`],
    cwd: directory,
    env: {
      OTLP_GRPC_LISTEN: at(ports.grpc),
      OTLP_HTTP_LISTEN: at(ports.http),
      HEALTH_LISTEN: at(ports.health),
      METRICS_PORT: String(ports.own),
      JAEGER_ENDPOINT: at(ports.nobody),
      LOKI_URL: `http://${at(ports.nobody)}`,
      PROMETHEUS_URL: prometheus,
      QUEUE_DIR: join(directory, 'queue'),
    },
    readyUrl: `http://${at(ports.health)}`,
  });
}
