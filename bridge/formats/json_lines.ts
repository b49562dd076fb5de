/**
 * JSON lines of any kind in a log file: records that nobody has seen before are records. What ndjson.ts takes in a body
 * is taken here line by line, so that each record knows its line.
 */
import type { WideRecord } from '../core/record.ts';
import { asLineError, forEachLine, saidKey, type LogText } from './log_text.ts';
import { addRecords } from './ndjson.ts';
import { parseJson } from './json.ts';

export function decodeJsonLines({ bytes, constants, records, refuse, line: first }: LogText): void {
  const origin = { receiver: String(constants['source.receiver']), arrival: Number(constants['source.arrival'] ?? 0) };
  forEachLine({ bytes, line: first }, (start, end, line) => {
    try {
      const added: WideRecord[] = [];
      const json = parseJson(bytes.subarray(start, end));
      const wasRecord = isRecord(json);
      addRecords(json, origin, added);
      for (const said of added) {
        const record = wasRecord ? said : withSaidKeys(said, constants);
        for (const key in constants) record[key] ??= constants[key] ?? null;
        record['source.line'] ??= line;
        records.push(record);
      }
    } catch (error) {
      refuse(line, start, end, asLineError(error, 'read JSON', 'json'));
    }
  });
}

/** True for a record that a bridge has written: where it is from is what it says. */
function isRecord(json: unknown): boolean {
  return typeof json === 'object' && json !== null && 'source.receiver' in json;
}

/**
 * The record, in which what the line says of its own source stands under other keys; but whose log it is it may say where
 * its file does not tell.
 */
function withSaidKeys(record: WideRecord, constants: WideRecord): WideRecord {
  const isFree = (constants['source.log'] ?? 'other') === 'other';
  const isOurs = (key: string): boolean =>
    key === 'source.note' || (key === 'source.log' && isFree) || record[key] === constants[key] || saidKey(key) === key;
  const keys = Object.keys(record);
  if (keys.every(isOurs)) return record;
  return Object.fromEntries(keys.map((key) => [isOurs(key) ? key : saidKey(key), record[key] ?? null]));
}
