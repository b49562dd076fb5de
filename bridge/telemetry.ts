/**
 * The bridge's own telemetry by @opentelemetry/sdk-node: its meters as observable instruments, pushed by OTLP where the
 * standard variables name an endpoint. Without one nothing is loaded and nothing is sent; /metrics shows the same
 * numbers either way.
 */
import type { Meters, MeterName } from './core/meters.ts';
import { meterSpecs } from './core/meters.ts';

export interface Telemetry {
  stop(): Promise<void>;
}

/** Starts the SDK if `OTEL_EXPORTER_OTLP_ENDPOINT` (or its metrics variant) is set. */
export async function startTelemetry(
  env: Readonly<Record<string, string | undefined>>,
  meters: Meters,
): Promise<Telemetry> {
  const endpoint = env['OTEL_EXPORTER_OTLP_METRICS_ENDPOINT'] ?? env['OTEL_EXPORTER_OTLP_ENDPOINT'];
  if (endpoint === undefined || env['OTEL_SDK_DISABLED'] === 'true') return { stop: () => Promise.resolve() };
  const { metrics } = await import('@opentelemetry/api');
  const { NodeSDK } = await import('@opentelemetry/sdk-node');
  // The bridge makes no spans and no logs of its own: those that it exports are the workflow's.
  const sdk = new NodeSDK({
    serviceName: env['OTEL_SERVICE_NAME'] ?? 'parsl-otel',
    spanProcessors: [],
    logRecordProcessors: [],
    instrumentations: [],
  });
  sdk.start();
  const meter = metrics.getMeter('parsl-otel');
  for (const key of Object.keys(meterSpecs) as MeterName[]) {
    const { name, unit, description, kind } = meterSpecs[key];
    const options = { unit, description };
    const instrument =
      kind === 'counter' ? meter.createObservableCounter(name, options) : meter.createObservableGauge(name, options);
    instrument.addCallback((result) => {
      for (const { value, attributes } of meters.read(key)) result.observe(value, { ...attributes });
    });
  }
  return { stop: () => sdk.shutdown() };
}
