/** Encodes with the exporter's encoder and decodes with protobufjs, for tests of the encoder. */
import assert from 'node:assert/strict';

import type { LogRecord, Metric, Resource, Span } from '../../bridge/core/signal.ts';
import { logEncoding } from '../../bridge/exporters/otlp/logs.ts';
import { metricEncoding } from '../../bridge/exporters/otlp/metrics.ts';
import type { Encoding } from '../../bridge/exporters/otlp/split.ts';
import { Encoder } from '../../bridge/exporters/otlp/split.ts';
import { spanEncoding } from '../../bridge/exporters/otlp/traces.ts';
import { decodeRequest, logsOf, pointsOf, spansOf } from './otlp_decode.ts';

/** More than any test encodes. */
export const MANY = 1 << 26;

/** Items as requests, and how many were left out. */
export function encode<T extends { readonly resource: Resource }>(
  items: readonly T[],
  encoding: Encoding<T>,
  bytesMax = MANY,
  encoder = new Encoder(),
) {
  let tooLarge = 0;
  const requests = [...encoder.requests(items, encoding, bytesMax, (count) => (tooLarge += count))];
  return { requests, tooLarge };
}

/** The bytes of what fits into one request. */
export function one<T extends { readonly resource: Resource }>(items: readonly T[], encoding: Encoding<T>): Buffer {
  const { requests } = encode(items, encoding);
  assert.equal(requests.length, 1);
  return requests[0]!.body;
}

export const decodedSpans = (items: readonly Span[]) => spansOf(decodeRequest('traces', one(items, spanEncoding)));
export const decodedLogs = (items: readonly LogRecord[]) => logsOf(decodeRequest('logs', one(items, logEncoding)));
export const decodedPoints = (items: readonly Metric[]) =>
  pointsOf(decodeRequest('metrics', one(items, metricEncoding)));
