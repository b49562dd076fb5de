/**
 * What users gave to their tasks does not belong into records: Globus Compute's endpoint at debug level logs every task
 * message whole, function and arguments in it (`"task_buffer":"482\\n01\\ngASV…"`). Here it is cut out, and the record
 * says so. Pure.
 */
import type { WideRecord } from '../core/record.ts';
import { note } from './log_text.ts';

const KEYS = ['"task_buffer"', '"result_buffer"'];
/** A shorter message has no room for one. */
const MESSAGE_MIN = 64;

/** The message without payloads; what was cut is noted in the record. */
export function withoutPayload(message: string, record: WideRecord): string {
  if (message.length < MESSAGE_MIN || !KEYS.some((key) => message.includes(key))) return message;
  let result = '';
  let done = 0;
  let cut = 0;
  for (let at = next(message, 0); at !== undefined; at = next(message, done)) {
    const end = stringEnd(message, at);
    result += `${message.slice(done, at)}…`;
    cut += end - at;
    done = end;
  }
  note(record, `cut ${cut} characters of task payload from the message`);
  return result + message.slice(done);
}

/** Where the next payload begins, behind its opening quote. */
function next(message: string, from: number): number | undefined {
  const found = KEYS.map((key) => ({ key, at: message.indexOf(key, from) })).filter(({ at }) => at !== -1);
  const [first] = found.sort((a, b) => a.at - b.at);
  if (first === undefined) return undefined;
  const quote = message.indexOf('"', first.at + first.key.length);
  return quote === -1 ? undefined : quote + 1;
}

/** Where the string ends in which `from` lies: at its closing quote, or at the end of a message that was cut off. */
function stringEnd(message: string, from: number): number {
  for (let at = message.indexOf('"', from); at !== -1; at = message.indexOf('"', at + 1)) {
    let backslashes = 0;
    while (message[at - 1 - backslashes] === '\\') backslashes++;
    if (backslashes % 2 === 0) return at;
  }
  return message.length;
}
