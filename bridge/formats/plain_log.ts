/**
 * Text that no logger wrote: what a batch job, a task or some program printed, and the script that started the job. It
 * has no times; `LEVEL:logger:` in front, Python's way where nobody has set up logging, is understood. Lines of one
 * traceback are one record (log_records.ts).
 */
import { canonicalValue } from '../core/keys.ts';
import type { WideRecord } from '../core/record.ts';
import { startsRecord } from './log_records.ts';
import { forEachLine, newRecord, put, type LogFormat, type LogText } from './log_text.ts';

const BASIC = /^(DEBUG|INFO|WARNING|ERROR|CRITICAL):([\w.]+):/;

export function decodePlainText(chunk: LogText, format: LogFormat): void {
  const { bytes, constants, records } = chunk;
  let record: WideRecord | undefined;
  let lines: string[] = [];
  let last = 0;
  const end = (): void => {
    if (record === undefined) return;
    record['message'] = lines.join('\n').trimEnd();
    if (record['message'] !== '') records.push(record);
  };
  forEachLine(chunk, (from, to, line) => {
    const text = bytes.toString('utf8', from, to);
    const previous = line > last + 1 ? '' : lines.at(-1);
    if (record !== undefined && !startsRecord(format, text, previous)) {
      for (let blank = last + 1; blank < line; blank++) lines.push('');
      lines.push(text);
    } else {
      end();
      record = newRecord(constants, line);
      const parts = BASIC.exec(text);
      if (parts !== null) record['level'] = canonicalValue('level', parts[1] ?? '');
      put(record, 'log.logger', parts?.[2]);
      lines = [text.slice(parts?.[0].length ?? 0)];
    }
    last = line;
  });
  end();
}

/** `parsl.<executor>[.block-B].<epoch>.sh`: Parsl names a script by the second in which it made it. */
const MADE_AT = /\.(\d{9,11}(?:\.\d+)?)\.(?:sh|submit)$/;

/** A script is one record. */
export function decodeSubmitScript({ bytes, line, constants, records }: LogText): void {
  const record = newRecord(constants, line);
  const seconds = MADE_AT.exec(String(constants['source.path']))?.[1];
  if (seconds !== undefined) record['time'] = canonicalValue('nanos', Number(seconds));
  record['message'] = bytes.toString('utf8').trimEnd();
  if (record['message'] !== '') records.push(record);
}
