/**
 * The type of an error, from the text that Parsl tells: the leading identifier of `task_fail_history`, which is the
 * repr of an exception, else `_OTHER`. The mappers follow the same rule for `error.type` (DESIGN.md §6), so that a
 * group on the page and a series in Prometheus have one name.
 */
export function errorType(history: string | null): string | null {
  if (history === null || history === '') return null;
  return /^[A-Za-z_][\w.]*(?=\()/.exec(history)?.[0] ?? '_OTHER';
}
