/**
 * Every metric that a dashboard may ask for, by its name in Prometheus: the bridge's own catalogues, and what the
 * Collector says of itself and of spans (test/e2e/dashboards.test.ts holds that list against a real Collector).
 */
import { meterSpecs } from '../../bridge/core/meters.ts';
import { metricName } from '../../bridge/exporters/prometheus.ts';
import type { Instrument } from '../../bridge/mappers/instruments.ts';
import { instruments } from '../../bridge/mappers/instruments.ts';
import type { Unit } from './promql.ts';

export interface Known {
  readonly unit: Unit;
  readonly labels: readonly string[];
}

interface Described {
  readonly name: string;
  readonly unit: string;
  readonly kind: Instrument['kind'];
  readonly attributes: readonly string[];
}

/** Of the Collector, with the form of its own metrics that otel-config.yaml asks for. */
export const collectorMetrics: Readonly<Record<string, Known>> = {
  ...counted(['receiver', 'transport'], [
    'otelcol_receiver_accepted_spans', 'otelcol_receiver_accepted_metric_points', 'otelcol_receiver_accepted_log_records',
    'otelcol_receiver_refused_spans', 'otelcol_receiver_refused_metric_points', 'otelcol_receiver_refused_log_records',
  ]),
  ...counted(['exporter', 'data_type'], ['otelcol_exporter_queue_size', 'otelcol_exporter_queue_capacity']),
  otelcol_process_memory_rss: { unit: { dimension: 'By' }, labels: [] },
}; // prettier-ignore

/** Of spans, made by the Collector. */
export const spanMetrics: Readonly<Record<string, Known>> = {
  traces_span_metrics_calls_total: {
    unit: { dimension: '1' },
    labels: ['parsl_span', 'parsl_app_name', 'parsl_executor', 'service_name', 'span_name', 'span_kind', 'status_code'],
  },
};

export const catalogue: ReadonlyMap<string, Known> = new Map([
  ...[...Object.values(instruments), ...Object.values(meterSpecs)].flatMap(named),
  ...Object.entries(collectorMetrics),
  ...Object.entries(spanMetrics),
]);

function named({ name, unit, kind, attributes }: Described): [string, Known][] {
  const dimension = unit === 's' || unit === 'By' ? unit : '1';
  const labels = [...attributes.map((key) => key.replaceAll('.', '_')), 'job', 'instance'];
  const own = { unit: { dimension, ...(unit === '1' && { isShare: true }) }, labels } as const;
  if (kind !== 'histogram') {
    const type = kind === 'gauge' ? 'gauge' : 'sum';
    return [[metricName({ name, unit, type, monotonic: kind === 'counter' }), own]];
  }
  const base = metricName({ name, unit, type: 'histogram' });
  const count: Known = { unit: { dimension: '1' }, labels };
  // What is asked of buckets is their bounds' unit: a quantile, or where on the axis of a heat map they lie.
  return [
    [`${base}_bucket`, { ...own, labels: [...labels, 'le'] }],
    [`${base}_sum`, own],
    [`${base}_count`, count],
  ];
}

function counted(labels: readonly string[], names: readonly string[]): Record<string, Known> {
  return Object.fromEntries(names.map((name) => [name, { unit: { dimension: '1' }, labels }]));
}
