/**
 * Fidelity: of the lines that name a task or an executor task, at least 99 % are given to the right task and try, and
 * none to a wrong one, in the run directories of recorded releases and of Parsl's friends. What is right is what the
 * workflows themselves know; which lines name a task is found by patterns that know nothing of the rules.
 */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';

import type { Read } from '../helpers/fidelity.ts';
import { archiveOf, check, expectedOf, readAll, truthOf } from '../helpers/fidelity.ts';
import { expected, recordings } from '../helpers/fixtures.ts';

const friends: Readonly<Record<string, readonly string[]>> = {
  'htex-full': ['parsl parsl_json_log', 'interchange parsl_json_log', 'manager parsl_json_log', 'worker parsl_json_log', 'worker parsl_text_log'],
  'htex-hung': ['parsl parsl_json_log', 'interchange parsl_json_log', 'manager parsl_json_log', 'worker parsl_json_log'],
  'htex-text-2024': ['parsl parsl_text_log', 'interchange parsl_text_log', 'manager parsl_text_log', 'worker parsl_text_log'],
  'htex-text-2025': ['parsl parsl_text_log', 'interchange parsl_text_log', 'manager parsl_text_log', 'worker parsl_text_log'],
  'workqueue-parsl': ['parsl parsl_json_log', 'work_queue work_queue_transactions', 'work_queue work_queue_debug'],
  'taskvine-parsl': ['parsl parsl_json_log', 'taskvine taskvine_transactions', 'taskvine taskvine_debug', 'taskvine taskvine_taskgraph'],
  'academy-parsl': ['parsl parsl_json_log', 'interchange parsl_json_log', 'manager parsl_json_log', 'worker parsl_json_log'],
  colmena: ['parsl parsl_json_log', 'other parsl_text_log', 'interchange parsl_json_log', 'manager parsl_json_log', 'worker parsl_json_log'],
}; // prettier-ignore

describe('fidelity: lines that name a task', function () {
  this.timeout(60_000);

  for (const [name, kinds] of Object.entries(friends)) {
    describe(name, () => {
      let read: Read;
      const known = expectedOf(name);
      before(async () => {
        read = await readAll([archiveOf(name)]);
      });

      it('are given to the right task and try', () => check(read, truthOf(known), kinds));

      it('belong to the run', () => {
        const runs = new Set(read.records.flatMap((record) => record['parsl.dfk'] ?? []));
        assert.deepEqual([...runs], known.run_ids ?? [known.run_id]);
      });

      it('in workers, also where the users’ own lines name the task by its key', () => {
        const keys = new Map(known.tasks?.map(({ key, task }) => [key, task]));
        for (const { key, parsl_tasks } of known.requests ?? []) keys.set(key, parsl_tasks[0]?.task ?? NaN);
        const wrong: string[] = [];
        let compared = 0;
        for (const record of read.records) {
          if (record['source.log'] !== 'worker' || String(record['log.logger']).startsWith('parsl')) continue;
          const [, key = ''] = /^(?:begin|end) (\w+#\d+)\b/.exec(String(record['message'])) ?? [];
          const task = keys.get(key);
          if (task === undefined) continue;
          compared += 1;
          if (record['parsl.task'] !== task)
            wrong.push(`${String(record['message'])}: ${String(record['parsl.task'])}, not ${task}`);
        }
        assert.deepEqual(wrong, []);
        // Users' loggers come to the JSON logs of workers alone.
        if (kinds.includes('worker parsl_json_log')) assert.ok(compared > 20, `only ${compared} lines`);
      });

      it('in workers, also where they name nothing: by the process and time of the body', () => {
        const wrong: string[] = [];
        const bodies = (known.tasks ?? []).flatMap(({ task, tries }) =>
          tries.flatMap((one) => one.executions.map((body) => ({ ...body, task, attempt: one.try }))),
        );
        let compared = 0;
        for (const record of read.records) {
          const { time } = record;
          if (record['source.log'] !== 'worker' || typeof time !== 'bigint') continue;
          const seconds = Number(time / 1000n) / 1e6;
          const body = bodies.find(
            ({ pid, t, t_end }) => pid === record['process.pid'] && t <= seconds && seconds <= (t_end ?? -1),
          );
          if (body === undefined) continue;
          compared += 1;
          if (record['parsl.task'] !== body.task || record['parsl.try'] !== body.attempt)
            wrong.push(`${String(record['message']).slice(0, 80)}: not ${body.task} try ${body.attempt}`);
        }
        assert.deepEqual(wrong, []);
        if (kinds.includes('worker parsl_json_log') && bodies.length > 0)
          assert.ok(compared > 20, `only ${compared} lines`);
      });
    });
  }

  for (const name of recordings().filter((recording) => existsSync(archiveOf(recording)))) {
    it(`${name}: are given to the task that they name, and as many tries as the workflow knows of`, async () => {
      const read = await readAll([archiveOf(name)]);
      // Executor tasks by the launch lines, found without the rules; Parsl 1.2 did not log them.
      const launches = new Map<string, { task: number; try: number }>();
      const tries = new Map<string, Set<number>>();
      for (const record of read.records) {
        const launch = /^Parsl task (\d+) try (\d+) launched on executor (\S+)(?: with executor id (\d+))?$/.exec(String(record['message'])); // prettier-ignore
        const [, task, attempt, executor, id] = launch ?? [];
        if (task === undefined) continue;
        const run = String(record['parsl.dfk']);
        launches.set(`${run} ${executor} ${id}`, { task: Number(task), try: Number(attempt) });
        tries.set(`${run} ${task}`, (tries.get(`${run} ${task}`) ?? new Set()).add(Number(attempt)));
      }
      check(read, {
        // Parsl 1.2 does not log which executor task a try is.
        covers: (kind) => !name.startsWith('1.2') || kind.startsWith('parsl '),
        of({ kind, numbers, attempt }, record) {
          const [number = NaN] = numbers;
          if (kind === 'task') return { task: number, try: attempt };
          const own = Number(record['parsl.executor_task']);
          const chosen = numbers.includes(own) ? own : number;
          return launches.get(`${String(record['parsl.dfk'])} ${String(record['parsl.executor'])} ${chosen}`);
        },
      }, []); // prettier-ignore
      if (name.startsWith('1.2')) return;
      for (const { run_id, tasks = [] } of expected(name).runs)
        for (const { task, state, tries: count } of tasks)
          if (count !== null && (state === 'exec_done' || state === 'failed'))
            assert.equal(tries.get(`${run_id} ${task}`)?.size, count, `tries of task ${task}`);
    });
  }
});
