/**
 * OTLP/gRPC: unary calls of plain grpc-js with bytes that are encoded already. Retries are the pipeline's (core/retry.ts);
 * those of grpc-js are off, and so is its use of proxies from the environment.
 */
import type { ServiceError } from '@grpc/grpc-js';
import { Client, credentials, Metadata, status } from '@grpc/grpc-js';

import { BridgeError } from '../../core/errors.ts';
import type { Signal, Target } from './config.ts';
import { connectionHint } from './hints.ts';
import type { Transport } from './transport.ts';
import { parseReply, parseStatus, readCertificates, sayable } from './transport.ts';

const services: Readonly<Record<Signal, string>> = {
  traces: 'trace.v1.TraceService',
  metrics: 'metrics.v1.MetricsService',
  logs: 'logs.v1.LogsService',
};

/** The OTLP specification's list; RESOURCE_EXHAUSTED is in it only if the server says when to come back. */
const retryable: ReadonlySet<number> = new Set([
  status.CANCELLED,
  status.DEADLINE_EXCEEDED,
  status.ABORTED,
  status.OUT_OF_RANGE,
  status.UNAVAILABLE,
  status.DATA_LOSS,
]);

/** Wrong credentials: about our configuration, not about what we sent, so that is kept until they are right. */
const misconfigured: ReadonlySet<number> = new Set([status.UNAUTHENTICATED, status.PERMISSION_DENIED]);

const options = {
  'grpc.enable_retries': 0,
  'grpc.enable_http_proxy': 0,
  'grpc.primary_user_agent': 'parsl-otel',
  // How long a server that came back may stay unseen.
  'grpc.initial_reconnect_backoff_ms': 200,
  'grpc.max_reconnect_backoff_ms': 5_000,
  'grpc.max_send_message_length': -1,
};
const GZIP = 2;

const same = (bytes: Buffer): Buffer => bytes;

export function grpcTransport(signal: Signal, target: Target): Transport {
  const method = `/opentelemetry.proto.collector.${services[signal]}/Export`;
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(target.headers)) metadata.set(name, value);
  let make: (() => Client) | undefined;
  let client: Client | undefined;

  return {
    async open() {
      const { ca, cert, key } = await readCertificates(target);
      const security = target.secure
        ? credentials.createSsl(ca ?? null, key ?? null, cert ?? null)
        : credentials.createInsecure();
      const host = target.host.includes(':') ? `[${target.host}]` : target.host;
      const compression = target.compression === 'gzip' ? { 'grpc.default_compression_algorithm': GZIP } : {};
      make = () => new Client(`${host}:${target.port}`, security, { ...options, ...compression });
    },

    async send(body) {
      if (make === undefined) throw new BridgeError('BRIDGE_REFUSED', `send ${signal} to ${target.shown}: not started`);
      client ??= make();
      const current = client;
      const deadline = Date.now() + target.timeoutMs;
      const answer = await new Promise<Buffer | ServiceError>((resolve) => {
        current.makeUnaryRequest(method, same, same, body, metadata, { deadline }, (error, response) =>
          resolve(error ?? response ?? Buffer.alloc(0)),
        );
      });
      if (Buffer.isBuffer(answer)) return parseReply(answer);
      if (answer.code === status.DEADLINE_EXCEEDED) {
        // A connection to a machine that is gone looks open until TCP gives up: the next request gets a new one.
        current.close();
        client = undefined;
      }
      throw failure(answer, signal, target);
    },

    close() {
      client?.close();
      client = undefined;
      make = undefined;
    },
  };
}

function failure({ code, details, metadata }: ServiceError, signal: Signal, target: Target): BridgeError {
  const [bytes] = (metadata as Metadata | undefined)?.get('grpc-status-details-bin') ?? [];
  const retryAfterMs = Buffer.isBuffer(bytes) ? parseStatus(bytes)?.retryAfterMs : undefined;
  const again =
    retryable.has(code) ||
    misconfigured.has(code) ||
    (code === status.UNIMPLEMENTED && signal === 'traces') ||
    (code === status.RESOURCE_EXHAUSTED && retryAfterMs !== undefined);
  const message = `send ${signal} to ${target.shown}: ${status[code]}: ${sayable(details, target)}`;
  // grpc-js's error is not kept as the cause: its metadata may hold what the server was told.
  return new BridgeError(again ? 'BRIDGE_REFUSED' : 'BRIDGE_REJECTED', message, {
    reason: status[code].toLowerCase(),
    retryAfterMs,
    hint: hintOf(code, details, target),
  });
}

function hintOf(code: status, details: string, target: Target): string | undefined {
  if (code === status.UNAVAILABLE) return connectionHint(details, 'grpc', target);
  if (code === status.UNIMPLEMENTED) return 'the server does not take this signal: leave it out of `signals`';
  if (code === status.UNAUTHENTICATED || code === status.PERMISSION_DENIED)
    return 'check `headers`, where credentials go';
  return undefined;
}
