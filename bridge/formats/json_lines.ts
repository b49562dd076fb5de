/**
 * JSON lines of any kind in a log file: records that nobody has seen before are records. What ndjson.ts takes in a body
 * is taken here line by line, so that each record knows its line.
 */
import type { WideRecord } from '../core/record.ts';
import { asLineError, forEachLine, type LogText } from './log_text.ts';
import { addRecords } from './ndjson.ts';
import { parseJson } from './json.ts';

export function decodeJsonLines({ bytes, constants, records, refuse, line: first }: LogText): void {
  const origin = { receiver: String(constants['source.receiver']), arrival: Number(constants['source.arrival'] ?? 0) };
  forEachLine({ bytes, line: first }, (start, end, line) => {
    try {
      const added: WideRecord[] = [];
      addRecords(parseJson(bytes.subarray(start, end)), origin, added);
      for (const record of added) {
        // What the line itself says of its source is kept: another bridge may have written it.
        for (const key in constants) record[key] ??= constants[key] ?? null;
        record['source.line'] ??= line;
        records.push(record);
      }
    } catch (error) {
      refuse(line, start, end, asLineError(error, 'read JSON', 'json'));
    }
  });
}
