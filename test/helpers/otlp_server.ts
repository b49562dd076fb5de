/**
 * An OTLP backend for tests: gRPC and HTTP, plain or with TLS, on free ports. It keeps what it receives in flat form and
 * can be told how to answer. gRPC messages of more than 4 MiB are refused, as a Collector does by default.
 *
 * As a script it writes what it receives as NDJSON, each line with its `signal`:
 *   node test/helpers/otlp_server.ts --port 4317 --out received.ndjson
 * gRPC listens on the port, HTTP on the next one; the first line on standard output says where.
 */
import type { sendUnaryData, ServerUnaryCall, status } from '@grpc/grpc-js';
import { Metadata, Server, ServerCredentials } from '@grpc/grpc-js';
import { appendFileSync, readFileSync } from 'node:fs';
import type { IncomingHttpHeaders, IncomingMessage, Server as HttpServer, ServerResponse } from 'node:http';
import { createServer as createHttpServer } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { parseArgs } from 'node:util';
import { gunzipSync } from 'node:zlib';

import type { ReceivedLog, ReceivedPoint, ReceivedSpan, Signal } from './otlp_decode.ts';
import { decodeRequest, exportMethod, logsOf, pointsOf, spansOf } from './otlp_decode.ts';

export type { ReceivedLog, ReceivedPoint, ReceivedSpan, Signal } from './otlp_decode.ts';

/** How one request is answered; without any, with success. */
export interface Answer {
  /** A gRPC status code. The request is not kept. */
  readonly grpc?: status;
  /** An HTTP status. The request is not kept. */
  readonly http?: number;
  readonly message?: string;
  readonly retryAfterMs?: number;
  /** Success, but for so many items. */
  readonly rejected?: number;
  /** The answer waits for this. */
  readonly after?: Promise<void>;
}

export interface ReceivedRequest {
  readonly signal: Signal;
  readonly protocol: 'grpc' | 'http';
  readonly headers: Readonly<Record<string, string>>;
  /** As encoded, before compression. */
  readonly bytes: number;
  readonly items: number;
  readonly answer: Answer;
}

export interface OtlpServer {
  readonly grpcUrl: string;
  readonly httpUrl: string;
  readonly grpcPort: number;
  readonly httpPort: number;
  readonly spans: readonly ReceivedSpan[];
  readonly logs: readonly ReceivedLog[];
  readonly points: readonly ReceivedPoint[];
  /** Every request, also those that were refused. */
  readonly requests: readonly ReceivedRequest[];
  /** Sets how the next requests are answered, one answer each. */
  answerWith(...answers: readonly Answer[]): void;
  /** Resolves when so many requests have come. */
  arrived(requests: number): Promise<void>;
  stop(): Promise<void>;
}

export interface OtlpServerOptions {
  readonly grpcPort?: number;
  readonly httpPort?: number;
  /** With the certificate of test/fixtures/tls; `mutual` asks clients for one too. */
  readonly tls?: 'server' | 'mutual';
  /** Called with every item that is kept. */
  readonly onItem?: (signal: 'span' | 'log' | 'point', item: object) => void;
}

/** The test certificate, which is its own authority, and its key. */
export const testCertificate = {
  ca_file: `${import.meta.dirname}/../fixtures/tls/test-only.pem`,
  cert_file: `${import.meta.dirname}/../fixtures/tls/test-only.pem`,
  key_file: `${import.meta.dirname}/../fixtures/tls/test-only.key`,
};

const signals: readonly Signal[] = ['traces', 'metrics', 'logs'];
const PROTOBUF = 'application/x-protobuf';

export async function startOtlpServer(options: OtlpServerOptions = {}): Promise<OtlpServer> {
  const { tls, onItem = () => {} } = options;
  const spans: ReceivedSpan[] = [];
  const logs: ReceivedLog[] = [];
  const points: ReceivedPoint[] = [];
  const requests: ReceivedRequest[] = [];
  const answers: Answer[] = [];
  const waiting: { readonly count: number; readonly resolve: () => void }[] = [];

  /** Keeps a request and tells how to answer it. */
  function take(
    signal: Signal,
    protocol: 'grpc' | 'http',
    headers: Record<string, string>,
    request: object,
    bytes: number,
  ): Answer {
    const answer = answers.shift() ?? {};
    const found = signal === 'traces' ? spansOf(request) : signal === 'logs' ? logsOf(request) : pointsOf(request);
    requests.push({ signal, protocol, headers, bytes, items: found.length, answer });
    if (answer.grpc === undefined && answer.http === undefined) {
      if (signal === 'traces') spans.push(...(found as ReceivedSpan[]));
      if (signal === 'logs') logs.push(...(found as ReceivedLog[]));
      if (signal === 'metrics') points.push(...(found as ReceivedPoint[]));
      for (const item of found) onItem(signal === 'traces' ? 'span' : signal === 'logs' ? 'log' : 'point', item);
    }
    for (const { count, resolve } of waiting) if (requests.length >= count) resolve();
    return answer;
  }

  const grpc = new Server();
  for (const signal of signals) {
    const method = exportMethod(signal);
    const handler = { Export: (call: Call, callback: Callback): void => void answerGrpc(call, callback, signal, take) };
    const raw = { ...method, requestDeserialize: (bytes: Buffer) => ({ bytes }) };
    grpc.addService({ Export: raw }, handler);
  }
  const grpcPort = await listenGrpc(grpc, options);

  const onRequest = (request: IncomingMessage, response: ServerResponse): void =>
    void answerHttp(request, response, take);
  const http = tls === undefined ? createHttpServer(onRequest) : createHttpsServer(tlsOptions(tls), onRequest);
  const httpPort = await listenHttp(http, options.httpPort ?? 0);
  // By name with TLS: an address is no server name.
  const base = tls === undefined ? 'http://127.0.0.1' : 'https://localhost';

  return {
    grpcUrl: `${base}:${grpcPort}`,
    httpUrl: `${base}:${httpPort}`,
    grpcPort,
    httpPort,
    spans,
    logs,
    points,
    requests,
    answerWith: (...next) => void answers.push(...next),
    arrived: (count) =>
      requests.length >= count ? Promise.resolve() : new Promise((resolve) => waiting.push({ count, resolve })),
    async stop() {
      grpc.forceShutdown();
      http.closeAllConnections();
      await new Promise((resolve) => http.close(resolve));
    },
  };
}

