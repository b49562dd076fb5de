/** Records in, spans out: the only place in the tests that knows how an engine is fed. */
import { createHash } from 'node:crypto';

import type { WideRecord } from '../../bridge/core/record.ts';
import type { AttributeValue, LogRecord, Metric, NumberPoint, Span } from '../../bridge/core/signal.ts';
import type { EngineCounts, EngineOptions } from '../../bridge/engine.ts';
import { Engine } from '../../bridge/engine.ts';
import { toOtlpJson } from '../../bridge/exporters/otlp_json.ts';
import { decodeFrames } from '../../bridge/formats/frames.ts';
import { recordedFrames } from './fixtures.ts';

export interface Folded {
  readonly spans: Span[];
  readonly logs: LogRecord[];
  readonly metrics: Metric[];
  readonly counts: EngineCounts;
  readonly engine: Engine;
}

const decoded = new Map<string, readonly WideRecord[]>();

/** The records of a recording's capture, in the order in which they arrived. */
export function recorded(name: string, file = 'messages.bin'): readonly WideRecord[] {
  const key = `${name}/${file}`;
  let records = decoded.get(key);
  if (records === undefined) {
    const { records: made, problems } = decodeFrames(recordedFrames(name, file), 'test');
    if (problems.length > 0) throw new Error(`${key} does not decode`);
    decoded.set(key, (records = made));
  }
  return records;
}

/** All that the records give when everything closes at their end, as `convert` does it. */
export function fold(records: readonly WideRecord[], options: Partial<EngineOptions> = {}): Folded {
  const engine = new Engine({ closing: 'end', ...options });
  engine.apply(records, 0);
  const { spans, logs } = engine.finish();
  return { spans, logs, metrics: engine.collect(undefined), counts: engine.counts, engine };
}

/** A live engine under a clock of its own; everything it gives is kept. */
export class LiveEngine {
  readonly engine: Engine;
  readonly spans: Span[] = [];
  readonly logs: LogRecord[] = [];

  constructor(options: Partial<EngineOptions> = {}) {
    this.engine = new Engine({ closing: 'live', ...options });
  }

  /** Records that arrive together at `now`, or each at its own arrival. */
  apply(records: readonly WideRecord[], now?: number): this {
    if (now !== undefined) return this.#keep(this.engine.apply(records, now));
    for (const record of records) this.#keep(this.engine.apply([record], arrivalOf(record)));
    return this;
  }

  /** The clock moves on, through every deadline on the way, as the bridge's ticks do. */
  tick(now: number): this {
    while (this.engine.nextDeadline < now) this.#keep(this.engine.tick(this.engine.nextDeadline));
    return this.#keep(this.engine.tick(now));
  }

  finish(run?: string): this {
    return this.#keep(this.engine.finish(run));
  }

  /** Names of the spans so far, with the try they are of. */
  names(): string[] {
    return this.spans.map(({ name }) => name);
  }

  #keep({ spans, logs }: { spans: readonly Span[]; logs: readonly LogRecord[] }): this {
    this.spans.push(...spans);
    this.logs.push(...logs);
    return this;
  }
}

export function arrivalOf(record: WideRecord): number {
  const arrival = record['source.arrival'];
  if (typeof arrival !== 'number') throw new Error('a record without arrival');
  return arrival;
}

/** The spans whose attributes have all of these values. */
export function where(spans: readonly Span[], wanted: Readonly<Record<string, AttributeValue>>): Span[] {
  return spans.filter(({ attributes }) => Object.entries(wanted).every(([key, value]) => attributes[key] === value));
}

/** The one span that has these attributes. */
export function only(spans: readonly Span[], wanted: Readonly<Record<string, AttributeValue>>): Span {
  const [found, ...others] = where(spans, wanted);
  if (found === undefined || others.length > 0)
    throw new Error(`${others.length === 0 ? 'no span' : 'several spans'} with ${JSON.stringify(wanted)}`);
  return found;
}

/** All points of a metric of numbers. */
export function pointsOf(metrics: readonly Metric[], name: string): NumberPoint[] {
  return metrics.flatMap((metric) => (metric.name === name && metric.type !== 'histogram' ? metric.points : []));
}

/** The value of one point of a metric; undefined where there is none. */
export function pointValue(
  metrics: readonly Metric[],
  name: string,
  wanted: Readonly<Record<string, AttributeValue>> = {},
): number | undefined {
  for (const metric of metrics) {
    if (metric.name !== name || metric.type === 'histogram') continue;
    for (const { attributes, value } of metric.points)
      if (Object.entries(wanted).every(([key, expected]) => attributes[key] === expected)) return value;
  }
  return undefined;
}

/** A span as JSON, for comparing bytes; a resource is written out. */
export function asText(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) => (typeof inner === 'bigint' ? inner.toString() : inner));
}

/** The digest of all lines that convert would write for records that come in these batches. */
export function bytesOf(batches: readonly (readonly WideRecord[])[]): string {
  const hash = createHash('sha256');
  const engine = new Engine({ closing: 'end' });
  for (const records of batches) engine.apply(records, 0);
  const output = engine.finish();
  for (const line of toOtlpJson({ ...output, records: [], metrics: engine.collect(undefined) })) hash.update(line);
  return hash.digest('hex');
}

/** A generator of numbers from 0 to 1 that gives the same ones for the same seed (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function shuffled<T>(items: readonly T[], random: () => number): T[] {
  const result = [...items];
  for (let i = result.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    const moved = result[i]!;
    result[i] = result[j]!;
    result[j] = moved;
  }
  return result;
}

/** Cut into pieces of 1 to `max` items. */
export function batched<T>(items: readonly T[], max: number, random: () => number): T[][] {
  const batches: T[][] = [];
  for (let start = 0; start < items.length;) {
    const end = start + 1 + Math.floor(random() * max);
    batches.push(items.slice(start, end));
    start = end;
  }
  return batches;
}
