/**
 * What runs when nothing is configured: every receiver a Parsl script may need, on loopback, the Prometheus page, and
 * OTLP if the standard variables name an endpoint.
 */
import { join } from 'node:path';

import { otlpConfigFromEnv } from './exporters/otlp/env.ts';

export interface DefaultsInput {
  readonly dataDir: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Plays this capture over and over. */
  readonly demo: string | undefined;
}

/** The configuration as a user would write it; a file's sections replace these. */
export function defaultConfig({ dataDir, env, demo }: DefaultsInput): Record<string, unknown> {
  const otlp = otlpConfigFromEnv(env);
  return {
    receivers: {
      udp: {},
      zmq: {},
      filesystem: {},
      http: {},
      capture: { spool_dir: join(dataDir, 'spool') },
      ...(demo === undefined ? {} : { demo: { path: demo } }),
    },
    exporters: {
      prometheus: {},
      // Parsl's own database goes on being written, for every notebook that reads it.
      monitoring_db: {},
      ...(otlp === undefined ? {} : { otlp }),
    },
  };
}
