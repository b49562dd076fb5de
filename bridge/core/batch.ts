/**
 * What a queue has to know of batches: how many items, how many bytes, and how to put several together.
 */
import type { ExportBatch } from './component.ts';

/** Items of all kinds; metrics count by their points, as OTLP does. */
export function itemsOf({ records, spans, logs, metrics, frames = [] }: ExportBatch): number {
  let items = records.length + spans.length + logs.length + frames.length;
  for (const { points } of metrics) items += points.length;
  return items;
}

/** One batch of several, in their order. */
export function merge(batches: readonly ExportBatch[]): ExportBatch {
  const [only] = batches;
  if (only !== undefined && batches.length === 1) return only;
  return {
    records: batches.flatMap(({ records }) => records),
    spans: batches.flatMap(({ spans }) => spans),
    logs: batches.flatMap(({ logs }) => logs),
    metrics: batches.flatMap(({ metrics }) => metrics),
    frames: batches.flatMap(({ frames = [] }) => frames),
  };
}

const SAMPLE_ITEMS = 8;
/** What a span, log or point takes beside its texts: the object, its times and its place in arrays. */
const ITEM_BYTES = 250;
const ENTRY_BYTES = 24;

/** What a batch takes in memory, from a sample spread over it: to look at every value would cost more than to send it. */
export function estimateBytes({ records, spans, logs, metrics, frames = [] }: ExportBatch): number {
  return (
    sampled(records, textBytes) +
    sampled(spans, ({ attributes, links }) => textBytes(attributes) + links.length * ITEM_BYTES) +
    sampled(logs, ({ attributes, body }) => textBytes(attributes) + 2 * body.length) +
    sampled(metrics, ({ points }) => points.length * 2 * ITEM_BYTES) +
    frames.reduce((bytes, { payload }) => bytes + ITEM_BYTES + payload.length, 0)
  );
}

function sampled<T>(items: readonly T[], bytesOf: (item: T) => number): number {
  const step = Math.max(1, Math.floor(items.length / SAMPLE_ITEMS));
  let bytes = 0;
  let looked = 0;
  for (let index = 0; index < items.length; index += step) {
    const item = items[index];
    if (item === undefined) continue;
    bytes += ITEM_BYTES + bytesOf(item);
    looked += 1;
  }
  return looked === 0 ? 0 : Math.ceil((bytes / looked) * items.length);
}

function textBytes(values: Readonly<Record<string, unknown>>): number {
  let bytes = 0;
  for (const key in values) {
    const value = values[key];
    bytes += ENTRY_BYTES + (typeof value === 'string' ? value.length : 0);
  }
  return bytes;
}
