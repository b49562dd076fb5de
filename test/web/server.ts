/** A real HTTP server around the app, on a free port, over a store in memory. */
import { once } from 'node:events';
import { createServer, request, type IncomingHttpHeaders, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

import type { Rows } from '../../bridge/core/row.ts';
import { openStore } from '../../bridge/store/sqlite.ts';
import type { Store } from '../../bridge/store/store.ts';
import { createApp, type AppOptions } from '../../bridge/web/app.ts';
import type { Info } from '../../bridge/web/info.ts';
import { createLive, type Live, type LiveOptions } from '../../bridge/web/live.ts';

export const TOKEN = 'correct-horse-battery-staple';

export const info: Info = {
  version: '0.1.0', waiting_for: [], url: 'http://127.0.0.1:4380', host: 'login03', data_dir: '/data', connection_file: '/data/connection.json',
  receivers: { udp: { port: 55_123, hmac_key: 'aa55' } }, meters: [], jaeger_url: 'http://localhost:16686',
}; // prettier-ignore

export interface Running {
  readonly port: number;
  readonly url: string;
  readonly store: Store;
  readonly live: Live;
  readonly server: Server;
  readonly get: (path: string, headers?: Record<string, string>) => Promise<Reply>;
  stop(): Promise<void>;
}

export interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** The body as JSON. */
  readonly json: () => Record<string, unknown>;
}

export async function serve(
  options: Partial<AppOptions> & { rows?: readonly Rows[]; liveOptions?: LiveOptions } = {},
): Promise<Running> {
  const store = openStore(':memory:');
  options.rows?.forEach((rows, index) => store.write(rows, index + 1));
  const live = createLive(options.liveOptions);
  const access = { token: TOKEN, loopback: true };
  const app = createApp({ store, live, routes: [], access, info: () => info, ...options });
  const server = createServer(app).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    port, url: `http://127.0.0.1:${port}`, store, live, server,
    get: (path, headers = {}) => ask(port, 'GET', path, headers),
    async stop() {
      live.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      store.close();
    },
  }; // prettier-ignore
}

/** fetch() does not let the Host header be set; this does. */
export async function ask(
  port: number,
  method: string,
  path: string,
  headers: Record<string, string> = {},
  body = '',
): Promise<Reply> {
  const asked = request({ port, host: '127.0.0.1', method, path, headers, agent: false });
  asked.end(body);
  const [response] = (await once(asked, 'response')) as [IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString();
  return {
    status: response.statusCode!,
    headers: response.headers,
    text,
    json: () => JSON.parse(text) as Record<string, unknown>,
  };
}
