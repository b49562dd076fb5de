/**
 * The catalogue of metrics (DESIGN.md §7): names and units by OpenTelemetry's rules, modelled on cicd.*. The page
 * docs/reference/metrics.md is generated from it.
 */
export interface Instrument {
  readonly name: string;
  readonly unit: string;
  readonly kind: 'gauge' | 'counter' | 'updown' | 'histogram';
  /** Attribute names of its points, in order. */
  readonly attributes: readonly string[];
  readonly description: string;
  readonly bounds?: readonly number[];
}

/** From an instant no-op to a week: tasks last from milliseconds to days. */
const seconds = [0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 900, 1800, 3600, 7200, 14400, 43200, 86400, 604800];

/** 1 MiB to 1 TiB. */
const bytes = [20, 23, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 40].map((power) => 2 ** power);

const run = ['run', 'workflow'] as const;

/** Only blocks that someone should look at are series of their own. `job_id` is the batch job's: Prometheus has a `job`. */
const oddBlock = [...run, 'executor', 'block', 'job_id', 'state'] as const;

export const instruments = {
  tasks: {
    name: 'parsl.tasks',
    unit: '{task}',
    kind: 'updown',
    attributes: [...run, 'state'],
    description: 'Tasks in each state.',
  },
  runnable: {
    name: 'parsl.tasks.runnable',
    unit: '{task}',
    kind: 'updown',
    attributes: [...run, 'executor'],
    description: 'Tasks with dependencies met that no worker has started.',
  },
  taskDuration: {
    name: 'parsl.task.duration',
    unit: 's',
    kind: 'histogram',
    attributes: [...run, 'app', 'outcome'],
    description: 'From the call of an app to the end of its task; of tasks whose call and end were observed.',
    bounds: seconds,
  },
  tryDuration: {
    name: 'parsl.try.duration',
    unit: 's',
    kind: 'histogram',
    attributes: [...run, 'executor', 'app', 'outcome'],
    description: 'From the launch of a try to its return; of tries whose launch and return were observed.',
    bounds: seconds,
  },
  queueDuration: {
    name: 'parsl.try.queue.duration',
    unit: 's',
    kind: 'histogram',
    attributes: [...run, 'executor', 'app', 'outcome'],
    description: 'From the launch of a try to its start on a worker; of tries of which both were observed.',
    bounds: seconds,
  },
  queueOldest: {
    name: 'parsl.try.queue.oldest',
    unit: 's',
    kind: 'gauge',
    attributes: [...run, 'executor'],
    description: 'How long the try that has waited longest for a worker has waited; 0 where none waits.',
  },
  tryFailures: {
    name: 'parsl.try.failures',
    unit: '{try}',
    kind: 'counter',
    attributes: [...run, 'executor', 'app', 'error.type'],
    description: 'Tries that failed.',
  },
  runActive: {
    name: 'parsl.run.active',
    unit: '{run}',
    kind: 'updown',
    attributes: [...run],
    description: '1 while the run has not ended.',
  },
  runSilence: {
    name: 'parsl.run.silence',
    unit: 's',
    kind: 'gauge',
    attributes: [...run],
    description: 'Since the last TASK_INFO of an active run: all that tells of a dead submit process.',
  },
  workers: {
    name: 'parsl.workers',
    unit: '{worker}',
    kind: 'updown',
    attributes: [...run, 'executor', 'state'],
    description: 'Workers of live managers.',
  },
  managers: {
    name: 'parsl.managers',
    unit: '{manager}',
    kind: 'updown',
    attributes: [...run, 'executor', 'state'],
    description: 'Managers, live and gone.',
  },
  blocks: {
    name: 'parsl.blocks',
    unit: '{block}',
    kind: 'updown',
    attributes: [...run, 'executor', 'state'],
    description: 'Blocks in each state.',
  },
  blockIdle: {
    name: 'parsl.block.idle',
    unit: 's',
    kind: 'gauge',
    attributes: oddBlock,
    description: 'Since a running block without a try last ran one, or began; state unused: it never ran one.',
  },
  blockIdleWorkers: {
    name: 'parsl.block.idle.workers',
    unit: '{worker}',
    kind: 'updown',
    attributes: oddBlock,
    description: 'Workers of each block in parsl.block.idle.',
  },
  blockFailed: {
    name: 'parsl.block.failed',
    unit: 's',
    kind: 'gauge',
    attributes: oddBlock,
    description: 'Since a block failed or went missing; the newest five of an executor, for an hour.',
  },
  idleTime: {
    name: 'parsl.worker.idle.time',
    unit: 's',
    kind: 'counter',
    attributes: [...run, 'executor'],
    description: 'Worker-seconds paid for and not used.',
  },
  cpuTime: {
    name: 'parsl.try.cpu.time',
    unit: 's',
    kind: 'counter',
    attributes: [...run, 'executor', 'app'],
    description: 'User and system time of closed tries, between the first sample of each and its last.',
  },
  memoryPeak: {
    name: 'parsl.try.memory.peak',
    unit: 'By',
    kind: 'histogram',
    attributes: [...run, 'executor', 'app'],
    description: 'Largest resident memory of a try.',
    bounds: bytes,
  },
  memoryUtilization: {
    name: 'parsl.node.memory.utilization',
    unit: '1',
    kind: 'gauge',
    attributes: [...run, 'executor'],
    description: 'Share of a node’s memory that the tries on it have used at most; of the fullest node.',
  },
  clockSkew: {
    name: 'parsl.clock.skew',
    unit: 's',
    kind: 'gauge',
    attributes: [...run, 'executor'],
    description: 'By which clocks of workers and of the submit side differ at least, told by tries that closed.',
  },
  io: {
    name: 'parsl.try.io',
    unit: 'By',
    kind: 'counter',
    attributes: [...run, 'executor', 'app', 'direction'],
    description: 'Bytes that closed tries read and wrote, between the first sample of each and its last.',
  },
} as const satisfies Record<string, Instrument>;
