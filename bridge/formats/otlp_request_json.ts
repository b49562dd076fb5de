/**
 * Requests with logs (otlp_request.ts) in JSON: the same in lowerCamelCase, whole numbers of 64 bits as text, ids as hex
 * and bytes as base64. Fields that are not known are passed over, as the protocol wants. Pure.
 */
import type { AnyValue, Attributes, OtlpLog, OtlpLogs } from './otlp_request.ts';
import { DEPTH_MAX, finite, notLogs, readEach, whole } from './otlp_request.ts';

type Json = Record<string, unknown>;

/** Throws BRIDGE_DECODE if the body is no such request. */
export function readJsonLogs(body: Uint8Array): OtlpLogs {
  const read = readEach('JSON', jsonLog);
  try {
    const request: unknown = JSON.parse(Buffer.from(body).toString('utf8'));
    for (const resourceLogs of objects(field(asObject(request), 'resourceLogs'))) {
      const resource = jsonAttributes(optional(resourceLogs['resource'])['attributes'], 0);
      for (const scopeLogs of objects(field(resourceLogs, 'scopeLogs'))) {
        const { name, version, attributes } = optional(scopeLogs['scope']);
        const scope = { name: string(name), version: string(version), attributes: jsonAttributes(attributes, 0) };
        for (const record of list(field(scopeLogs, 'logRecords')))
          read.one(record, scope, resource, () => Buffer.from(JSON.stringify(record)));
      }
    }
  } catch (error) {
    throw notLogs('JSON', error);
  }
  return read;
}

const snakes = new Map(
  ['resourceLogs', 'scopeLogs', 'logRecords', 'timeUnixNano', 'observedTimeUnixNano', 'severityNumber', 'severityText',
    'traceId', 'spanId', 'eventName', 'stringValue', 'boolValue', 'intValue', 'doubleValue', 'arrayValue', 'kvlistValue',
    'bytesValue'].map((name) => [name, name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)]),
); // prettier-ignore

/** A field by its name in JSON, or in protobuf: the Collector takes both, and so do protobuf's own parsers. */
function field(json: Json, name: string): unknown {
  return json[name] ?? json[snakes.get(name) ?? name];
}

function jsonLog(record: unknown, scope: OtlpLog['scope'], resource: Attributes): OtlpLog {
  const log = asObject(record);
  return {
    time: jsonNanos(field(log, 'timeUnixNano')),
    observedTime: jsonNanos(field(log, 'observedTimeUnixNano')),
    severityNumber: number(field(log, 'severityNumber')),
    severityText: string(field(log, 'severityText')),
    body: log['body'] === undefined ? null : jsonValue(log['body'], 0),
    attributes: jsonAttributes(log['attributes'], 0),
    traceId: string(field(log, 'traceId')).toLowerCase(),
    spanId: string(field(log, 'spanId')).toLowerCase(),
    eventName: string(field(log, 'eventName')),
    scope,
    resource,
  };
}

function jsonAttributes(pairs: unknown, depth: number): Attributes {
  const attributes = Object.create(null) as Attributes;
  for (const { key, value } of objects(pairs)) attributes[string(key)] = jsonValue(value, depth);
  return attributes;
}

function jsonValue(json: unknown, depth: number): AnyValue {
  if (depth > DEPTH_MAX) throw new RangeError(`values nested deeper than ${DEPTH_MAX}`);
  const value = optional(json);
  const text = field(value, 'stringValue');
  if (typeof text === 'string') return text;
  const flag = field(value, 'boolValue');
  if (typeof flag === 'boolean') return flag;
  const int = field(value, 'intValue');
  if (int !== undefined) return whole(integer(int));
  const double = field(value, 'doubleValue');
  if (double !== undefined) return finite(Number(double));
  const items = field(value, 'arrayValue');
  if (items !== undefined) return objects(optional(items)['values']).map((item) => jsonValue(item, depth + 1));
  const pairs = field(value, 'kvlistValue');
  if (pairs !== undefined) return jsonAttributes(optional(pairs)['values'], depth + 1);
  const bytes = field(value, 'bytesValue');
  return typeof bytes === 'string' ? { $bytes: bytes } : null;
}

function jsonNanos(value: unknown): string | undefined {
  const told = typeof value === 'number' || typeof value === 'string' ? integer(value) : 0n;
  return told > 0n ? told.toString() : undefined;
}

/** 64 bits have twenty digits; a text of millions would take seconds. */
function integer(value: unknown): bigint {
  if (typeof value !== 'string' && typeof value !== 'number')
    throw new TypeError('an integer that is neither number nor text');
  if (typeof value === 'string' && value.length > 20) throw new RangeError('an integer of more than 64 bits');
  return BigInt(value);
}

function asObject(json: unknown): Json {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) throw new TypeError('not an object');
  return json as Json;
}

/** protojson leaves out what is empty, and some write null. */
function optional(json: unknown): Json {
  return json === undefined || json === null ? {} : asObject(json);
}

function objects(json: unknown): Json[] {
  return list(json).map(asObject);
}

function list(json: unknown): unknown[] {
  if (json === undefined || json === null) return [];
  if (!Array.isArray(json)) throw new TypeError('not a list');
  return json;
}

function number(json: unknown): number {
  return typeof json === 'number' ? json : 0;
}

function string(json: unknown): string {
  return typeof json === 'string' ? json : '';
}
