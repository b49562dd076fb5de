/**
 * The seven tables of monitoring.db as Parsl's newest DatabaseManager makes them (parsl/monitoring/db_manager.py), unchanged
 * since 2024.03: names, column types, constraints. SQLAlchemy's DateTime is text, its Boolean a number 0 or 1.
 */
export interface Column {
  readonly name: string;
  readonly type: string;
  readonly isRequired: boolean;
}

export interface Table {
  readonly name: string;
  readonly columns: readonly Column[];
  readonly primaryKey: readonly string[];
  /** `run_id` refers to the workflow table. SQLite does not enforce it, and neither does Parsl. */
  readonly refersToWorkflow: boolean;
}

export type TableName = 'workflow' | 'task' | 'try' | 'status' | 'resource' | 'node' | 'block';

/** `name TYPE` with a `!` behind it for NOT NULL. */
function table(name: TableName, primaryKey: string, columns: string, refersToWorkflow = false): Table {
  return {
    name,
    primaryKey: primaryKey.split(' '),
    refersToWorkflow,
    columns: columns.split(',').map((text) => {
      const [column = '', type = ''] = text.trim().split(' ');
      return { name: column, type: type.replace('!', ''), isRequired: type.endsWith('!') };
    }),
  };
}

export const tables: readonly Table[] = [
  table(
    'workflow',
    'run_id',
    `run_id TEXT!, workflow_name TEXT, workflow_version TEXT, time_began DATETIME!, time_completed DATETIME, host TEXT!,
     user TEXT!, rundir TEXT!, tasks_failed_count INTEGER!, tasks_completed_count INTEGER!`,
  ),
  table(
    'task',
    'task_id run_id',
    `task_id INTEGER!, run_id TEXT!, task_depends TEXT, task_func_name TEXT!, task_memoize TEXT!, task_hashsum TEXT,
     task_inputs TEXT, task_outputs TEXT, task_stdin TEXT, task_stdout TEXT, task_stderr TEXT, task_time_invoked DATETIME,
     task_time_returned DATETIME, task_fail_count INTEGER!, task_fail_cost FLOAT!`,
  ),
  table(
    'try',
    'try_id task_id run_id',
    `try_id INTEGER!, task_id INTEGER!, run_id TEXT!, block_id TEXT, hostname TEXT, task_executor TEXT!,
     task_try_time_launched DATETIME, task_try_time_running DATETIME, task_try_time_returned DATETIME,
     task_fail_history TEXT, task_joins TEXT`,
  ),
  table(
    'status',
    'task_id run_id task_status_name timestamp',
    'task_id INTEGER!, task_status_name TEXT!, timestamp DATETIME!, run_id TEXT!, try_id INTEGER!',
    true,
  ),
  table(
    'resource',
    'try_id task_id run_id timestamp',
    `try_id INTEGER!, task_id INTEGER!, run_id TEXT!, timestamp DATETIME!, resource_monitoring_interval FLOAT,
     psutil_process_pid INTEGER, psutil_process_memory_percent FLOAT, psutil_process_children_count FLOAT,
     psutil_process_time_user FLOAT, psutil_process_time_system FLOAT, psutil_process_memory_virtual FLOAT,
     psutil_process_memory_resident FLOAT, psutil_process_disk_read FLOAT, psutil_process_disk_write FLOAT,
     psutil_process_status TEXT, psutil_cpu_num TEXT, psutil_process_num_ctx_switches_voluntary FLOAT,
     psutil_process_num_ctx_switches_involuntary FLOAT`,
    true,
  ),
  table(
    'node',
    'id',
    `id INTEGER!, run_id TEXT!, hostname TEXT!, uid TEXT!, block_id TEXT!, cpu_count INTEGER!, total_memory BIGINT!,
     active BOOLEAN!, worker_count INTEGER!, python_v TEXT!, timestamp DATETIME!, last_heartbeat DATETIME!`,
  ),
  table(
    'block',
    'run_id block_id executor_label timestamp',
    `run_id TEXT!, executor_label TEXT!, block_id TEXT!, job_id TEXT, timestamp DATETIME!, status TEXT!`,
  ),
];

/**
 * Parsl's own index, and one for each way in which Parsl's functions for notebooks and parsl-visualize ask for a run or one
 * of its tasks: the keys of these tables begin with the task or the try. An index of the run alone gives its rows in the
 * order in which they were written, as Parsl's own file does: sums of them are the same to the last digit.
 */
export const indexes: readonly string[] = [
  'CREATE INDEX IF NOT EXISTS ix_task_task_hashsum ON task (task_hashsum)',
  'CREATE INDEX IF NOT EXISTS parsl_otel_task_run ON task (run_id)',
  'CREATE INDEX IF NOT EXISTS parsl_otel_try_run ON try (run_id)',
  'CREATE INDEX IF NOT EXISTS parsl_otel_status_run ON status (run_id)',
  'CREATE INDEX IF NOT EXISTS parsl_otel_resource_run ON resource (run_id)',
  'CREATE INDEX IF NOT EXISTS parsl_otel_resource_task ON resource (task_id, run_id)',
  'CREATE INDEX IF NOT EXISTS parsl_otel_node_run ON node (run_id, uid, timestamp)',
];

/**
 * What was told of a try or a run before the message that makes its row: a worker's start, the counts and the end of a
 * workflow (`task_id` -1). Made when it is first needed; Parsl and its tools never look at it.
 */
export const waitingTable = `CREATE TABLE IF NOT EXISTS parsl_otel_waiting (
  run_id TEXT NOT NULL, task_id INTEGER NOT NULL, try_id INTEGER NOT NULL, time TEXT, block_id TEXT, hostname TEXT,
  failed INTEGER, completed INTEGER, PRIMARY KEY (run_id, task_id, try_id)) WITHOUT ROWID`;

/** `extra` are columns that only an older release has. */
export function createTable(
  { name, columns, primaryKey, refersToWorkflow }: Table,
  extra: readonly Column[] = [],
): string {
  const lines = [
    ...columns.map(({ name, type, isRequired }) => `${quoted(name)} ${type}${isRequired ? ' NOT NULL' : ''}`),
    ...extra.map(({ name, type }) => `${quoted(name)} ${type}`),
    `PRIMARY KEY (${primaryKey.map(quoted).join(', ')})`,
    ...(refersToWorkflow ? ['FOREIGN KEY(run_id) REFERENCES workflow (run_id)'] : []),
  ];
  return `CREATE TABLE ${quoted(name)} (\n\t${lines.join(', \n\t')}\n)`;
}

/** A name from a file that we did not write can hold anything. */
export function quoted(name: string): string {
  return /^[a-z_][a-z0-9_]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`;
}
