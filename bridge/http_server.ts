/** The one HTTP port: binds it, and says in one line why it cannot. */
import type { RequestListener, Server } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import { formatAddress, listenError, parseAddress } from './core/listen.ts';

/** How long requests that are being answered may take when the server stops. */
const GRACE_MS = 1_000;

export interface HttpServer {
  readonly url: string;
  stop(): Promise<void>;
}

/** Rejects with BRIDGE_CONFIG if the address cannot be listened on. */
export async function startHttp(app: RequestListener, address: string): Promise<HttpServer> {
  const { host, port } = parseAddress(address) ?? { host: '127.0.0.1', port: 0 };
  const server = createServer(app);
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(listenError(error, address, 'http.listen (--listen HOST:PORT)')));
    server.listen(port, host, resolve);
  });
  const bound = server.address() as AddressInfo;
  return { url: `http://${formatAddress({ host: bound.address, port: bound.port })}`, stop: () => close(server) };
}

async function close(server: Server): Promise<void> {
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
    server.closeIdleConnections();
    setTimeout(() => server.closeAllConnections(), GRACE_MS).unref();
  });
}
