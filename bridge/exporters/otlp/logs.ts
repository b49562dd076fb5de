/**
 * Log records as OTLP's bytes (opentelemetry/proto/logs/v1/logs.proto).
 */
import type { LogRecord } from '../../core/signal.ts';
import type { ProtobufWriter } from './protobuf.ts';
import type { Encoding } from './split.ts';

export const logEncoding: Encoding<LogRecord> = { write: writeLog, weight: () => 1, halve: () => undefined };

/** Trace flags 01, sampled: the span that the record belongs to is always exported. */
const FLAGS = 0x01;

function writeLog(to: ProtobufWriter, tag: number, log: LogRecord): void {
  const start = to.begin(tag, 2);
  if (log.timeUnixNano !== 0n) to.fixed64(0x09, log.timeUnixNano);
  if (log.severityNumber !== 0) to.uint(0x10, log.severityNumber);
  if (log.severityText !== '') to.string(0x1a, log.severityText);
  to.anyText(0x2a, log.body);
  to.attributes(0x32, log.attributes);
  if (log.traceId !== '') {
    to.fixed32(0x45, FLAGS);
    to.hex(0x4a, log.traceId);
    if (log.spanId !== '') to.hex(0x52, log.spanId);
  }
  if (log.observedTimeUnixNano !== 0n) to.fixed64(0x59, log.observedTimeUnixNano);
  if (log.eventName !== '') to.string(0x62, log.eventName);
  to.end(start, 2);
}
