/**
 * Requests of OpenTelemetry's protocol that bring logs (ExportLogsServiceRequest), in protobuf or JSON
 * (otlp_request_json.ts), in one shape. A record that cannot be read is a problem of its own, the others are used. Pure.
 *
 *   request        1 resource logs*
 *   resource logs  1 resource (1 attribute*)   2 scope logs*
 *   scope logs     1 scope (1 name, 2 version, 3 attribute*)   2 log record*
 *   log record     1 time, 11 observed time (fixed64, ns)   2 severity number   3 severity text   5 body   6 attribute*
 *                  9 trace id   10 span id   12 event name
 *   attribute      1 key   2 value;  a value is one of 1 text, 2 bool, 3 int, 4 double, 5 array, 6 map, 7 bytes
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

/** A record that cannot be read. */
export interface OtlpProblem {
  readonly record: Uint8Array;
  readonly error: BridgeError;
}

export interface OtlpLogs {
  readonly logs: readonly OtlpLog[];
  readonly problems: readonly OtlpProblem[];
}

/** A request with more records that cannot be read is none. */
const PROBLEMS_MAX = 1_000;

/** Values nested deeper than this are not read. */
export const DEPTH_MAX = 32;

/** Throws BRIDGE_DECODE if the body is no such request. */
export function readProtobufLogs(body: Uint8Array): OtlpLogs {
  const read = readEach('protobuf', protobufLog);
  try {
    for (const resourceLogs of fields(body, 1)) {
      const [resource] = fields(resourceLogs, 1);
      const shared = resource === undefined ? {} : attributesOf(resource, 1);
      for (const scopeLogs of fields(resourceLogs, 2)) {
        const scope = scopeOf(fields(scopeLogs, 1)[0]);
        for (const record of fields(scopeLogs, 2)) read.one(record, scope, shared, () => record);
      }
    }
  } catch (error) {
    throw notLogs('protobuf', error);
  }
  return read;
}

type Scope = OtlpLog['scope'];

/** Collects records, and those that `log` throws at. `bytes` gives what such a one is set aside as. */
export function readEach<R>(encoding: string, log: (record: R, scope: Scope, resource: Attributes) => OtlpLog) {
  const logs: OtlpLog[] = [];
  const problems: OtlpProblem[] = [];
  return {
    logs,
    problems,
    one(record: R, scope: Scope, resource: Attributes, bytes: () => Uint8Array): void {
      try {
        logs.push(log(record, scope, resource));
      } catch (error) {
        if (problems.length === PROBLEMS_MAX) throw error;
        problems.push({ record: bytes(), error: notLogs(encoding, error) });
      }
    },
  };
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
export function finite(value: number): AnyValue {
  if (Number.isFinite(value)) return value;
  return { $float: Number.isNaN(value) ? 'nan' : value > 0 ? 'inf' : '-inf' };
}

export function whole(value: bigint): AnyValue {
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

export function notLogs(encoding: string, error: unknown): BridgeError {
  return new BridgeError('BRIDGE_DECODE', `read OTLP logs as ${encoding}: ${reasonOf(error)}`, {
    cause: error,
    reason: 'otlp',
  });
}
