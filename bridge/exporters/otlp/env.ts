/**
 * OpenTelemetry's standard variables as configuration of the otlp exporter (OTLP exporter specification; the names of
 * certificates and INSECURE are those of gRPC SDKs). Pure: components read no environment, the command line calls this.
 *
 * A signal's own variable (`OTEL_EXPORTER_OTLP_TRACES_ENDPOINT`) stands above the common one; its endpoint is used as it
 * is, while `/v1/traces` and so on is appended to the common one. An empty variable counts as not set.
 */
import { BridgeError } from '../../core/errors.ts';
import type { Signal } from './config.ts';

/** What a user would write under `exporters: otlp:`, as far as the variables say something; strings are checked there. */
export interface OtlpEnvConfig extends Section {
  signals?: Signal[];
  traces?: Section;
  metrics?: Section;
  logs?: Section;
}

interface Section {
  protocol?: string;
  endpoint?: string;
  headers?: Record<string, string>;
  compression?: string;
  timeout_ms?: number;
  tls?: { insecure?: boolean; ca_file?: string; cert_file?: string; key_file?: string };
}

const PREFIX = 'OTEL_EXPORTER_OTLP_';
const names: readonly Signal[] = ['traces', 'metrics', 'logs'];

/**
 * Undefined if no variable names an endpoint: then nothing is to be sent anywhere. Throws BRIDGE_CONFIG, with the name
 * of the variable, for a value that means nothing.
 */
export function otlpConfigFromEnv(env: Readonly<Record<string, string | undefined>>): OtlpEnvConfig | undefined {
  const common = sectionOf(env, '');
  const own = names.map((signal) => [signal, sectionOf(env, `${signal.toUpperCase()}_`)] as const);
  const sent = own.filter(([, section]) => section.endpoint !== undefined || common.endpoint !== undefined);
  if (sent.length === 0) return undefined;
  // Endpoints that come from variables speak HTTP unless told otherwise: the specification's default.
  const config: OtlpEnvConfig = { ...common, protocol: common.protocol ?? 'http/protobuf' };
  if (sent.length < names.length) config.signals = sent.map(([signal]) => signal);
  for (const [signal, section] of sent) {
    if (Object.keys(section).length === 0) continue;
    config[signal] = section.tls === undefined ? section : { ...section, tls: { ...common.tls, ...section.tls } };
  }
  return config;
}

function sectionOf(env: Readonly<Record<string, string | undefined>>, infix: string): Section {
  const read = (name: string): string | undefined => {
    const value = env[`${PREFIX}${infix}${name}`]?.trim();
    return value === '' ? undefined : value;
  };
  const section: Section = {};
  const protocol = read('PROTOCOL');
  if (protocol !== undefined) section.protocol = oneOf(`${infix}PROTOCOL`, protocol, ['grpc', 'http/protobuf']);
  const endpoint = read('ENDPOINT');
  if (endpoint !== undefined) section.endpoint = endpoint;
  const headers = read('HEADERS');
  if (headers !== undefined) section.headers = parseHeaders(`${infix}HEADERS`, headers);
  const compression = read('COMPRESSION');
  if (compression !== undefined) section.compression = oneOf(`${infix}COMPRESSION`, compression, ['none', 'gzip']);
  const timeout = read('TIMEOUT');
  if (timeout !== undefined) section.timeout_ms = parseTimeout(`${infix}TIMEOUT`, timeout);
  const tls: NonNullable<Section['tls']> = {};
  const insecure = read('INSECURE');
  if (insecure !== undefined) tls.insecure = insecure.toLowerCase() === 'true';
  const ca = read('CERTIFICATE');
  if (ca !== undefined) tls.ca_file = ca;
  const certificate = read('CLIENT_CERTIFICATE');
  if (certificate !== undefined) tls.cert_file = certificate;
  const key = read('CLIENT_KEY');
  if (key !== undefined) tls.key_file = key;
  if (Object.keys(tls).length > 0) section.tls = tls;
  return section;
}

function oneOf(name: string, value: string, known: readonly string[]): string {
  if (known.includes(value)) return value;
  throw wrong(name, `${value} is none of ${known.join(', ')}`);
}

function parseTimeout(name: string, value: string): number {
  const ms = Number(value);
  if (Number.isInteger(ms) && ms > 0) return ms;
  throw wrong(name, `${value} is not a number of milliseconds`);
}

/** `key=value,key=value`, percent-encoded as in W3C Baggage. What is wrong with it is told without its values. */
function parseHeaders(name: string, text: string): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const pair of text.split(',')) {
    if (pair.trim() === '') continue;
    const at = pair.indexOf('=');
    if (at < 1) throw wrong(name, 'must be key=value, separated by commas');
    try {
      headers[decodeURIComponent(pair.slice(0, at).trim()).toLowerCase()] = decodeURIComponent(
        pair.slice(at + 1).trim(),
      );
    } catch {
      throw wrong(name, 'is not percent-encoded text'); // The cause would show the value.
    }
  }
  return headers;
}

function wrong(name: string, why: string): BridgeError {
  return new BridgeError('BRIDGE_CONFIG', `read ${PREFIX}${name}: ${why}`);
}
