/** The two enums that Parsl's monitoring messages refer to (parsl/monitoring/message_type.py, parsl/dataflow/states.py). */
export const messageTypes: ReadonlyMap<number, string> = new Map([
  [0, 'TASK_INFO'],
  [1, 'RESOURCE_INFO'],
  [2, 'WORKFLOW_INFO'],
  [3, 'NODE_INFO'],
  [4, 'BLOCK_INFO'],
  [5, 'WORKER_TASK_INFO'],
]);

/** Parsl 1.0 calls 3 `done`; since then it is exec_done. */
export const taskStates: ReadonlyMap<number, string> = new Map([
  [-1, 'unsched'],
  [0, 'pending'],
  [2, 'running'],
  [3, 'exec_done'],
  [4, 'failed'],
  [5, 'dep_fail'],
  [7, 'launched'],
  [8, 'fail_retryable'],
  [9, 'memo_done'],
  [10, 'joining'],
  [11, 'running_ended'],
]);
