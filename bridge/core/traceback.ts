/** A Python traceback in the text of a log record. */
export interface Traceback {
  /** Of the exception that was raised last: `ValueError`, `parsl.errors.BadThing`; undefined where its end is missing. */
  readonly type: string | undefined;
  /** Its text; empty where it has none. */
  readonly message: string;
  /** From the first traceback on, with the exceptions that led to the last one. */
  readonly stacktrace: string;
}

const HEAD = 'Traceback (most recent call last):';
/** The line that ends a traceback: `ValueError: negative`, `KeyboardInterrupt`. */
const EXCEPTION = /^([A-Za-z_][\w.]*)(?::[ \t]*(.*))?$/;

export function tracebackOf(message: string): Traceback | undefined {
  const start = message.lastIndexOf(HEAD);
  if (start < 0) return undefined;
  // Frames and their source lines are indented, the exception is not; its text may have lines of its own.
  const end = message
    .slice(start + HEAD.length)
    .split('\n')
    .map((line) => EXCEPTION.exec(line))
    .find((parts) => parts !== null);
  const [, type, text = ''] = end ?? [];
  return { type, message: text, stacktrace: message.slice(message.indexOf(HEAD)) };
}
