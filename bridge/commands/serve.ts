/** serve: the bridge; what `npm start` runs. */
import { hostname } from 'node:os';
import { join, resolve } from 'node:path';
import { pino } from 'pino';

import type { Bridge } from '../bridge.ts';
import { startBridge } from '../bridge.ts';
import { defaultConnectionFile, stateDirectory } from '../connection.ts';
import { demoCapture } from '../package.ts';
import { loadConfig } from './config_file.ts';
import type { Io } from './io.ts';

export interface ServeOptions {
  readonly config?: string;
  readonly data?: string;
  readonly listen?: string;
  readonly timeZone?: string;
  readonly connectionFile?: string;
  readonly capture?: string;
  readonly demo?: boolean | string;
  readonly finish?: boolean;
  readonly logLevel: string;
}

/** Starts the bridge and prints how to connect. The caller stops it. */
export async function serve(options: ServeOptions, io: Io): Promise<Bridge> {
  const dataDir = resolve(options.data ?? join(stateDirectory(io.env), 'data'));
  const connectionFile = resolve(options.connectionFile ?? defaultConnectionFile(io.env));
  const { demo, listen, timeZone } = options;
  const demoPath = demo === true ? demoCapture : typeof demo === 'string' ? resolve(demo) : undefined;
  const overrides = {
    ...(listen === undefined ? {} : { http: { listen } }),
    ...(timeZone === undefined ? {} : { time_zone: timeZone }),
  };
  const config = loadConfig(options.config, { dataDir, env: io.env, demo: demoPath }, overrides);
  const log = pino({ level: options.logLevel }, pino.destination({ dest: 2, sync: true }));
  const bridge = await startBridge({
    config,
    dataDir,
    connectionFile,
    capturePath: options.capture,
    log,
    now: () => Math.round((performance.timeOrigin + performance.now()) * 1000),
    env: io.env,
  });
  for (const line of welcome(bridge, dataDir)) io.out(line);
  return bridge;
}

function welcome({ url, receivers, connectionFile }: Bridge, dataDir: string): string[] {
  const ports = Object.entries(receivers).flatMap(([id, { address, port, endpoint }]) => {
    if (endpoint !== undefined) return [`${id} ${endpoint}`];
    return address === undefined || port === undefined ? [] : [`${id} ${address}:${port}`];
  });
  return [
    '',
    `  Page             ${url}`,
    `  Listening        ${[`http ${url.replace('http://', '')}`, ...ports].join(', ')}`,
    `  Connection file  ${connectionFile}`,
    `  Data             ${dataDir}`,
    '',
    '  In your Parsl script (pip install parsl-otel, or this checkout’s python/):',
    '',
    '      from parsl_otel import OTelMonitoringHub',
    '      config = Config(executors=[...], monitoring=OTelMonitoringHub())',
    '',
    '  From your own machine, if this is a login node:',
    '',
    `      ssh -L ${port(url)}:127.0.0.1:${port(url)} ${hostname()}`,
    '',
    '  Ctrl-C stops, once what was taken in is delivered or safe on disk.',
    '',
  ];
}

function port(url: string): string {
  return new URL(url).port;
}
