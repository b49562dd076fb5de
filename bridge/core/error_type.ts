/**
 * The type of a failure (OpenTelemetry's `error.type`), from the text that Parsl tells: the leading identifier of
 * `task_fail_history`, which is the repr of an exception (`ValueError('...')`), or of the last line of a traceback
 * (`ValueError: ...`), else `_OTHER`. One rule, so that a span, a series in Prometheus and a group on the page have one
 * name.
 */
export function errorType(history: string | undefined): string {
  return /^[A-Za-z_][\w.]*(?=\()|^(?:\w+\.)*[A-Z]\w*(?=: |$)/.exec(history ?? '')?.[0] ?? '_OTHER';
}
