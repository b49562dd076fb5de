/**
 * Log records (DESIGN.md §8): every state that a task or try enters is an event, so that a running task is visible
 * before its span ends; every record with text is a line, with the ids of the span it belongs to.
 *
 * A log's observed time is its own time: nothing about the bridge is exported. The event name is written as an
 * attribute too, because Loki drops the field.
 */
import { errorType } from '../core/error_type.ts';
import { taskId, trySpanId } from '../core/ids.ts';
import type { AttributeValue, LogRecord, Resource } from '../core/signal.ts';
import { SeverityNumber } from '../core/signal.ts';
import type { WideRecord } from '../core/record.ts';
import { number, stringify, text } from '../core/record.ts';
import { formatLocalTime, toNanos } from '../core/time.ts';
import { tracebackOf } from '../core/traceback.ts';
import type { Zone } from '../core/time.ts';
import { findKey, keys } from '../core/keys.ts';
import type { Task } from '../model/entities.ts';
import type { StateFact } from '../model/facts.ts';
import { timeOf } from '../model/learn.ts';
import { failureOf } from '../model/resolve.ts';
import { isFailure } from '../model/states.ts';
import { stateInstant } from '../model/zone.ts';
import { attributes } from './common.ts';

const STATE_EVENT = 'parsl.task.state';

/** States of a try that was launched; the others are of its task, though Parsl numbers a try with them, too. */
const ofTry = new Set([
  'launched',
  'running',
  'running_ended',
  'joining',
  'exec_done',
  'fail_retryable',
  'failed',
  'done',
]);

/** The event of one state, under the span of the try that it is about, else of the task. */
export function stateEvent(task: Task, fact: StateFact, zone: Zone, resource: Resource): LogRecord {
  const { run } = task;
  const time = toNanos(stateInstant(fact, zone));
  const failed = isFailure(fact.state);
  const attempted = fact.attempt === undefined ? undefined : task.tries[fact.attempt];
  const failure = fact.failHistory ?? (fact.logged && attempted !== undefined ? failureOf(attempted) : undefined);
  const severity = failed ? (fact.state === 'fail_retryable' ? 'WARN' : 'ERROR') : 'INFO';
  return {
    timeUnixNano: time,
    observedTimeUnixNano: time,
    severityNumber: SeverityNumber[severity],
    severityText: severity,
    body: `task ${task.id} ${fact.state}${failed && failure !== undefined ? `: ${failure}` : ''}`,
    eventName: STATE_EVENT,
    attributes: attributes({
      'event.name': STATE_EVENT,
      'parsl.dfk': run.id,
      'parsl.task': task.id,
      'parsl.try': fact.attempt,
      'parsl.task_state': fact.state,
      'parsl.app_name': fact.app,
      'parsl.executor': fact.executor,
      'parsl.block': fact.block,
      'host.name': fact.host,
      'error.type': failed ? errorType(failure) : undefined,
    }),
    traceId: task.traceId,
    spanId:
      fact.attempt !== undefined && ofTry.has(fact.state) ? trySpanId(run.id, task.id, fact.attempt) : task.spanId,
    resource,
  };
}

/** The events of states of one task, in the order of their times. */
export function stateEvents(task: Task, facts: readonly StateFact[], zone: Zone, resource: Resource): LogRecord[] {
  return [...facts]
    .sort((a, b) => stateInstant(a, zone) - stateInstant(b, zone) || compareFacts(a, b))
    .map((fact) => stateEvent(task, fact, zone, resource));
}

/** Any fixed order will do for what happened at the same time. */
function compareFacts(a: StateFact, b: StateFact): number {
  if (a.state !== b.state) return a.state < b.state ? -1 : 1;
  return (a.attempt ?? -1) - (b.attempt ?? -1) || Number(a.local) - Number(b.local);
}

/** Keys that become fields of the log record, or tell only how it reached the bridge. */
const notAttributes = new Set(['time', 'message', 'level', 'source.receiver', 'source.arrival']);

const localTimes = new Set(keys.filter(({ type }) => type === 'local_time').map(({ key }) => key));

/** Formats of records of any kind: a program that nobody knows may have made them. */
const openFormats = new Set<unknown>(['json', 'otlp']);

/** True for a record with text, and for one of a kind that nobody knows. */
export function isLog(record: WideRecord): boolean {
  return record['message'] !== undefined || isOfAnyKind(record);
}

/** Monitoring messages and metrics are known kinds, and what has known keys alone says it all to the model. */
function isOfAnyKind(record: WideRecord): boolean {
  if (record['parsl.message_type'] !== undefined || record['metric'] !== undefined) return false;
  if (!openFormats.has(record['source.format'])) return false;
  for (const key in record) if (findKey(key) === undefined) return true;
  return false;
}

/**
 * A record with text, or one of a kind that nobody knows: where that has no text its body is empty, and its attributes
 * say all. undefined for others.
 */
export function logLine(record: WideRecord, zone: Zone, resource: Resource): LogRecord | undefined {
  const said = text(record, 'message');
  if (said === undefined && !isOfAnyKind(record)) return undefined;
  const body = said ?? String(record['message'] ?? '');
  const level = text(record, 'level') ?? '';
  const severity = level in SeverityNumber ? (level as keyof typeof SeverityNumber) : undefined;
  const time = lineTime(record, zone) ?? 0n;
  const run = text(record, 'parsl.dfk');
  const task = number(record, 'parsl.task');
  const attempt = number(record, 'parsl.try');
  const ids = run === undefined || task === undefined ? undefined : taskId(run, task);
  return {
    timeUnixNano: time,
    observedTimeUnixNano: time,
    severityNumber: severity === undefined ? 0 : SeverityNumber[severity],
    severityText: level,
    body,
    eventName: '',
    attributes: lineAttributes(record),
    traceId: ids?.traceId ?? '',
    spanId:
      run !== undefined && task !== undefined && attempt !== undefined
        ? trySpanId(run, task, attempt)
        : (ids?.spanId ?? ''),
    resource,
  };
}

/** Lines by trace, then time, then all they say; equal ones count once. */
export function inOrder(lines: readonly LogRecord[]): LogRecord[] {
  const byKey = new Map(lines.map((line) => [lineKey(line), line]));
  return [...byKey].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, line]) => line);
}

function lineKey({ traceId, timeUnixNano, severityText, body, attributes }: LogRecord): string {
  return `${traceId}\n${timeUnixNano.toString().padStart(20, '0')}\n${body}\n${severityText}\n${stringify(attributes)}`;
}

/** When a record says that it was made, nanoseconds; undefined if it does not. `zone` is that of its naive times. */
export function lineTime(record: WideRecord, zone: Zone): bigint | undefined {
  const { time } = record;
  if (typeof time === 'bigint') return time;
  const local = timeOf(record, 'parsl.timestamp');
  return local === undefined ? undefined : toNanos(local - zone.offset(local));
}

function lineAttributes(record: WideRecord): Record<string, AttributeValue> {
  const kept: Record<string, AttributeValue> = {};
  for (const key in record) {
    const value = record[key];
    if (value === null || value === undefined || notAttributes.has(key)) continue;
    kept[key] = typeof value === 'number' && localTimes.has(key) ? formatLocalTime(value) : value;
  }
  const traceback = tracebackOf(text(record, 'message') ?? '');
  if (traceback === undefined) return kept;
  const { type, message, stacktrace } = traceback;
  return attributes({
    ...kept,
    'exception.type': type,
    'exception.message': message,
    'exception.stacktrace': stacktrace,
  });
}
