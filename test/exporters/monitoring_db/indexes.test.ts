/** What is asked of a monitoring.db finds its rows by an index, however many runs the file has. */
import Database from 'better-sqlite3';
import assert from 'node:assert/strict';
import { join } from 'node:path';

import { messagesOf, writeDb } from '../../helpers/monitoring_db.ts';
import { tempDir } from '../../helpers/receiver.ts';

/** The statements of parsl.monitoring.queries.pandas and of parsl-visualize, as Parsl 2026.10.26 sends them. */
const asked: Readonly<Record<string, string>> = {
  app_counts_for_workflow: "SELECT task_func_name, count(*) FROM task WHERE run_id = 'R' GROUP BY task_func_name",
  nodes_for_workflow: "SELECT * FROM node WHERE run_id = 'R'",
  resources_for_workflow: "SELECT * FROM resource WHERE run_id = 'R'",
  resources_for_task: "SELECT * FROM resource WHERE run_id = 'R' AND task_id = '3'",
  status_for_workflow: "SELECT run_id, task_id, task_status_name, timestamp FROM status WHERE run_id = 'R'",
  completion_times_for_workflow: "SELECT task_id, task_func_name, task_time_returned FROM task WHERE run_id = 'R'",
  tasks_for_workflow: "SELECT * FROM task WHERE run_id = 'R'",
  tries_for_workflow: `SELECT task.task_id, task_func_name, task_time_returned, task_try_time_running FROM task, try
    WHERE task.task_id = try.task_id AND task.run_id = 'R' AND try.run_id = 'R'`,
  'a workflow': "SELECT * FROM workflow WHERE run_id = 'R' LIMIT 1",
  'the tasks of an app': "SELECT * FROM task WHERE run_id = 'R' AND task_func_name = 'app'",
  'a task': "SELECT * FROM task WHERE run_id = 'R' AND task_id = '3' LIMIT 1",
  'the states of a task': "SELECT * FROM status WHERE run_id = 'R' AND task_id = '3' ORDER BY timestamp",
  'the graph of a workflow': `SELECT task.task_id, task.task_func_name, task.task_depends, status.task_status_name FROM task
    LEFT JOIN status ON task.task_id = status.task_id AND task.run_id = status.run_id AND status.timestamp =
      (SELECT max(status.timestamp) FROM status WHERE status.task_id = task.task_id AND status.run_id = task.run_id)
    WHERE task.run_id = 'R'`,
  'the tries of a workflow': `SELECT task.task_id, task_func_name, task_try_time_launched FROM task, try
    WHERE task.task_id = try.task_id AND task.run_id = 'R' AND try.run_id = task.run_id`,
};

describe('exporters/monitoring_db: indexes', () => {
  let db: Database.Database;

  before(async () => {
    const path = join(await tempDir(), 'monitoring.db');
    writeDb(path, messagesOf('2026.10.26-W1-htex'));
    db = new Database(path, { readonly: true });
  });
  after(() => db.close());

  for (const [what, sql] of Object.entries(asked))
    it(`find ${what}`, () => {
      const steps = db.prepare(`EXPLAIN QUERY PLAN ${sql}`).all() as { detail: string }[];
      const reads = steps.map(({ detail }) => detail).filter((detail) => /^(SCAN|SEARCH)/.test(detail));
      assert.ok(reads.length > 0);
      for (const read of reads) assert.match(read, /^SEARCH \w+ USING (COVERING )?INDEX/);
    });
});
