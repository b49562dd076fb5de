/** Bridge and Collector: whether what Parsl says arrives, and gets on. */
import type { Dashboard } from './frame.ts';
import { makeDashboard } from './frame.ts';
import type { Panel } from './panels.ts';
import { curves, number } from './panels.ts';
import { each } from './queries.ts';

const rate = (series: string): string => `rate(${series}[$__rate_interval])`;

const bridgePanels: readonly Panel[] = [
  number(
    {
      title: 'Last heard',
      description: 'Time since any receiver got anything. Long while a run goes on: is the workflow’s plugin pointed at this bridge?',
      unit: 's',
    },
    { expr: 'min(parsl_bridge_last_received_seconds)' },
  ),
  number(
    { title: 'Delay', description: 'From the time an event was stamped to the time it was applied.', unit: 's' },
    { expr: 'max(parsl_bridge_lag_seconds)' },
  ),
  number(
    {
      title: 'Journal filled',
      description: 'Share of what the journal may hold. At 100 % nothing more is taken in, and senders keep it.',
      unit: 'percentunit',
    },
    { expr: 'max(parsl_bridge_journal_size_bytes / parsl_bridge_journal_limit_bytes)' },
  ),
  number(
    { title: 'Open tasks', description: 'Tasks that the bridge holds in memory, because they have not ended.', unit: 'none' },
    { expr: 'sum(parsl_bridge_open_tasks)' },
  ),
  number(
    { title: 'Memory', description: 'Resident memory of the bridge.', unit: 'bytes' },
    { expr: 'max(parsl_bridge_memory_bytes)' },
  ),
  number(
    { title: 'Late records', description: 'Records about something that had been closed and exported already. A few are normal.', unit: 'none' },
    { expr: 'sum(parsl_bridge_late_total)' },
  ),
  curves(
    { title: 'Received', description: 'Messages a second, by receiver.', unit: 'cps' },
    { expr: `sum by (component) (${rate('parsl_bridge_received_total')})`, legend: '{{component}}' },
  ),
  curves(
    { title: 'Safe on disk', description: 'Records a second that the journal has taken, by receiver. A message may hold several.', unit: 'cps' },
    { expr: `sum by (component) (${rate('parsl_bridge_acknowledged_total')})`, legend: '{{component}}' },
  ),
  curves(
    { title: 'Exported', description: 'Spans, log events, points and records a second that exporters delivered.', unit: 'cps' },
    { expr: `sum by (component) (${rate('parsl_bridge_exported_total')})`, legend: '{{component}}' },
  ),
  curves(
    {
      title: 'Queues filled',
      description: 'Share of what may wait for an exporter. At 100 % the oldest is dropped.',
      unit: 'percentunit',
    },
    { expr: 'max by (component) (parsl_bridge_queue_size / parsl_bridge_queue_limit)', legend: '{{component}}' },
  ),
  curves(
    {
      title: 'Not taken',
      description: 'A minute. Undecodable input is kept in the quarantine; refused records stay with their senders; dropped items are lost. Nothing is here as long as all is well.',
      unit: 'cpm',
    },
    { expr: each('minute', 'parsl_bridge_undecodable_total', ['component', 'reason']), legend: 'undecodable at {{component}}: {{reason}}' },
    { expr: each('minute', 'parsl_bridge_refused_total', ['component']), legend: 'refused at {{component}}' },
    { expr: each('minute', 'parsl_bridge_dropped_total', ['component', 'reason']), legend: 'dropped by {{component}}: {{reason}}' },
  ),
  curves(
    { title: 'Trouble', description: 'Errors a minute, by part and code; the bridge’s log says more. Nothing is here as long as all is well.', unit: 'cpm' },
    { expr: each('minute', 'parsl_bridge_errors_total', ['component', 'code']), legend: '{{component}} {{code}}' },
  ),
]; // prettier-ignore

const collectorPanels: readonly Panel[] = [
  curves(
    { title: 'Collector: taken in', description: 'Spans, metric points and log records a second that the Collector took from the bridge and others.', unit: 'cps' },
    { expr: `sum(${rate('otelcol_receiver_accepted_spans')})`, legend: 'spans' },
    { expr: `sum(${rate('otelcol_receiver_accepted_metric_points')})`, legend: 'metric points' },
    { expr: `sum(${rate('otelcol_receiver_accepted_log_records')})`, legend: 'log records' },
  ),
  curves(
    { title: 'Collector: refused', description: 'A second, by kind. Memory is short; the bridge keeps what was refused and sends it again.', unit: 'cps' },
    { expr: `sum(${rate('otelcol_receiver_refused_spans')})`, legend: 'spans' },
    { expr: `sum(${rate('otelcol_receiver_refused_metric_points')})`, legend: 'metric points' },
    { expr: `sum(${rate('otelcol_receiver_refused_log_records')})`, legend: 'log records' },
  ),
  curves(
    {
      title: 'Collector: queues filled',
      description: 'Share of what may wait for Jaeger, Prometheus and Loki, on disk. It grows while one of them is away.',
      unit: 'percentunit',
    },
    { expr: 'max by (exporter) (otelcol_exporter_queue_size / otelcol_exporter_queue_capacity)', legend: '{{exporter}}' },
  ),
  curves(
    { title: 'Collector: memory', description: 'Resident memory. It refuses input before it reaches its limit.', unit: 'bytes' },
    { expr: 'max(otelcol_process_memory_rss)', legend: 'resident' },
  ),
]; // prettier-ignore

export function bridge(): Dashboard {
  return makeDashboard(
    {
      name: 'bridge',
      title: 'Bridge and Collector',
      description: 'Whether what Parsl says arrives, and gets on to where it is shown.',
      choosers: [],
    },
    [...bridgePanels, ...collectorPanels],
  );
}
