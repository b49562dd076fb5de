/** How a file is to be read, by its first bytes. Pure. */
import type { LogFormat } from './log_text.ts';
import { isTextLog } from './text_layouts.ts';

const contents: readonly (readonly [RegExp, LogFormat])[] = [
  [/^# time (?:manager|master)_pid (?:MANAGER|MASTER) manager_pid /, 'taskvine_transactions'],
  [/^# time (?:manager|master)_pid /, 'work_queue_transactions'],
  [/^\d{13,17} \d+ MANAGER \d+ /, 'taskvine_transactions'],
  [/^\d{13,17} \d+ (?:MANAGER|MASTER|WORKER|CATEGORY|TASK) /, 'work_queue_transactions'],
  [/^# timestamp workers_\w+ .*\bworkers_slow\b/, 'taskvine_performance'],
  [/^# timestamp workers_\w+ /, 'work_queue_performance'],
  [/^# taskvine taskgraph/, 'taskvine_taskgraph'],
  [/^\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d\.\d\d vine_\w+\[/, 'taskvine_debug'],
  [/^\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d\.\d\d \S+\[\d+\] ?[\w-]+: /, 'work_queue_debug'],
];

/** True if nothing can be told of a file that begins with `head`: nothing but blanks and NULs was written yet. */
export function isBlank(head: Uint8Array): boolean {
  return head.every((byte) => byte === 0 || byte === 0x20 || (byte >= 0x09 && byte <= 0x0d));
}

/**
 * How a file that begins with `head` is to be read, by its content; `text` where that tells nothing. undefined for a file
 * that is blank so far or holds no text. NULs where nothing was written do not make a log that is known another thing.
 */
export function sniff(head: Uint8Array): LogFormat | undefined {
  const text = Buffer.from(head).toString('utf8');
  const first = text.replaceAll('\0', '').trimStart();
  if (first === '') return undefined; // Nothing can be told of it yet.
  const format = formatOf(first);
  return format === 'text' && !isText(text) ? undefined : format;
}

/** Control characters that no text has, and what is no UTF-8. */
const NO_TEXT = /[\u0001-\u0007\u000e-\u001a\u001c-\u001f\u007f\ufffd]/g;
/** A program may print some such bytes. */
const NO_TEXT_SHARE = 0.1;

function isText(text: string): boolean {
  return !text.includes('\0') && (text.match(NO_TEXT)?.length ?? 0) <= text.length * NO_TEXT_SHARE;
}

function formatOf(first: string): LogFormat {
  if (first.startsWith('{')) {
    const line = first.slice(0, first.indexOf('\n') === -1 ? undefined : first.indexOf('\n'));
    return /"created":/.test(line) && /"levelname":/.test(line) ? 'parsl_json_log' : 'json';
  }
  const known = contents.find(([pattern]) => pattern.test(first));
  if (known !== undefined) return known[1];
  if (isTextLog(first)) return 'parsl_text_log';
  return 'text';
}
