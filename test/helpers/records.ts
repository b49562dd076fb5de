/**
 * Wide records as Parsl's messages give them, for tests that need a case no recording has. Times are seconds after
 * `t0`, the run's clocks run in UTC, and every record arrives a millisecond after it was made.
 */
import type { Value, WideRecord } from '../../bridge/core/record.ts';

export const RUN = '00000000-0000-4000-8000-000000000001';

/** 2026-01-02 03:04:05 UTC, microseconds. */
export const t0 = Date.UTC(2026, 0, 2, 3, 4, 5) * 1000;

export type More = Record<string, Value>;

/** Seconds after t0 as microseconds since the epoch. */
export function at(seconds: number): number {
  return t0 + Math.round(seconds * 1e6);
}

/** Seconds after t0 as nanoseconds since the epoch, as spans have them. */
export function nanos(seconds: number): bigint {
  return BigInt(at(seconds)) * 1000n;
}

function message(type: string, run: string, seconds: number, more: More): WideRecord {
  return {
    'parsl.message_type': type,
    'parsl.dfk': run,
    'parsl.timestamp': at(seconds),
    'source.arrival': at(seconds) + 1000,
    ...more,
  };
}

/** WORKFLOW_INFO has no timestamp of its own. */
function workflowInfo(run: string, seconds: number, more: More): WideRecord {
  const record = message('WORKFLOW_INFO', run, seconds, more);
  delete record['parsl.timestamp'];
  return record;
}

/** The messages of one run. */
export function runOf(run: string) {
  return {
    /** WORKFLOW_INFO at the start. */
    begin(seconds: number, more: More = {}): WideRecord {
      return workflowInfo(run, seconds, {
        'parsl.workflow_info.python_version': '3.13.0',
        'parsl.workflow_info.workflow_name': 'study',
        'parsl.workflow_info.host': 'login',
        'parsl.workflow_info.time_began': at(seconds),
        ...more,
      });
    },
    /** WORKFLOW_INFO at the end. */
    end(seconds: number): WideRecord {
      return workflowInfo(run, seconds, {
        'parsl.workflow_info.time_completed': at(seconds),
      });
    },
    /** TASK_INFO; `invoked`, `launched`, `returned` and `ended` are its four times, seconds after t0. */
    task(
      task: number,
      attempt: number | undefined,
      state: string,
      seconds: number,
      times: Times = {},
      more: More = {},
    ) {
      return message('TASK_INFO', run, seconds, {
        'parsl.task': task,
        ...(attempt === undefined ? {} : { 'parsl.try': attempt }),
        'parsl.task_state': state,
        'parsl.app_name': 'simulate',
        'parsl.executor': 'htex',
        'parsl.task_time_invoked': time(times.invoked),
        'parsl.task_try_time_launched': time(times.launched),
        'parsl.task_try_time_returned': time(times.returned),
        'parsl.task_time_returned': time(times.ended),
        ...more,
      });
    },
    /** WORKER_TASK_INFO: `running` or `running_ended`. */
    worker(
      task: number,
      attempt: number | undefined,
      state: 'running' | 'running_ended',
      seconds: number,
      more: More = {},
    ) {
      return message('WORKER_TASK_INFO', run, seconds, {
        'parsl.task': task,
        ...(attempt === undefined ? {} : { 'parsl.try': attempt }),
        'parsl.task_state': state,
        [state === 'running' ? 'parsl.first_msg' : 'parsl.last_msg']: true,
        'host.name': 'node1',
        'parsl.block': '0',
        ...more,
      });
    },
    /** RESOURCE_INFO: seconds of CPU time and bytes of memory so far. */
    sample(task: number, attempt: number | undefined, seconds: number, cpu: number, memory: number, more: More = {}) {
      return message('RESOURCE_INFO', run, seconds, {
        'parsl.task': task,
        ...(attempt === undefined ? {} : { 'parsl.try': attempt }),
        'host.name': 'node1',
        psutil_process_time_user: cpu,
        psutil_process_time_system: 0,
        psutil_process_memory_resident: memory,
        ...more,
      });
    },
    /** BLOCK_INFO. */
    block(executor: string, block: string, state: string, seconds: number, more: More = {}) {
      return message('BLOCK_INFO', run, seconds, {
        'parsl.executor': executor,
        'parsl.block': block,
        'parsl.block_state': state,
        ...more,
      });
    },
    /** NODE_INFO. */
    manager(manager: string, seconds: number, more: More = {}) {
      return message('NODE_INFO', run, seconds, {
        'parsl.manager': manager,
        'parsl.block': '0',
        'host.name': 'node1',
        'parsl.manager_info.worker_count': 4,
        'parsl.manager_info.active': true,
        'parsl.manager_info.draining': false,
        'parsl.manager_info.tasks': '',
        ...more,
      });
    },
    /** One try from its launch to the end of the task, as four messages and two of the worker's. */
    whole(task: number, start: number, end: number): WideRecord[] {
      const times = { invoked: start };
      const launched = { ...times, launched: start + 0.1 };
      return [
        this.task(task, 0, 'pending', start, times),
        this.task(task, 0, 'launched', start + 0.11, launched),
        this.worker(task, 0, 'running', start + 0.2),
        this.worker(task, 0, 'running_ended', end - 0.1),
        this.task(task, 0, 'exec_done', end, { ...launched, returned: end - 0.05, ended: end - 0.02 }),
      ];
    },
  };
}

export interface Times {
  readonly invoked?: number;
  readonly launched?: number;
  readonly returned?: number;
  readonly ended?: number;
}

function time(seconds: number | undefined): Value {
  return seconds === undefined ? null : at(seconds);
}

/** The messages of the run `RUN`. */
export const parsl = runOf(RUN);
