/**
 * Requests of OpenTelemetry's protocol that bring logs (ExportLogsServiceRequest), in protobuf or JSON, in one shape. Pure.
 *
 *   request        1 resource logs*
 *   resource logs  1 resource (1 attribute*)   2 scope logs*
 *   scope logs     1 scope (1 name, 2 version, 3 attribute*)   2 log record*
 *   log record     1 time, 11 observed time (fixed64, ns)   2 severity number   3 severity text   5 body   6 attribute*
 *                  9 trace id   10 span id   12 event name
 *   attribute      1 key   2 value;  a value is one of 1 text, 2 bool, 3 int, 4 double, 5 array, 6 map, 7 bytes
 *
 * JSON has the same in lowerCamelCase, whole numbers of 64 bits as text, ids as hex and bytes as base64.
 */
import { BridgeError, reasonOf } from '../core/errors.ts';
import { readFields, type Field } from './protobuf_reader.ts';

/** A value of an attribute or a body, as JSON.stringify could write it; a map has no prototype. */
export type AnyValue = string | number | boolean | null | AnyValue[] | { [key: string]: AnyValue };
export type Attributes = Record<string, AnyValue>;

export interface OtlpLog {
  /** Nanoseconds as decimal text; undefined where it is not told. */
  readonly time: string | undefined;
  readonly observedTime: string | undefined;
  readonly severityNumber: number;
  readonly severityText: string;
  readonly body: AnyValue;
  readonly attributes: Attributes;
  /** Hex; empty where there is none. */
  readonly traceId: string;
  readonly spanId: string;
  readonly eventName: string;
  readonly scope: { readonly name: string; readonly version: string; readonly attributes: Attributes };
  readonly resource: Attributes;
}

const DEPTH_MAX = 32;

/** Throws BRIDGE_DECODE if the body is no such request. */
export function readProtobufLogs(body: Uint8Array): OtlpLog[] {
  try {
    return fields(body, 1).flatMap((resourceLogs) => {
      const [resource] = fields(resourceLogs, 1);
      const shared = resource === undefined ? {} : attributesOf(resource, 1);
      return fields(resourceLogs, 2).flatMap((scopeLogs) => {
        const scope = scopeOf(fields(scopeLogs, 1)[0]);
        return fields(scopeLogs, 2).map((log) => protobufLog(log, scope, shared));
      });
    });
  } catch (error) {
    throw notLogs('protobuf', error);
  }
}

function protobufLog(bytes: Uint8Array, scope: OtlpLog['scope'], resource: Attributes): OtlpLog {
  const told = new Map<number, Field['value']>();
  for (const { number, value } of readFields(bytes)) told.set(number, value);
  const body = told.get(5);
  return {
    time: nanos(told.get(1)),
    observedTime: nanos(told.get(11)),
    severityNumber: Number(told.get(2) ?? 0),
    severityText: text(told.get(3)),
    body: body instanceof Uint8Array ? protobufValue(body, 0) : null,
    attributes: attributesOf(bytes, 6),
    traceId: hex(told.get(9)),
    spanId: hex(told.get(10)),
    eventName: text(told.get(12)),
    scope,
    resource,
  };
}

function scopeOf(bytes: Uint8Array | undefined): OtlpLog['scope'] {
  if (bytes === undefined) return { name: '', version: '', attributes: {} };
  return { name: text(fields(bytes, 1)[0]), version: text(fields(bytes, 2)[0]), attributes: attributesOf(bytes, 3) };
}

/** The values with a length that field `number` has. */
function fields(bytes: Uint8Array, number: number): Uint8Array[] {
  const found: Uint8Array[] = [];
  for (const field of readFields(bytes))
    if (field.number === number && field.value instanceof Uint8Array) found.push(field.value);
  return found;
}

function attributesOf(bytes: Uint8Array, number: number, depth = 0): Attributes {
  const attributes = Object.create(null) as Attributes;
  for (const pair of fields(bytes, number)) {
    let key = '';
    let value: AnyValue = null;
    for (const field of readFields(pair)) {
      if (!(field.value instanceof Uint8Array)) continue;
      if (field.number === 1) key = text(field.value);
      else if (field.number === 2) value = protobufValue(field.value, depth);
    }
    attributes[key] = value;
  }
  return attributes;
}

