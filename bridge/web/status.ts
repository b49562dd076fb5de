/**
 * What can be said of a run as a whole. That a run has not ended cannot be seen from its last message: after the
 * submit process was killed, managers and samplers live on and keep writing. Only TASK_INFO comes from the submit
 * process, so only its silence tells, and it does no more than hint: a run of long tasks is as silent.
 */
import type { RunSummary } from '../store/store.ts';

/** `unfinished`: it was closed without an end message having come. */
export type RunStatus = 'running' | 'silent' | 'completed' | 'unfinished';

/** Silence of the submit process after which a run is no longer called running. */
export const SILENT_AFTER_US = 180_000_000;

export interface RunItem extends RunSummary {
  readonly status: RunStatus;
  /** Last word of the submit process; null unless the status is `silent`. */
  readonly silent_since: number | null;
}

export function withStatus<T extends RunSummary>(run: T, now: number): T & RunItem {
  const heard = run.last_task_info ?? run.last_seen;
  const status = statusOf(run, now - heard);
  return { ...run, status, silent_since: status === 'silent' ? heard : null };
}

function statusOf(run: RunSummary, silence: number): RunStatus {
  if (run.completed !== null) return 'completed';
  if (run.closed) return 'unfinished';
  return silence > SILENT_AFTER_US ? 'silent' : 'running';
}
