/**
 * What a user can do when a server cannot be talked to. The mistakes behind it are few: the other protocol's port, TLS
 * on one side only, an unknown certificate, a wrong name, nobody there. Words of gRPC, OpenSSL and Node.js tell them apart.
 */
import type { Target } from './config.ts';

type Protocol = 'grpc' | 'http';

const otherProtocol: Readonly<Record<Protocol, string>> = {
  grpc: 'nobody speaks gRPC there: set `protocol: http/protobuf` (usually port 4318), or use the port of gRPC (4317)',
  http: 'nobody speaks HTTP there: set `protocol: grpc` (usually port 4317), or use the port of HTTP (4318)',
};

/** `why` is what the library said of a connection that did not come about. */
export function connectionHint(why: string, protocol: Protocol, { host, port, secure }: Target): string {
  if (secure && /wrong version number|packet length too long|EPROTO|protocol error/i.test(why))
    return 'the server speaks no TLS: write http:// in `endpoint`';
  if (/certificate|self.signed|unable to (?:verify|get)/i.test(why))
    return 'name who signed its certificate in `tls.ca_file`, and the server as the certificate does in `endpoint`';
  if (/Expected HTTP\/|Protocol error/i.test(why)) return otherProtocol[protocol];
  if (/ENOTFOUND|EAI_AGAIN|unknown node or service|Name resolution/i.test(why)) return 'check the name in `endpoint`';
  if (!secure && /hang up|ECONNRESET|connection reset|dropped|Failed to connect/i.test(why))
    return 'the server closed the connection: if it speaks TLS, write https:// in `endpoint`';
  return `is a server listening there? try: nc -vz ${host} ${port}`;
}

/** A plain request to a port with TLS: servers written in Go answer it, with status 400. */
export function needsTls(status: number, said: string): boolean {
  return status === 400 && /to an HTTPS server/i.test(said);
}
