/** What components are told besides what the user wrote: what the bridge knows of itself and of its other components. */
import type { BridgeConfig } from './config.ts';
import type { Secrets } from './connection.ts';

export function filled(config: BridgeConfig, { hmacKey }: Secrets): BridgeConfig {
  const inputs = config.receivers.flatMap(({ config: written }) => pathOf(written));
  return {
    ...config,
    receivers: config.receivers.map((receiver) =>
      // The bridge's own key where the user set none: workers learn it from the connection file.
      receiver.spec.type === 'udp'
        ? { ...receiver, config: { hmac_key: hmacKey, ...(receiver.config as object) } }
        : receiver,
    ),
    exporters: config.exporters.map((exporter) => {
      if (exporter.spec.type !== 'monitoring_db') return exporter;
      const written = exporter.config as { readonly inputs: readonly string[] };
      return { ...exporter, config: { ...written, inputs: [...written.inputs, ...inputs] } };
    }),
  };
}

/** The file or directory that a receiver reads, if it reads one. */
function pathOf(written: unknown): string[] {
  const { path } = written as { readonly path?: unknown };
  return typeof path === 'string' && path !== '-' ? [path] : [];
}
