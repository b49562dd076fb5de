/**
 * Runs that no record names: a Globus Compute endpoint that was started twice in one directory, held against what its
 * tasks know of themselves; and parts of run directories, held against the whole.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, globSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';

import type { WideRecord } from '../../bridge/core/record.ts';
import { archiveOf, check, namedBy, readAll, type Read } from '../helpers/fidelity.ts';
import { temporary } from '../helpers/run_dirs.ts';

interface Execution {
  readonly t: number;
  readonly t_end?: number;
  readonly pid: number;
  readonly block: string;
  readonly manager: string;
  readonly worker: string;
}
interface Expected {
  readonly uep_pids: Readonly<Record<string, number>>;
  readonly tasks: readonly {
    readonly epoch: number;
    readonly executor_tasks: readonly number[];
    readonly executions: readonly Execution[];
  }[];
}

const expectFile = join(import.meta.dirname, '..', 'fixtures', 'fidelity', 'globus-compute.expect.json.gz');
const known = JSON.parse(gunzipSync(readFileSync(expectFile)).toString('utf8')) as Expected;

const runsOf = (records: readonly WideRecord[]): string[] =>
  [...new Set(records.flatMap((record) => record['parsl.dfk'] ?? []))].map(String).sort();

/** The runs of a Globus Compute directory, by the number of its start. */
function epochs({ records }: Read): Map<number, string> {
  return new Map(
    Object.entries(known.uep_pids).map(([epoch, pid]) => {
      const runs = new Set(
        records.filter((record) => record['globus_compute.endpoint_pid'] === pid).map((record) => record['parsl.dfk']),
      );
      assert.equal(runs.size, 1, `lines of endpoint process ${pid} are of ${[...runs].map(String).join(', ')}`);
      return [Number(epoch), String([...runs][0])];
    }),
  );
}

