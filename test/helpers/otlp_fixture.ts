/** An otlp exporter and the server that it sends to, both stopped after each test. */
import type { z } from 'zod';

import type { config } from '../../bridge/exporters/otlp/config.ts';
import { otlp } from '../../bridge/exporters/otlp/index.ts';
import type { RunningExporter } from './exporter.ts';
import { startExporter } from './exporter.ts';
import type { OtlpServer, OtlpServerOptions } from './otlp_server.ts';
import { startOtlpServer } from './otlp_server.ts';

export const protocols = ['grpc', 'http/protobuf'] as const;
export type Protocol = (typeof protocols)[number];

export interface OtlpFixture {
  readonly listen: (options?: OtlpServerOptions) => Promise<OtlpServer>;
  /** Starts an exporter, by default to the server that listens. */
  readonly start: (more?: z.input<typeof config>) => Promise<RunningExporter>;
}

/** The address of the server for a protocol. */
export function urlOf(server: OtlpServer, protocol: Protocol): string {
  return protocol === 'grpc' ? server.grpcUrl : server.httpUrl;
}

export function otlpFixture(protocol: Protocol): OtlpFixture {
  const stops: (() => Promise<void>)[] = [];
  let url: string | undefined;
  afterEach(async () => {
    for (const stop of stops.splice(0).reverse()) await stop();
  });
  return {
    async listen(options) {
      const server = await startOtlpServer(options);
      url = urlOf(server, protocol);
      stops.push(() => server.stop());
      return server;
    },
    async start(more) {
      const running = await startExporter(otlp, { protocol, endpoint: url, ...more });
      stops.push(() => running.stop());
      return running;
    },
  };
}
