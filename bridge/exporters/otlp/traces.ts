/**
 * Spans as OTLP's bytes (opentelemetry/proto/trace/v1/trace.proto). Fields that hold their default are left out, as
 * every protobuf encoder does.
 */
import type { Link, Span } from '../../core/signal.ts';
import type { ProtobufWriter } from './protobuf.ts';
import type { Encoding } from './split.ts';

export const spanEncoding: Encoding<Span> = { write: writeSpan, weight: () => 1, halve: () => undefined };

/**
 * Trace flags 01 (sampled), and that the flag "the parent is remote" is known: it is not, for all spans of a trace come
 * from one bridge. Of a linked span nothing more than its trace flags is said.
 */
const SPAN_FLAGS = 0x101;
const LINK_FLAGS = 0x01;

function writeSpan(to: ProtobufWriter, tag: number, span: Span): void {
  const start = to.begin(tag, 2);
  to.hex(0x0a, span.traceId);
  to.hex(0x12, span.spanId);
  if (span.parentSpanId !== '') to.hex(0x22, span.parentSpanId);
  if (span.name !== '') to.string(0x2a, span.name);
  to.uint(0x30, span.kind);
  to.fixed64(0x39, span.startTimeUnixNano);
  to.fixed64(0x41, span.endTimeUnixNano);
  to.attributes(0x4a, span.attributes);
  for (const link of span.links) writeLink(to, 0x6a, link);
  const { code, message } = span.status;
  if (code !== 0 || message !== '') {
    const status = to.begin(0x7a, 1);
    if (message !== '') to.string(0x12, message);
    if (code !== 0) to.uint(0x18, code);
    to.end(status, 1);
  }
  to.fixed32(0x85, SPAN_FLAGS);
  to.end(start, 2);
}

function writeLink(to: ProtobufWriter, tag: number, { traceId, spanId, attributes }: Link): void {
  const start = to.begin(tag, 1);
  to.hex(0x0a, traceId);
  to.hex(0x12, spanId);
  to.attributes(0x22, attributes);
  to.fixed32(0x35, LINK_FLAGS);
  to.end(start, 1);
}
