/**
 * Parsl's states (parsl/dataflow/states.py) and the lane each belongs to. The submit side and the worker tell of a
 * try by two paths that race, so their states are never merged into one list (DESIGN.md §3).
 */
export type Lane = 'submit' | 'execution';

/** Every state that Parsl knows, in the order that charts stack them. */
export const taskStates = [
  'unsched',
  'pending',
  'launched',
  'running',
  'running_ended',
  'joining',
  'fail_retryable',
  'exec_done',
  'memo_done',
  'failed',
  'dep_fail',
] as const;

/** `done` is Parsl 1.0's, see shownState() in fold.ts. */
const final = new Set(['exec_done', 'memo_done', 'failed', 'dep_fail', 'done']);
const failed = new Set(['failed', 'dep_fail', 'fail_retryable']);
const returned = new Set(['exec_done', 'failed', 'fail_retryable', 'joining', 'done']);

/** A task in this state will not change any more. */
export function isFinal(state: string): boolean {
  return final.has(state);
}

/** The task or try ended badly. */
export function isFailure(state: string): boolean {
  return failed.has(state);
}

/** A status of this kind says that the executor has given the try back. */
export function isReturn(state: string): boolean {
  return returned.has(state);
}

export function laneOf(state: string): Lane {
  return state === 'running' || state === 'running_ended' ? 'execution' : 'submit';
}

/** Block states (parsl/jobs/states.py) after which the batch job is gone. */
const blockEnds = new Set(['CANCELLED', 'COMPLETED', 'FAILED', 'TIMEOUT', 'MISSING', 'SCALED_IN']);

export const blockStates = ['PENDING', 'RUNNING', 'HELD', 'UNKNOWN', ...blockEnds] as const;

export function isBlockEnd(state: string): boolean {
  return blockEnds.has(state);
}
