/** Where a record of a log begins: the one answer for whoever cuts a file into chunks and whoever decodes them. Pure. */
import type { LogFormat } from './log_text.ts';
import { layoutOf } from './text_layouts.ts';

/** Formats whose records may have several lines. In the others each line is one. */
const manyLines: ReadonlySet<LogFormat> = new Set([
  'parsl_text_log', 'work_queue_debug', 'taskvine_debug', 'submit_script', 'batch_output', 'text',
]); // prettier-ignore

const DEBUG_LINE = /^\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d\.\d\d /;
/** What Python prints between and above the parts of a traceback. */
const TRACEBACK = /^(?:Traceback \(most recent call last\)|The above exception was|During handling of the above)/;
/** Only such a line can be the last one of a traceback: `ValueError: …`, `package.SomeError`. */
const EXCEPTION = /^[A-Za-z_][\w.]*(?::|$)/;

export function hasManyLines(format: LogFormat): boolean {
  return manyLines.has(format);
}

/** True if a record begins with `line`; `previous` is the line before it, undefined at the beginning of the file. */
export function startsRecord(format: LogFormat, line: string, previous: string | undefined): boolean {
  switch (format) {
    case 'parsl_text_log':
      return layoutOf(line) !== undefined;
    case 'work_queue_debug':
    case 'taskvine_debug':
      return DEBUG_LINE.test(line);
    case 'submit_script':
      return previous === undefined;
    case 'batch_output':
    case 'text':
      return startsPlain(line, previous);
    default:
      return true;
  }
}

/** Free text: what is indented, blank or part of a traceback belongs to what stands before it. */
function startsPlain(line: string, previous: string | undefined): boolean {
  if (previous === undefined) return true;
  if (line === '' || line.startsWith(' ') || line.startsWith('\t') || TRACEBACK.test(line)) return false;
  return !(/^[ \t]/.test(previous) && EXCEPTION.test(line));
}
