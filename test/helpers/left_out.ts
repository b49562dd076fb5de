/**
 * What this machine cannot test is said in one line; in CI (PARSL_OTEL_CI) nothing may be left out, so there it throws.
 * A suite that is left out as a whole skips itself afterwards.
 */
export function leaveOut(what: string, cause?: unknown): void {
  if (process.env['PARSL_OTEL_CI'] !== undefined) throw new Error(`cannot test ${what}`, { cause });
  console.error(`Left out: ${what}.`);
}