describe('fidelity: runs that nothing names', function () {
  this.timeout(60_000);

  describe('a Globus Compute endpoint, started twice in one directory', () => {
    let read: Read;
    before(async () => {
      read = await readAll([archiveOf('globus-compute')]);
    });

    it('is two runs, with as many tasks as each start ran: block 0 and task 1 come twice', () => {
      const runs = epochs(read);
      assert.deepEqual(runsOf(read.records), [...runs.values()].sort());
      for (const [epoch, run] of runs) {
        const tasks = new Set(
          read.records.filter((record) => record['parsl.dfk'] === run).flatMap((record) => record['parsl.task'] ?? []),
        );
        const expected = known.tasks
          .filter((task) => task.epoch === epoch && task.executions.length > 0)
          .flatMap(({ executor_tasks }) => executor_tasks);
        assert.deepEqual(
          [...tasks].sort((a, b) => Number(a) - Number(b)),
          [...new Set(expected)].sort((a, b) => a - b),
          `start ${epoch}`,
        );
      }
    });

    it('has each line about a task at that task of its start', () => {
      const runs = new Set(epochs(read).values());
      check(
        read,
        {
          covers: (kind) => /^(?:interchange|manager|worker) /.test(kind),
          of: ({ numbers }, record) => {
            assert.ok(runs.has(String(record['parsl.dfk'])));
            const own = Number(record['parsl.executor_task']);
            return { task: numbers.includes(own) ? own : (numbers[0] ?? NaN), try: 0 };
          },
        },
        ['interchange parsl_text_log', 'manager parsl_text_log', 'worker parsl_text_log'],
      );
    });

    it('has what a worker says while a body runs at the task whose body it is', () => {
      const runs = epochs(read);
      let compared = 0;
      for (const { epoch, executor_tasks, executions } of known.tasks) {
        for (const { t, pid, manager, worker } of executions) {
          // The last line before the body began is the one that says which task was received.
          const received = read.records
            .filter((record) => record['parsl.manager'] === manager && record['process.pid'] === pid && String(record['parsl.worker']) === worker && namedBy(record) !== undefined)
            .findLast(({ time }) => Number(BigInt(time ?? 0) / 1000n) / 1e6 <= t); // prettier-ignore
          if (received === undefined) continue;
          compared += 1;
          assert.equal(received['parsl.dfk'], runs.get(epoch));
          assert.ok(executor_tasks.includes(Number(received['parsl.task'])), `${String(received['message'])} at ${t}`);
        }
      }
      assert.ok(compared > 35, `only ${compared} bodies`);
    });

    it('has the same ids when the directory was moved, and what a job printed at the run of its script', async () => {
      const directory = temporary();
      execFileSync('tar', ['xzf', archiveOf('globus-compute'), '-C', directory]);
      const [endpoint = ''] = globSync('.globus_compute/uep.*', { cwd: directory });
      renameSync(join(directory, endpoint), join(directory, 'elsewhere'));
      const { records } = await readAll([join(directory, 'elsewhere')]);
      assert.deepEqual(runsOf(records), runsOf(read.records));
      const printed = records.filter((record) => record['source.log'] === 'batch_output');
      assert.ok(printed.length > 5);
      assert.deepEqual([...new Set(printed.map((record) => record['parsl.dfk']))].sort(), runsOf(records));
    });
  });

  describe('parts of run directories', () => {
    let directory = '';
    beforeEach(() => {
      directory = temporary();
    });
    const unpack = (name: string): void => {
      execFileSync('tar', ['xzf', archiveOf(name), '-C', directory]);
    };
    const tasksOf = (records: readonly WideRecord[]): number =>
      new Set(records.flatMap((record) => record['parsl.task'] ?? [])).size;

    it('of an executor alone are a run whose tasks are the executor’s, by whatever clock and in whatever format', async () => {
      for (const [name, format] of [['2026.10.26-W1-htex', 'JSON'], ['2025.06.30-W1-udp', 'text'], ['1.2.0-W1-udp', 'old']] as const) {
        rmSync(join(directory, 'runinfo'), { recursive: true, force: true });
        unpack(name);
        const executorTasks = new Set(
          (await readAll([join(directory, 'runinfo', '000')])).records
            .filter((record) => record['source.log'] === 'worker')
            .flatMap((record) => record['parsl.executor_task'] ?? []),
        );
        const { records, contradictions } = await readAll([join(directory, 'runinfo', '000', 'htex')]);
        assert.equal(runsOf(records).length, 1, format);
        assert.deepEqual(contradictions, [], format);
        assert.equal(tasksOf(records), executorTasks.size, format);
        for (const record of records)
          if (record['parsl.executor_task'] !== undefined)
            assert.equal(record['parsl.task'], record['parsl.executor_task'], `${format}: ${String(record['message'])}`);
      }
    }); // prettier-ignore

    it('of an executor without its interchange, or one worker’s log, are one run as well', async () => {
      unpack('2026.10.26-W1-htex');
      const htex = join(directory, 'runinfo', '000', 'htex');
      rmSync(join(htex, 'interchange.jsonlog'));
      const workers = await readAll([htex]);
      assert.equal(runsOf(workers.records).length, 1);
      assert.ok(tasksOf(workers.records) > 5);
      const [log = ''] = globSync('**/worker_0.jsonlog', { cwd: htex });
      const one = await readAll([join(htex, log)]);
      assert.equal(runsOf(one.records).length, 1);
      assert.ok(tasksOf(one.records) > 0);
    });

    it('of Work Queue or TaskVine alone are a run whose tasks are theirs', async () => {
      for (const [name, part, key] of [
        ['workqueue-parsl', 'runinfo/000/wq_local', 'workqueue.task'],
        ['taskvine-parsl', 'runinfo/vine', 'taskvine.task'],
      ] as const) {
        unpack(name);
        const { records, contradictions } = await readAll([join(directory, part)]);
        assert.deepEqual([contradictions, runsOf(records).length], [[], 1], name);
        const named = records.filter((record) => record[key] !== undefined);
        assert.ok(named.length > 1_000 && tasksOf(records) > 50, name);
        for (const record of named) assert.equal(record['parsl.task'], record[key], String(record['message']));
      }
    });

    it('in two formats have one id', async () => {
      unpack('htex-full');
      const htex = join(directory, 'runinfo', '000', 'htex_debug');
      const both = await readAll([htex]);
      rmSync(join(htex, 'interchange.log'));
      assert.deepEqual(runsOf((await readAll([htex])).records), runsOf(both.records));
    });

    it('of two executors are two runs, because both count from 1', async () => {
      unpack('2026.10.26-W1-htex');
      const both = join(directory, 'both');
      cpSync(join(directory, 'runinfo', '000', 'htex'), join(both, 'cpu'), { recursive: true });
      cpSync(join(directory, 'runinfo', '001', 'htex'), join(both, 'gpu'), { recursive: true });
      const { records, contradictions } = await readAll([both]);
      assert.deepEqual(contradictions, []);
      assert.equal(runsOf(records).length, 2);
      for (const record of records.filter((line) => line['source.log'] === 'worker'))
        assert.equal(record['source.run_dir'], record['parsl.executor']);
    });

    it('with a submit side’s log that lost its beginning keep Parsl’s own tasks', async () => {
      unpack('2025.06.30-W1-udp');
      const whole = (await readAll([join(directory, 'runinfo', '000')])).records;
      const run = join(directory, 'part');
      mkdirSync(run);
      cpSync(join(directory, 'runinfo', '000', 'htex'), join(run, 'htex'), { recursive: true });
      const log = readFileSync(join(directory, 'runinfo', '000', 'parsl.log'), 'utf8');
      const [first] = log.split(/(?=\n[^\n]* Run id is: )/);
      const second = log.lastIndexOf('\n', log.lastIndexOf('Run id is: '));
      writeFileSync(join(run, 'parsl.log'), log.slice(log.indexOf('\n', (first?.length ?? 0) + 1) + 1, second + 1));
      const { records, contradictions } = await readAll([run]);
      assert.deepEqual(contradictions, []);
      assert.equal(runsOf(records).length, 1);
      const about = (lines: readonly WideRecord[]): unknown[] =>
        lines
          .filter((line) => line['source.log'] === 'worker' && line['parsl.executor_task'] !== undefined)
          .map((line) => [line['source.path'], line['source.line'], line['parsl.task'], line['parsl.try']]);
      assert.deepEqual(about(records), about(whole));
    });
  });

  for (const name of ['2025.06.30-W1-udp', '2023.12.11-W1-htex'])
    it(`tells several runs of old text logs apart, though no clock of theirs can be compared: ${name}`, async () => {
      const directory = temporary();
      execFileSync('tar', ['xzf', archiveOf(name), '-C', directory]);
      const apart = join(directory, 'runinfo');
      const together = join(directory, 'together');
      for (const run of ['000', '001'])
        for (const path of globSync('**/*.log', { cwd: join(apart, run) })) {
          mkdirSync(join(together, path, '..'), { recursive: true });
          writeFileSync(join(together, path), readFileSync(join(apart, run, path)), { flag: 'a' });
        }
      const subject = (record: WideRecord): string =>
        [record['parsl.dfk'], record['parsl.task'], record['parsl.try']].map(String).join(' ');
      const line = (record: WideRecord): string =>
      [record['parsl.timestamp'], record['process.pid'], record['source.log'], record['source.copy'], record['message']].map(String).join('|'); // prettier-ignore
      const isCompared = (record: WideRecord): boolean =>
        ['interchange', 'manager', 'worker'].includes(String(record['source.log']));
      const expected = new Map((await readAll([apart])).records.filter(isCompared).map((record) => [line(record), subject(record)])); // prettier-ignore
      const { records, contradictions } = await readAll([together]);
      assert.deepEqual(contradictions, []);
      const wrong: string[] = [];
      let right = 0;
      let none = 0;
      for (const record of records.filter(isCompared)) {
        const found = subject(record);
        if (found === expected.get(line(record))) right += 1;
        else if (record['parsl.dfk'] === undefined) none += 1;
        else wrong.push(`${line(record)}: ${found}, not ${expected.get(line(record))}`);
      }
      assert.deepEqual(wrong, []);
      assert.ok(right > 1_000 && none <= 2, `${right} right, ${none} of no run`);
    });
});