function protobufValue(bytes: Uint8Array, depth: number): AnyValue {
  if (depth > DEPTH_MAX) throw new RangeError(`values nested deeper than ${DEPTH_MAX}`);
  for (const { number, value } of readFields(bytes)) {
    if (typeof value === 'bigint') {
      if (number === 2) return value !== 0n;
      if (number === 3) return whole(BigInt.asIntN(64, value));
      if (number === 4) return double(value);
    } else {
      if (number === 1) return text(value);
      if (number === 5) return fields(value, 1).map((item) => protobufValue(item, depth + 1));
      if (number === 6) return attributesOf(value, 1, depth + 1);
      if (number === 7) return { $bytes: Buffer.from(value).toString('base64') };
    }
  }
  return null;
}

function double(bits: bigint): AnyValue {
  const view = new DataView(new ArrayBuffer(8));
  view.setBigUint64(0, bits);
  return finite(view.getFloat64(0));
}

/** What JSON cannot say is spelt as ndjson.ts reads it. */
function finite(value: number): AnyValue {
  if (Number.isFinite(value)) return value;
  return { $float: Number.isNaN(value) ? 'nan' : value > 0 ? 'inf' : '-inf' };
}

function whole(value: bigint): AnyValue {
  return BigInt.asIntN(54, value) === value ? Number(value) : value.toString();
}

function nanos(value: Field['value'] | undefined): string | undefined {
  return typeof value === 'bigint' && value !== 0n ? value.toString() : undefined;
}

function text(value: Field['value'] | undefined): string {
  return value instanceof Uint8Array ? Buffer.from(value).toString('utf8') : '';
}

function hex(value: Field['value'] | undefined): string {
  return value instanceof Uint8Array ? Buffer.from(value).toString('hex') : '';
}

type Json = Record<string, unknown>;

/** Throws BRIDGE_DECODE if the body is no such request. */
export function readJsonLogs(body: Uint8Array): OtlpLog[] {
  try {
    const request: unknown = JSON.parse(Buffer.from(body).toString('utf8'));
    return objects(asObject(request)['resourceLogs']).flatMap((resourceLogs) => {
      const resource = jsonAttributes(optional(resourceLogs['resource'])['attributes'], 0);
      return objects(resourceLogs['scopeLogs']).flatMap((scopeLogs) => {
        const { name, version, attributes } = optional(scopeLogs['scope']);
        const scope = { name: string(name), version: string(version), attributes: jsonAttributes(attributes, 0) };
        return objects(scopeLogs['logRecords']).map((log) => jsonLog(log, scope, resource));
      });
    });
  } catch (error) {
    throw notLogs('JSON', error);
  }
}

function jsonLog(log: Json, scope: OtlpLog['scope'], resource: Attributes): OtlpLog {
  return {
    time: jsonNanos(log['timeUnixNano']),
    observedTime: jsonNanos(log['observedTimeUnixNano']),
    severityNumber: typeof log['severityNumber'] === 'number' ? log['severityNumber'] : 0,
    severityText: string(log['severityText']),
    body: log['body'] === undefined ? null : jsonValue(log['body'], 0),
    attributes: jsonAttributes(log['attributes'], 0),
    traceId: string(log['traceId']).toLowerCase(),
    spanId: string(log['spanId']).toLowerCase(),
    eventName: string(log['eventName']),
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
  if (typeof value['stringValue'] === 'string') return value['stringValue'];
  if (typeof value['boolValue'] === 'boolean') return value['boolValue'];
  if (value['intValue'] !== undefined) return whole(integer(value['intValue'] as string | number));
  if (value['doubleValue'] !== undefined) return finite(Number(value['doubleValue']));
  if (value['arrayValue'] !== undefined)
    return objects(optional(value['arrayValue'])['values']).map((item) => jsonValue(item, depth + 1));
  if (value['kvlistValue'] !== undefined) return jsonAttributes(optional(value['kvlistValue'])['values'], depth + 1);
  if (typeof value['bytesValue'] === 'string') return { $bytes: value['bytesValue'] };
  return null;
}

function jsonNanos(value: unknown): string | undefined {
  const told = typeof value === 'number' || typeof value === 'string' ? integer(value) : 0n;
  return told > 0n ? told.toString() : undefined;
}

/** 64 bits have twenty digits; a text of millions would take seconds. */
function integer(value: string | number): bigint {
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
  if (json === undefined || json === null) return [];
  if (!Array.isArray(json)) throw new TypeError('not a list');
  return json.map(asObject);
}

function string(json: unknown): string {
  return typeof json === 'string' ? json : '';
}

function notLogs(encoding: string, error: unknown): BridgeError {
  return new BridgeError('BRIDGE_DECODE', `read OTLP logs as ${encoding}: ${reasonOf(error)}`, {
    cause: error,
    reason: 'otlp',
  });
}
