/**
 * The tables of the read side. Columns are the fields of the rows in core/row.ts, one for one; `run_no` stands for
 * the run's UUID, so that keys and indexes stay small. The file is a projection: when anything here changes,
 * `SCHEMA_VERSION` goes up, and the old file is thrown away and filled again from the journal.
 *
 * Two tables are kept by triggers, so that a summary costs the same for a million tasks as for ten, whoever writes:
 * `tally` counts tasks by app, executor and state; `edge` is dependencies and joins, to be read in both directions.
 *
 * A log record is stored in two parts (record_parts.ts): what it shares with all that the same place of the same file
 * said, in `record_site`, and what is its own. That is a third of the bytes, and most questions about records are
 * answered by the few sites.
 */
import type { BlockRow, ManagerRow, RunRow, SampleRow, TaskRow, TryRow } from '../core/row.ts';

/** How SQLite gives a row back: booleans are 0 or 1. */
export type Stored<T> = { readonly [K in keyof T]: T[K] extends boolean ? number : T[K] };

export const SCHEMA_VERSION = 5;
/** `PRAGMA application_id` of our files ("poto"), so that nobody else's database is ever thrown away. */
export const APPLICATION_ID = 0x706f746f;

type Column<T> = T extends string ? 'TEXT' : T extends boolean ? 'INTEGER' : 'INTEGER' | 'REAL';
type Declared<T> = null extends T ? Column<NonNullable<T>> : `${Column<T>} NOT NULL`;
type Columns<T> = { readonly [K in keyof Omit<T, 'run'>]-?: Declared<T[K]> };

/** What a run's row tells. Nullable throughout: another row may name a run before its own row comes. */
export const runColumns: { readonly [K in keyof Omit<RunRow, 'run'>]-?: Column<NonNullable<RunRow[K]>> } = {
  workflow: 'TEXT',
  version: 'TEXT',
  user: 'TEXT',
  host: 'TEXT',
  rundir: 'TEXT',
  parsl_version: 'TEXT',
  python_version: 'TEXT',
  began: 'INTEGER',
  completed: 'INTEGER',
  first_seen: 'INTEGER',
  last_seen: 'INTEGER',
  last_task_info: 'INTEGER',
  zone: 'TEXT',
  zone_source: 'TEXT',
  closed: 'INTEGER',
  trace_id: 'TEXT',
};

export const taskColumns: Columns<TaskRow> = {
  task: 'INTEGER NOT NULL',
  app: 'TEXT',
  state: 'TEXT NOT NULL',
  final: 'INTEGER NOT NULL',
  executor: 'TEXT',
  tries: 'INTEGER NOT NULL',
  invoked: 'INTEGER',
  launched: 'INTEGER',
  running: 'INTEGER',
  running_ended: 'INTEGER',
  returned: 'INTEGER',
  depends: 'TEXT',
  joins: 'TEXT',
  hashsum: 'TEXT',
  memo_source: 'INTEGER',
  fail_count: 'INTEGER NOT NULL',
  fail_history: 'TEXT',
  stdout: 'TEXT',
  stderr: 'TEXT',
  inputs: 'TEXT',
  outputs: 'TEXT',
  host: 'TEXT',
  block: 'TEXT',
  manager: 'TEXT',
  closed: 'INTEGER NOT NULL',
  trace_id: 'TEXT NOT NULL',
  span_id: 'TEXT NOT NULL',
};

export const tryColumns: Columns<TryRow> = {
  task: 'INTEGER NOT NULL',
  try: 'INTEGER NOT NULL',
  launched: 'INTEGER',
  running: 'INTEGER',
  running_ended: 'INTEGER',
  returned: 'INTEGER',
  state: 'TEXT',
  executor: 'TEXT',
  host: 'TEXT',
  block: 'TEXT',
  manager: 'TEXT',
  fail_history: 'TEXT',
  cpu_time: 'REAL',
  memory_peak: 'REAL',
  read_bytes: 'REAL',
  write_bytes: 'REAL',
  states: 'TEXT NOT NULL',
  span_id: 'TEXT NOT NULL',
};

export const blockColumns: Columns<BlockRow> = {
  executor: 'TEXT NOT NULL',
  block: 'TEXT NOT NULL',
  job: 'TEXT',
  state: 'TEXT NOT NULL',
  states: 'TEXT NOT NULL',
  first_seen: 'INTEGER NOT NULL',
  ended: 'INTEGER',
};

export const managerColumns: Columns<ManagerRow> = {
  manager: 'TEXT NOT NULL',
  executor: 'TEXT',
  block: 'TEXT',
  host: 'TEXT',
  workers: 'INTEGER',
  cpus: 'INTEGER',
  memory: 'INTEGER',
  registered: 'INTEGER NOT NULL',
  last_seen: 'INTEGER NOT NULL',
  left: 'INTEGER',
  active: 'INTEGER NOT NULL',
  draining: 'INTEGER NOT NULL',
  held: 'INTEGER NOT NULL',
};

export const sampleColumns: Columns<SampleRow> = {
  task: 'INTEGER NOT NULL',
  try: 'INTEGER NOT NULL',
  time: 'INTEGER NOT NULL',
  cpu_time: 'REAL',
  memory: 'REAL',
  read_bytes: 'REAL',
  write_bytes: 'REAL',
};

/** Keys of a log record that are columns where their value is a whole number. */
export const recordColumns = {
  'parsl.task': 'INTEGER',
  'parsl.try': 'INTEGER',
  'parsl.executor_task': 'INTEGER',
  'source.line': 'INTEGER',
} as const;

/** Later than any time: records that tell none come last. */
export const NO_TIME = Number.MAX_SAFE_INTEGER;