type Call = ServerUnaryCall<{ readonly bytes: Buffer }, object>;
type Callback = sendUnaryData<object>;
type Take = (
  signal: Signal,
  protocol: 'grpc' | 'http',
  headers: Record<string, string>,
  request: object,
  bytes: number,
) => Answer;

async function answerGrpc(call: Call, callback: Callback, signal: Signal, take: Take): Promise<void> {
  const { bytes } = call.request;
  const headers = Object.fromEntries(
    Object.entries(call.metadata.getMap()).map(([key, value]) => [key, String(value)]),
  );
  const answer = take(signal, 'grpc', headers, decodeRequest(signal, bytes), bytes.length);
  await answer.after;
  if (answer.grpc === undefined) {
    callback(null, success(answer));
    return;
  }
  const metadata = new Metadata();
  if (answer.retryAfterMs !== undefined) metadata.set('grpc-status-details-bin', statusBytes(answer));
  callback({ code: answer.grpc, details: answer.message ?? '', metadata });
}

async function answerHttp(request: IncomingMessage, response: ServerResponse, take: Take): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  const signal = signals.find((name) => request.url?.split('?')[0]?.endsWith(`/v1/${name}`));
  if (signal === undefined || request.method !== 'POST' || request.headers['content-type'] !== PROTOBUF) {
    response.writeHead(404).end('no such path');
    return;
  }
  const sent = Buffer.concat(chunks);
  const body = request.headers['content-encoding'] === 'gzip' ? gunzipSync(sent) : sent;
  const answer = take(
    signal,
    'http',
    flat({ ...request.headers, ':path': request.url }),
    decodeRequest(signal, body),
    body.length,
  );
  await answer.after;
  if (answer.http === undefined) {
    response.writeHead(200, { 'content-type': PROTOBUF }).end(exportMethod(signal).responseSerialize(success(answer)));
    return;
  }
  const retryAfter =
    answer.retryAfterMs === undefined ? {} : { 'retry-after': String(Math.ceil(answer.retryAfterMs / 1000)) };
  response.writeHead(answer.http, { 'content-type': PROTOBUF, ...retryAfter }).end(statusBytes(answer));
}

function success({ rejected, message }: Answer): object {
  if (rejected === undefined && message === undefined) return {};
  return { partialSuccess: { rejected: rejected ?? 0, errorMessage: message ?? '' } };
}

/** google.rpc.Status with RetryInfo in its details, by hand. */
function statusBytes({ grpc, message = '', retryAfterMs }: Answer): Buffer {
  const field = (tag: number, content: Buffer): Buffer => Buffer.concat([Buffer.from([tag, content.length]), content]);
  const parts = [Buffer.from([0x08, grpc ?? 2]), field(0x12, Buffer.from(message))];
  if (retryAfterMs !== undefined) {
    const duration = Buffer.from([0x08, Math.floor(retryAfterMs / 1000)]);
    const info = field(0x0a, duration);
    parts.push(
      field(
        0x1a,
        Buffer.concat([field(0x0a, Buffer.from('type.googleapis.com/google.rpc.RetryInfo')), field(0x12, info)]),
      ),
    );
  }
  return Buffer.concat(parts);
}

function flat(headers: IncomingHttpHeaders): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([key, value]) => [key, String(value)]));
}

function listenGrpc(server: Server, { grpcPort = 0, tls }: OtlpServerOptions): Promise<number> {
  const { key, cert, ca, requestCert } = tlsOptions(tls ?? 'server');
  const secure = (): ServerCredentials =>
    ServerCredentials.createSsl(ca, [{ private_key: key, cert_chain: cert }], requestCert);
  const credentials = tls === undefined ? ServerCredentials.createInsecure() : secure();
  return new Promise((resolve, reject) => {
    server.bindAsync(`127.0.0.1:${grpcPort}`, credentials, (error, port) =>
      error === null ? resolve(port) : reject(error),
    );
  });
}

function tlsOptions(tls: 'server' | 'mutual') {
  const cert = readFileSync(testCertificate.cert_file);
  const key = readFileSync(testCertificate.key_file);
  return { key, cert, ca: cert, requestCert: tls === 'mutual', rejectUnauthorized: tls === 'mutual' };
}

function listenHttp(server: HttpServer, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
  });
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { port: { type: 'string', default: '0' }, out: { type: 'string' } } });
  const { out } = values;
  const port = Number(values.port);
  const line = (signal: string, item: object): string =>
    `${JSON.stringify({ signal, ...item }, (_, value: unknown) => (typeof value === 'bigint' ? value.toString() : value))}\n`;
  const server = await startOtlpServer({
    grpcPort: port,
    httpPort: port === 0 ? 0 : port + 1,
    ...(out !== undefined && { onItem: (signal: string, item: object) => appendFileSync(out, line(signal, item)) }),
  });
  console.log(JSON.stringify({ grpc: server.grpcUrl, http: server.httpUrl }));
}
