/**
 * Configuration of the otlp exporter, and what it comes to for each signal. Keys are the Collector's and the OTLP
 * exporter specification's; a signal's own section stands above the common ones, as its own variables do there.
 */
import { z } from 'zod';

import { BridgeError } from '../../core/errors.ts';

export const signals = ['traces', 'metrics', 'logs'] as const;
export type Signal = (typeof signals)[number];

const headerName = z
  .string()
  .regex(/^[!#$%&'*+.^_`|~\w-]+$/, 'must be a header name')
  .refine((name) => !name.toLowerCase().endsWith('-bin'), 'must not end in -bin, which gRPC keeps for bytes');

// The message never shows the value, which may be a credential.
const headerValue = z.string().regex(/^[\x20-\x7e]*$/, 'must be printable ASCII');

const protocol = z.enum(['grpc', 'http/protobuf']);
const compression = z.enum(['none', 'gzip']);
const timeout = z.int().min(1).max(600_000);

const endpoint = z.string().refine((text) => parseEndpoint(text, true) !== undefined, {
  message: 'must be an address such as http://127.0.0.1:4317',
});

const tls = z.strictObject({
  insecure: z.boolean().default(false).describe('No TLS for an endpoint that names no scheme.'),
  ca_file: z.string().min(1).optional().describe('Certificates to trust, PEM. Default: those of Node.js.'),
  cert_file: z.string().min(1).optional().describe('Our certificate, PEM, if the server asks for one.'),
  key_file: z.string().min(1).optional().describe('Key of our certificate, PEM.'),
});

const own = z.strictObject({
  protocol: protocol.optional().describe('As above, for this signal.'),
  endpoint: endpoint.optional().describe('As above, for this signal; with http/protobuf the whole URL.'),
  headers: z.record(headerName, headerValue).optional().describe('Instead of those above.'),
  tls: tls.optional().describe('Instead of those above.'),
  compression: compression.optional().describe('As above, for this signal.'),
  timeout_ms: timeout.optional().describe('As above, for this signal.'),
});

export const config = z.strictObject({
  protocol: protocol.default('grpc').describe('How OTLP is spoken: gRPC, or protobuf over HTTP.'),
  endpoint: endpoint
    .optional()
    .describe('Where to send; http:// is plain, https:// or no scheme is TLS. Default: port 4317 (gRPC) or 4318 here.'),
  headers: z.record(headerName, headerValue).default({}).describe('Sent with every request, such as credentials.'),
  tls: tls.prefault({}).describe('How a secure endpoint is trusted.'),
  compression: compression.default('none').describe('Of requests; gzip pays off on slow links only.'),
  timeout_ms: timeout.default(10_000).describe('How long an answer may take.'),
  request_bytes_max: z
    .int()
    .min(4_096)
    .max(67_108_864)
    .default(3_145_728)
    .describe('Larger batches are split, before compression; a Collector takes 4 MiB by gRPC unless told otherwise.'),
  signals: z
    .array(z.enum(signals))
    .min(1)
    .default([...signals])
    .describe('What is sent there.'),
  traces: own.optional().describe('What is different for traces.'),
  metrics: own.optional().describe('What is different for metrics.'),
  logs: own.optional().describe('What is different for logs.'),
});

export type OtlpConfig = z.output<typeof config>;

/** Where and how one signal is sent. */
export interface Target {
  readonly protocol: z.output<typeof protocol>;
  readonly host: string;
  readonly port: number;
  readonly secure: boolean;
  /** Of the HTTP request. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly tls: z.output<typeof tls>;
  readonly compression: z.output<typeof compression>;
  readonly timeoutMs: number;
  /** For messages: the endpoint without user and password. */
  readonly shown: string;
}

export function targetOf(signal: Signal, common: OtlpConfig): Target {
  const mine = common[signal];
  const chosen = mine?.protocol ?? common.protocol;
  const url = mine?.endpoint ?? common.endpoint ?? `http://127.0.0.1:${chosen === 'grpc' ? 4317 : 4318}`;
  const tlsChosen = mine?.tls ?? common.tls;
  const parsed = parseEndpoint(url, tlsChosen.insecure);
  if (parsed === undefined) throw new BridgeError('BRIDGE_CONFIG', `read endpoint for ${signal}: not an address`);
  const isWhole = mine?.endpoint !== undefined;
  const base = parsed.pathname.replace(/\/+$/, '');
  return {
    protocol: chosen,
    host: parsed.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: Number(parsed.port === '' ? defaultPort(chosen, parsed.protocol) : parsed.port),
    secure: parsed.protocol === 'https:',
    path: `${isWhole ? parsed.pathname : `${base}/v1/${signal}`}${parsed.search}`,
    headers: { ...credentialsOf(parsed), ...lowerCase(mine?.headers ?? common.headers) },
    tls: tlsChosen,
    compression: mine?.compression ?? common.compression,
    timeoutMs: mine?.timeout_ms ?? common.timeout_ms,
    shown: `${parsed.protocol}//${parsed.host}${chosen === 'grpc' ? '' : parsed.pathname}`,
  };
}

/** Reads an endpoint with or without a scheme; undefined if it is none. */
function parseEndpoint(text: string, insecure: boolean): URL | undefined {
  const hasScheme = /^[a-z][a-z0-9+.-]*:\/\//i.test(text);
  const whole = hasScheme ? text : `${insecure ? 'http' : 'https'}://${text}`;
  if (!URL.canParse(whole)) return undefined;
  const url = new URL(whole);
  return /^https?:$/.test(url.protocol) && url.hostname !== '' ? url : undefined;
}

function defaultPort(chosen: Target['protocol'], scheme: string): number {
  if (chosen === 'grpc') return 4317;
  return scheme === 'https:' ? 443 : 80;
}

/** `user:password@` of a URL, as the header that says the same. */
function credentialsOf({ username, password }: URL): Record<string, string> {
  if (username === '' && password === '') return {};
  const both = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return { authorization: `Basic ${Buffer.from(both).toString('base64')}` };
}

function lowerCase(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}
