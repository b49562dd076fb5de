/**
 * The published recipe for trace and span ids (DESIGN.md §6). The Python plugin implements the same one
 * (python/parsl_otel/ids.py); both are held to test/vectors/ids.json.
 *
 * All ids are lower-case hex. They depend on what a thing is, never on when it was seen, so that a replay
 * overwrites instead of duplicating, and so that a job can compute the id of its own span.
 */
import { createHash, hash } from 'node:crypto';

export interface SpanId {
  /** 16 bytes as 32 hex digits. */
  readonly traceId: string;
  /** 8 bytes as 16 hex digits. */
  readonly spanId: string;
}

function h(text: string): string {
  return hash('sha256', text, 'hex');
}

/** Trace id and root span id of a thing that has a trace of its own: the hash's first 16 bytes and the next 8. */
function root(text: string): SpanId {
  const digest = h(text);
  return { traceId: digest.slice(0, 32), spanId: digest.slice(32, 48) };
}

/** The run's trace and its root span. */
export function runId(run: string): SpanId {
  return root(`run/${run.toLowerCase()}`);
}

/** A task's trace and its root span. */
export function taskId(run: string, task: number): SpanId {
  return root(`task/${run.toLowerCase()}/${task}`);
}

/** Span id of one try, in its task's trace. */
export function trySpanId(run: string, task: number, attempt: number): string {
  return h(`try/${run.toLowerCase()}/${task}/${attempt}`).slice(32, 48);
}

/** Span id of a phase, in its task's trace; `pending` belongs to no try (undefined); a repeat is named `name#2`. */
export function phaseSpanId(run: string, task: number, attempt: number | undefined, name: string): string {
  return h(`phase/${run.toLowerCase()}/${task}/${attempt ?? ''}/${name}`).slice(32, 48);
}

/** Span id of an executor, in its run's trace. */
export function executorSpanId(run: string, label: string): string {
  return h(`executor/${run.toLowerCase()}/${label}`).slice(32, 48);
}

/** Span id of a block, in its run's trace. */
export function blockSpanId(run: string, label: string, block: string): string {
  return h(`block/${run.toLowerCase()}/${label}/${block}`).slice(32, 48);
}

/** Span id of a manager, in its run's trace. */
export function managerSpanId(run: string, label: string, manager: string): string {
  return h(`manager/${run.toLowerCase()}/${label}/${manager}`).slice(32, 48);
}

const NAMESPACE = Buffer.from('4d63009a8d0f11eeaad74c796ed8e320', 'hex');

/**
 * UUIDv5 in OpenTelemetry's `service.instance.id` namespace: the id of a run that no record names, made from its
 * first record's host, process id and time, never from a path.
 */
export function uuid5(name: string): string {
  const digest = createHash('sha1').update(NAMESPACE).update(name).digest().subarray(0, 16);
  digest[6] = ((digest[6] ?? 0) & 0x0f) | 0x50;
  digest[8] = ((digest[8] ?? 0) & 0x3f) | 0x80;
  const hex = digest.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