/** Columns that the store adds to a row. `error` is the type of its error text. */
const withError = { error: 'TEXT' } as const;

const list = (columns: Readonly<Record<string, string>>): string =>
  Object.entries(columns)
    .map(([name, type]) => `"${name}" ${type}`)
    .join(', ');

function table(name: string, key: string, columns: Readonly<Record<string, string>>): string {
  return `CREATE TABLE ${name} (run_no INTEGER NOT NULL, ${list(columns)}, PRIMARY KEY (run_no, ${key})) STRICT, WITHOUT ROWID;`;
}

/** Adds the edges of one kind that a task's comma list names; text that is no list of numbers adds none. */
const addEdges = (kind: 'depends' | 'joins'): string => `
  INSERT OR IGNORE INTO edge
  SELECT new.run_no, '${kind}', new.task, value
  FROM json_each(iif(json_valid('[' || new.${kind} || ']'), '[' || new.${kind} || ']', '[]'))
  WHERE type = 'integer';`;

const edgeTriggers = (kind: 'depends' | 'joins'): string => `
CREATE TRIGGER task_${kind}_added AFTER INSERT ON task WHEN new.${kind} <> '' BEGIN ${addEdges(kind)} END;
CREATE TRIGGER task_${kind}_changed AFTER UPDATE OF ${kind} ON task WHEN new.${kind} <> '' AND old.${kind} IS NOT new.${kind}
BEGIN ${addEdges(kind)} END;`;

const countTask = `
  INSERT INTO tally VALUES (new.run_no, coalesce(new.app, ''), coalesce(new.executor, ''), new.state, 1)
  ON CONFLICT DO UPDATE SET tasks = tasks + 1;`;

export const ddl = `
CREATE TABLE meta (
  one INTEGER PRIMARY KEY CHECK (one = 1), seq INTEGER NOT NULL, samples_cut INTEGER NOT NULL, records_cut INTEGER NOT NULL
) STRICT;
INSERT INTO meta VALUES (1, 0, 0, 0);

CREATE TABLE run (
  run_no INTEGER PRIMARY KEY, run TEXT NOT NULL UNIQUE, revision INTEGER NOT NULL, ${list(runColumns)}
) STRICT;
${table('task', 'task', { ...taskColumns, ...withError })}
${table('try', 'task, try', { ...tryColumns, ...withError })}
${table('block', 'executor, block', blockColumns)}
${table('manager', 'manager', managerColumns)}

-- Samples keep the order in which they came, because retention cuts the oldest.
CREATE TABLE sample (id INTEGER PRIMARY KEY, run_no INTEGER NOT NULL, ${list(sampleColumns)}) STRICT;
CREATE UNIQUE INDEX sample_key ON sample (run_no, task, try, time);

CREATE INDEX task_state ON task (run_no, state);
CREATE INDEX task_host ON task (run_no, host);
CREATE INDEX task_error ON task (run_no, error, app) WHERE error IS NOT NULL;
CREATE INDEX task_memo ON task (run_no, memo_source) WHERE memo_source IS NOT NULL;
CREATE INDEX try_error ON try (run_no, error) WHERE error IS NOT NULL;

CREATE TABLE tally (
  run_no INTEGER NOT NULL, app TEXT NOT NULL, executor TEXT NOT NULL, state TEXT NOT NULL, tasks INTEGER NOT NULL,
  PRIMARY KEY (run_no, app, executor, state)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER task_added AFTER INSERT ON task BEGIN ${countTask} END;
CREATE TRIGGER task_moved AFTER UPDATE ON task
WHEN old.state IS NOT new.state OR old.app IS NOT new.app OR old.executor IS NOT new.executor BEGIN
  UPDATE tally SET tasks = tasks - 1 WHERE run_no = old.run_no AND app = coalesce(old.app, '')
    AND executor = coalesce(old.executor, '') AND state = old.state;
  ${countTask}
END;

CREATE TABLE edge (
  run_no INTEGER NOT NULL, kind TEXT NOT NULL, task INTEGER NOT NULL, other INTEGER NOT NULL,
  PRIMARY KEY (run_no, kind, task, other)
) STRICT, WITHOUT ROWID;
CREATE INDEX edge_back ON edge (run_no, kind, other, task);
${edgeTriggers('depends')}
${edgeTriggers('joins')}

-- run_no is 0 for records of no run. "keys" is a JSON object, "names" the JSON array of the keys that are not in it.
CREATE TABLE record_site (
  site INTEGER PRIMARY KEY, run_no INTEGER NOT NULL, keys TEXT NOT NULL, names TEXT NOT NULL, records INTEGER NOT NULL,
  UNIQUE (run_no, keys, names)
) STRICT;
-- Live, every batch with records of no run asks whose directory they lie in.
CREATE INDEX record_site_run_dir ON record_site (keys ->> '$."source.run_dir"', run_no) WHERE run_no > 0;
-- Records keep the order in which they came, because retention cuts the oldest. One without a time has ${NO_TIME}.
CREATE TABLE record (
  id INTEGER PRIMARY KEY, run_no INTEGER NOT NULL, site INTEGER NOT NULL, time INTEGER NOT NULL,
  ${list(recordColumns)}, message TEXT NOT NULL, keys TEXT
) STRICT;
CREATE INDEX record_time ON record (time);
CREATE INDEX record_site_time ON record (site, time);
CREATE INDEX record_task ON record (run_no, "parsl.task", time) WHERE "parsl.task" IS NOT NULL;
CREATE INDEX record_executor_task ON record (run_no, "parsl.executor_task", time) WHERE "parsl.executor_task" IS NOT NULL;

PRAGMA application_id = ${APPLICATION_ID};
PRAGMA user_version = ${SCHEMA_VERSION};
`;
