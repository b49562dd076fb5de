/**
 * Text logs of Parsl and of its friends in Python's logging, in all their layouts (text_layouts.ts), line by line or
 * over many: a configuration that is printed, a traceback. The text of a record is all of its lines without the prefix.
 */
import type { WideRecord } from '../core/record.ts';
import { forEachLine, newRecord, note, type LogText } from './log_text.ts';
import { withoutPayload } from './payload.ts';
import { Clock, layoutOf, type Layout } from './text_layouts.ts';

export function decodeParslTextLog(chunk: LogText): void {
  const { bytes, constants, records } = chunk;
  const clock = new Clock();
  let likely: Layout | undefined;
  let record: WideRecord | undefined;
  let lines: string[] = [];
  let last = 0;

  function end(): void {
    if (record === undefined) return;
    record['message'] = withoutPayload(lines.length === 1 ? (lines[0] ?? '') : lines.join('\n').trimEnd(), record);
    records.push(record);
  }

  forEachLine(chunk, (from, to, line) => {
    const text = bytes.toString('utf8', from, to);
    const found = layoutOf(text, likely);
    if (found === undefined) {
      if (record === undefined) {
        record = newRecord(constants, line);
        note(record, 'a line without the beginning of its record');
        last = line - 1;
      }
      for (let blank = last + 1; blank < line; blank++) lines.push('');
      lines.push(text);
      last = line;
      return;
    }
    end();
    ({ layout: likely } = found);
    record = newRecord(constants, line);
    likely.take(record, found.parts, clock);
    lines = [text.slice(found.parts[0].length)];
    last = line;
  });
  end();
}
