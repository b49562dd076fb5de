/**
 * otlp: sends spans, metrics and logs to an OpenTelemetry backend by OTLP, over gRPC or HTTP.
 *
 * A batch becomes as many requests as it needs (split.ts). Requests that were taken are remembered while their batch is
 * tried again, so that a retry sends what is still owed and nothing twice. What the server will never take is counted
 * and given up request by request: one bad request costs no other.
 */
import type { ExportBatch } from '../../core/component.ts';
import { defineExporter } from '../../core/component.ts';
import type { OtlpConfig } from './config.ts';
import { config, signals, targetOf } from './config.ts';
import type { Lane } from './delivery.ts';
import { Delivery } from './delivery.ts';
import { Encoder } from './split.ts';
import { grpcTransport } from './transport_grpc.ts';
import { httpTransport } from './transport_http.ts';

export const otlp = defineExporter({
  type: 'otlp',
  summary: 'Sends spans, metrics and logs by OTLP, over gRPC or HTTP with protobuf.',
  config,
  wants: ['spans', 'logs', 'metrics'],
  create(settings, context) {
    const lanes = makeLanes(settings);
    const encoder = new Encoder();
    const unfinished = new WeakMap<ExportBatch, Delivery>();
    let last: Promise<void> = Promise.resolve();

    async function deliver(batch: ExportBatch): Promise<void> {
      const delivery =
        unfinished.get(batch) ?? new Delivery(batch, lanes, encoder, settings.request_bytes_max, context);
      unfinished.set(batch, delivery);
      await delivery.run();
      unfinished.delete(batch);
    }

    return {
      async start() {
        for (const { transport } of lanes) await transport.open();
        const endpoints = Object.fromEntries(lanes.map(({ signal, target }) => [signal, target.shown]));
        context.log.info({ component: context.id, endpoints }, 'Exporting by OTLP.');
      },
      export(batch) {
        const delivery = last.then(() => deliver(batch));
        last = delivery.catch(() => {}); // The caller is told; here it is only waited for.
        return delivery;
      },
      async stop() {
        await last;
        for (const { transport } of lanes) transport.close();
      },
    };
  },
});

function makeLanes(settings: OtlpConfig): Lane[] {
  return signals
    .filter((signal) => settings.signals.includes(signal))
    .map((signal) => {
      const target = targetOf(signal, settings);
      const transport = target.protocol === 'grpc' ? grpcTransport(signal, target) : httpTransport(signal, target);
      return { signal, target, transport };
    });
}
