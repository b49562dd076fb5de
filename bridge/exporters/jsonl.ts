/**
 * jsonl: appends wide records to a file, one JSON object a line, after all operators. What it writes, the jsonl receiver
 * and `parsl-otel convert` read back without loss: local times as ISO 8601 text without a zone, instants as text with
 * one, nanoseconds as an integer in text.
 */
import { z } from 'zod';

import { defineExporter } from '../core/component.ts';
import { findKey } from '../core/keys.ts';
import { lineFile } from '../core/line_file.ts';
import type { Value, WideRecord } from '../core/record.ts';
import { stringify } from '../core/record.ts';
import { formatLocalTime } from '../core/time.ts';

const config = z.strictObject({
  path: z.string().min(1).describe('File to append to; it may be moved away at any time.'),
});

export const jsonl = defineExporter({
  type: 'jsonl',
  summary: 'Appends wide records to a file, one JSON object a line.',
  config,
  wants: ['records'],
  create({ path }, context) {
    const file = lineFile(path);
    return {
      start: () => file.open(),
      async export({ records }) {
        await file.append(records.map(recordLine));
        context.count('sent', records.length);
      },
      stop: () => file.close(),
    };
  },
});

/** A record as one line of JSON, without its newline. */
export function recordLine(record: WideRecord): string {
  // No prototype, or a key of that name would set it.
  const written = Object.create(null) as WideRecord;
  for (const key in record) {
    const value = record[key];
    if (value !== undefined) written[key] = writtenValue(key, value);
  }
  return stringify(written);
}

function writtenValue(key: string, value: Value): Value {
  if (typeof value !== 'number') return value;
  const type = findKey(key)?.type;
  if (type !== 'local_time' && type !== 'instant') return value;
  if (!Number.isSafeInteger(value)) return value; // No count of microseconds.
  return type === 'instant' ? `${formatLocalTime(value)}Z` : formatLocalTime(value);
}
