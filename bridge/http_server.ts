/** The one HTTP port: binds it, and says in one line why it cannot. */
import type { RequestListener, Server } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import { BridgeError, reasonOf } from './core/errors.ts';
import { formatAddress, parseAddress } from './core/listen.ts';

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
    server.once('error', (error: NodeJS.ErrnoException) => {
      const hint =
        error.code === 'EADDRINUSE'
          ? 'is another bridge running? Stop it, or set http.listen (--listen HOST:PORT) to another port'
          : 'set http.listen (--listen HOST:PORT) to an address of this machine';
      reject(new BridgeError('BRIDGE_CONFIG', `listen on ${address}: ${reasonOf(error)}`, { cause: error, hint }));
    });
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
