/**
 * The bridge's counts of itself, by the list that every component keeps (STYLE.md, point 29). They are shown on
 * /metrics and, where an OTLP endpoint is set, exported by @opentelemetry/sdk-node (telemetry.ts).
 */
import type { Attributes, Metric, Resource } from './signal.ts';
import { toNanos } from './time.ts';

export interface MeterSpec {
  readonly name: string;
  readonly unit: string;
  readonly kind: 'counter' | 'gauge';
  readonly attributes: readonly string[];
  readonly description: string;
}

const component = ['component'] as const;

/** The catalogue; docs/reference/metrics.md is generated from it too. */
export const meterSpecs = {
  received: meter('parsl.bridge.received', '{message}', 'counter', component, 'Messages that reached a receiver.'),
  receivedBytes: meter('parsl.bridge.received.size', 'By', 'counter', component, 'Bytes that reached a receiver.'),
  acknowledged: meter('parsl.bridge.acknowledged', '{record}', 'counter', component, 'Records that the journal holds.'),
  refused: meter(
    'parsl.bridge.refused',
    '{record}',
    'counter',
    component,
    'Records that were not taken; senders keep them.',
  ),
  undecodable: meter('parsl.bridge.undecodable', '{message}', 'counter', [...component, 'reason'], 'Input set aside.'),
  errors: meter(
    'parsl.bridge.errors',
    '{error}',
    'counter',
    [...component, 'code', 'reason'],
    'Trouble, by code and reason.',
  ),
  sent: meter('parsl.bridge.exported', '{item}', 'counter', component, 'Items that an exporter delivered.'),
  dropped: meter('parsl.bridge.dropped', '{item}', 'counter', [...component, 'reason'], 'Items given up.'),
  late: meter('parsl.bridge.late', '{record}', 'counter', [], 'Records about something that had closed.'),
  queueSize: meter('parsl.bridge.queue.size', '{item}', 'gauge', component, 'Items that wait for an exporter.'),
  queueLimit: meter('parsl.bridge.queue.limit', '{item}', 'gauge', component, 'Items that may wait.'),
  lag: meter('parsl.bridge.lag', 's', 'gauge', [], 'From the time an event was stamped to the time it was applied.'),
  lastReceived: meter('parsl.bridge.last_received', 's', 'gauge', component, 'Since a receiver last got anything.'),
  journalSize: meter('parsl.bridge.journal.size', 'By', 'gauge', [], 'Bytes in the journal.'),
  journalLimit: meter('parsl.bridge.journal.limit', 'By', 'gauge', [], 'Bytes that the journal may hold.'),
  openTasks: meter('parsl.bridge.open_tasks', '{task}', 'gauge', [], 'Tasks that the model holds.'),
  heldRecords: meter('parsl.bridge.held', '{record}', 'gauge', [], 'Log records that wait for what tells whose they are.'), // prettier-ignore
  unresolved: meter('parsl.bridge.unresolved', '{record}', 'counter', ['reason'], 'Log records let go without it, by what let them go.'), // prettier-ignore
  contradictions: meter('parsl.bridge.contradictions', '{record}', 'counter', [], 'Records that contradict others.'),
  twins: meter('parsl.bridge.twins', '{record}', 'counter', [], 'Log records dropped as the same as another.'),
  memory: meter('parsl.bridge.memory', 'By', 'gauge', [], 'Resident memory of the bridge.'),
} as const;

export type MeterName = keyof typeof meterSpecs;

interface Value {
  readonly labels: readonly string[];
  value: number;
}

export class Meters {
  readonly #values = new Map<MeterName, Map<string, Value>>();

  /** Adds to a counter; `labels` are the values of the spec's attributes, in order. */
  add(name: MeterName, labels: readonly string[], by = 1): void {
    this.#of(name, labels).value += by;
  }

  set(name: MeterName, labels: readonly string[], value: number): void {
    this.#of(name, labels).value = value;
  }

  /** A counter's value over all labels; for tests and the page. */
  total(name: MeterName): number {
    let sum = 0;
    for (const { value } of this.#values.get(name)?.values() ?? []) sum += value;
    return sum;
  }

  /** Every value with its attributes. */
  *read(name: MeterName): Generator<{ attributes: Attributes; value: number }> {
    const { attributes } = meterSpecs[name];
    for (const { labels, value } of this.#values.get(name)?.values() ?? [])
      yield { attributes: Object.fromEntries(attributes.map((key, index) => [key, labels[index] ?? ''])), value };
  }

  /** All of them as metrics, at `now` since `since`, microseconds. */
  collect(since: number, now: number, resource: Resource): Metric[] {
    const stamps = { startTimeUnixNano: toNanos(since), timeUnixNano: toNanos(now), stale: false };
    return (Object.keys(meterSpecs) as MeterName[]).map((key) => {
      const { name, unit, description, kind } = meterSpecs[key];
      const points = [...this.read(key)].map((point) => ({ ...point, ...stamps }));
      const base = { name, unit, description, resource, points };
      return kind === 'counter' ? { ...base, type: 'sum', monotonic: true } : { ...base, type: 'gauge' };
    });
  }

  #of(name: MeterName, labels: readonly string[]): Value {
    let values = this.#values.get(name);
    if (values === undefined) this.#values.set(name, (values = new Map<string, Value>()));
    const key = labels.join('\u0000');
    let value = values.get(key);
    if (value === undefined) values.set(key, (value = { labels, value: 0 }));
    return value;
  }
}

function meter(
  name: string,
  unit: string,
  kind: MeterSpec['kind'],
  attributes: readonly string[],
  description: string,
): MeterSpec {
  return { name, unit, kind, attributes, description };
}
