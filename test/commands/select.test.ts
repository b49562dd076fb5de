/** select, lint, and files of rules as a user meets them. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { lintCommand } from '../../bridge/commands/lint.ts';
import { selectCommand } from '../../bridge/commands/select.ts';
import type { WideRecord } from '../../bridge/core/record.ts';
import { findInputs } from '../../bridge/inputs.ts';
import { loadRules, parseRules } from '../../bridge/rules.ts';
import { readWidened } from '../../bridge/widened.ts';
import { archiveOf } from '../helpers/fidelity.ts';

const run = archiveOf('htex-text-2025');

function ioOf() {
  const lines: string[] = [];
  const errors: string[] = [];
  const io = { env: {}, isTerminal: false, out: (line: string) => void lines.push(line), err: (line: string) => void errors.push(line) }; // prettier-ignore
  return { io, lines, errors, records: () => lines.map((line) => JSON.parse(line) as Record<string, unknown>) };
}

describe('commands with rules', function () {
  this.timeout(30_000);
  let directory = '';
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'parsl-otel-select-'));
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));
  const write = (name: string, text: string): string => {
    writeFileSync(join(directory, name), text);
    return join(directory, name);
  };

  /** A prototype whose records nobody has seen before, and what its user knows of them. */
  const prototype = (): string =>
    write('prototype.jsonl', ['{"msg": "job 7 placed on blue", "created": 1795262514.5}', '{"msg": "job 7 left blue", "created": 1795262516}', '{"nr": 8, "msg": "hello", "unit": "x"}'].join('\n')); // prettier-ignore
  const rules = (): string => {
    write('clusters.csv', 'cluster,rack\nblue,12\n');
    return write(
      'prototype.yaml',
      `
relabel: [{ name: messages, keys: { msg: message } }]
rules:
  - { name: job.placed, text: 'job {job:int} placed on {cluster}' }
  - { name: job.left, text: 'job {job:int} left {:word}' }
imply: [{ name: a job is on a cluster, keys: [job], gives: [cluster] }]
join: [{ name: racks, file: clusters.csv, keys: [cluster] }]
lint:
  - { name: a job that left has a rack, about: [job.left], needs: [rack], hard: true }
  - { name: what has a number is a job, has: [nr], needs: [job] }
`,
    );
  };

  describe('select', () => {
    it('writes the records that have the keys, widened, as NDJSON', async () => {
      const { io, records } = ioOf();
      const status = await selectCommand([run], { where: ['parsl.task=5', 'source.log=worker', 'source.log=interchange'], keys: ['source.log', 'parsl.try', 'message'], output: '-' }, io); // prettier-ignore
      assert.equal(status, 0);
      const found = records();
      assert.deepEqual([...new Set(found.map((record) => record['source.log']))].sort(), ['interchange', 'worker']);
      assert.ok(found.some(({ message }) => /^Received executor task \d+$/.test(String(message))));
      assert.deepEqual([...new Set(found.map((record) => record['parsl.try']))].sort(), [0, 1]);
    });

    it('counts groups, largest first, with their first and last times', async () => {
      const { io, records } = ioOf();
      await selectCommand([run], { where: ['source.log=parsl'], group: ['parsl.app_name'], output: '-' }, io);
      const found = records();
      const apps = found.map((group) => group['parsl.app_name']);
      assert.deepEqual(apps.sort(), ['app_a', 'app_b', 'app_join', 'app_sh', 'part_of_app_join']);
      assert.ok(Number(found[0]?.['records']) >= Number(found.at(-1)?.['records']));
      assert.match(String(found[0]?.['first_time']), /^\d{19}$/);
    });

    it('applies a user’s own rules: relabel, templates, implication, join', async () => {
      const { io, records } = ioOf();
      assert.equal(await selectCommand([prototype()], { rules: [rules()], has: ['job'], keys: ['job', 'cluster', 'rack', 'log.template'], output: '-' }, io), 0); // prettier-ignore
      assert.deepEqual(records(), [
        { job: 7, cluster: 'blue', rack: 12, 'log.template': 'job {job} placed on {cluster}' },
        { job: 7, cluster: 'blue', rack: 12, 'log.template': 'job {job} left *' },
      ]);
    });

    it('writes each selection of a file of rules to its own file', async () => {
      const out = join(directory, 'left.jsonl');
      const file = write(
        'select.yaml',
        `
rules: [{ name: job, text: 'job {job:int} {what:word} {:text}' }]
relabel: [{ name: messages, keys: { msg: message } }]
select:
  - { name: left, where: { what: left }, keys: [job], write: '${out}' }
  - { name: all, group: [job] }
`,
      );
      const { io, records } = ioOf();
      assert.equal(await selectCommand([prototype()], { rules: [file], output: '-' }, io), 0);
      assert.equal(readFileSync(out, 'utf8'), '{"job":7}\n');
      assert.deepEqual(records().map(({ job, records: count }) => [job, count]), [[7, 2]]); // prettier-ignore
    });

    it('writes selections that go to one place into one file', async () => {
      const file = write('two.yaml', 'select: [{ name: a, has: [created] }, { name: b, has: [unit] }, { name: c, has: [none] }]'); // prettier-ignore
      const { io, errors } = ioOf();
      const out = join(directory, 'both.jsonl');
      assert.equal(await selectCommand([prototype()], { rules: [file], output: out }, io), 0);
      assert.equal(readFileSync(out, 'utf8').split('\n').length, 4);
      assert.deepEqual(errors, ['nothing is written of "c": no record has none']);
    });

    it('passes over records that have none of the keys to write, and says which keys no record has', async () => {
      const { io, records, errors } = ioOf();
      assert.equal(await selectCommand([prototype()], { keys: ['unit', 'nr'], output: '-' }, io), 0);
      assert.deepEqual([records(), errors], [[{ unit: 'x', nr: 8 }], []]);
      assert.equal(await selectCommand([prototype()], { where: ['parsl.tsk=3', 'unit=x'], output: '-' }, io), 0);
      assert.equal(await selectCommand([prototype()], { where: ['unit=y'], output: '-' }, io), 0);
      assert.deepEqual(errors, ['nothing is written: no record has parsl.tsk', 'nothing is written: no record fits']);
    });

    it('selects by keys of any name', async () => {
      const input = write('any.jsonl', '{"constructor": "x", "nr": 1}\n{"nr": 2}\n');
      const { io, records } = ioOf();
      assert.equal(await selectCommand([input], { where: ['constructor=x'], keys: ['nr'], output: '-' }, io), 0);
      assert.equal(await selectCommand([input], { where: ['__proto__=x'], keys: ['nr'], output: '-' }, io), 0);
      assert.deepEqual(records(), [{ nr: 1 }]);
    });

    it('says which records contradict each other, and in what', async () => {
      const input = write('two.jsonl', '{"msg": "job 7 placed on blue"}\n{"msg": "job 7 placed on red"}\n');
      const { io, records, errors } = ioOf();
      assert.equal(await selectCommand([input], { rules: [rules()], keys: ['cluster'], output: '-' }, io), 0);
      assert.deepEqual(records(), [{ cluster: 'blue' }, { cluster: 'red' }]);
      assert.deepEqual(errors, ['a job is on a cluster: records of job 7 say cluster blue and red; each keeps what it says']); // prettier-ignore
    });

    it('writes what the call asks for instead of what the rules select', async () => {
      const file = write('select.yaml', 'select: [{ name: all, group: [unit] }]');
      const { io, records } = ioOf();
      await selectCommand([prototype()], { rules: [file], keys: ['nr'], output: '-' }, io);
      assert.deepEqual(records(), [{ nr: 8 }]);
    });

    it('says how a condition is written', async () => {
      await assert.rejects(selectCommand([run], { where: ['parsl.task'], output: '-' }, ioOf().io), {
        code: 'BRIDGE_CONFIG',
        message: /--where parsl.task: no key and value/,
      });
    });
  });

  describe('lint', () => {
    it('finds nothing wrong with what Parsl wrote', async () => {
      const { io, lines, errors } = ioOf();
      assert.equal(await lintCommand([run], {}, io), 0);
      assert.deepEqual(lines, []);
      assert.match(errors.join(), /^\d{4} records checked, 0 hard and 0 soft rules broken$/);
    });

    it('names the place of each violation, and fails by a hard rule', async () => {
      const file = write('broken.log', '');
      const bad = write('bad.jsonl', [
        '{"message": "Parsl task 3 try 0 launched on executor htex", "source.receiver": "x", "source.log": "parsl", "parsl.dfk": "00000000-0000-4000-8000-000000000001", "parsl.executor_type": "parsl.executors.high_throughput.executor.HighThroughputExecutor"}',
        '{"message": "lost", "parsl.try": 1}',
      ].join('\n')); // prettier-ignore
      const { io, lines } = ioOf();
      assert.equal(await lintCommand([bad], {}, io), 1);
      assert.ok(file !== '');
      assert.deepEqual(lines, [
        'hard: a launch on an executor that numbers its tasks names the executor task: 1 records',
        '  bad.jsonl:1: lacks parsl.executor_task: Parsl task 3 try 0 launched on executor htex',
        'hard: a record with a try names its task: 1 records',
        '  bad.jsonl:2: lacks parsl.task: lost',
      ]);
    });

    it('tells of a soft rule of the user’s own, and does not fail', async () => {
      const { io, lines } = ioOf();
      assert.equal(await lintCommand([prototype()], { rules: [rules()] }, io), 0);
      assert.deepEqual(lines.map((line) => line.split(':', 2).join(':')), ['soft: what has a number is a job', '  prototype.jsonl:3']); // prettier-ignore
    });
  });

  it('does what docs/rules.md says of its example', async () => {
    const page = readFileSync(join(import.meta.dirname, '../../docs/rules.md'), 'utf8');
    const [, lines = ''] = /```json\n([^]*?)```/.exec(page) ?? [];
    const [, example = ''] = /```yaml\n([^]*?)```/.exec(page) ?? [];
    write('racks.csv', 'cluster,rack\nblue,12\n');
    const { io, records } = ioOf();
    const input = write('jobs.jsonl', lines);
    assert.equal(await selectCommand([input], { rules: [write('jobs.yaml', example)], output: '-' }, io), 0);
    assert.deepEqual(records().map(({ cluster, records: count }) => [cluster, count]), [['blue', 2]]); // prettier-ignore
    const options = { rules: [join(directory, 'jobs.yaml')], report: (error: Error) => assert.fail(error) };
    const widened: WideRecord[] = [];
    for await (const batch of readWidened(findInputs([input]), options)) widened.push(...batch);
    assert.deepEqual(widened.map(({ job, cluster, rack, metric, value }) => [job, cluster, rack, metric, value]), [[7, 'blue', 12, undefined, undefined], [7, 'blue', 12, 'my.job.duration', 1.5]]); // prettier-ignore
  });

  it('is a library call, too', async () => {
    const records: WideRecord[] = [];
    const options = { rules: [rules()], report: (error: Error) => assert.fail(error) };
    for await (const batch of readWidened(findInputs([prototype()]), options)) records.push(...batch);
    assert.deepEqual(records.map(({ job, rack }) => [job, rack]), [[7, 12], [7, 12], [undefined, undefined]]); // prettier-ignore
  });

  describe('a file of rules', () => {
    const refused = (text: string, message: RegExp): void =>
      assert.throws(() => parseRules(text, 'my.yaml'), { code: 'BRIDGE_CONFIG', message });

    it('is refused with the line and what is wrong there', () => {
      refused('rules:\n  - name: a\n    txt: x\n', /my\.yaml:2 \(rules\.0\): Unrecognized key: "txt"/);
      refused('rules:\n  - text: x\n', /my\.yaml:2 \(rules\.0\.name\): /);
      refused('rules: [\n', /my\.yaml:2: /);
      const bomb = [
        'a: &a0 [x, x]',
        ...Array.from({ length: 9 }, (_, k) => `b${k}: &a${k + 1} [${`*a${k},`.repeat(9)}]`),
      ];
      refused(bomb.join('\n'), /^read rules my\.yaml: Excessive alias count/);
      refused(
        "rules:\n  - { name: mine, text: 'Task {x' }",
        /my\.yaml:2 \(rules\.0\): template "Task \{x": the brace at 6/,
      );
      refused('imply: [{ name: a, keys: [], gives: [x] }]', /my\.yaml:1 \(imply\.0\.keys\)/);
    });

    it('is refused where two rules of a section have one name, with both places', () => {
      const two =
        'rules:\n  - { name: mine, text: a }\n  - { name: mine, text: b }\nlint: [{ name: mine, needs: [x] }]\n';
      assert.throws(() => parseRules(two, 'my.yaml'), {
        code: 'BRIDGE_CONFIG',
        message: 'read rules my.yaml:3: my.yaml:2 has a rule "mine" in rules, too',
        hint: /another name/,
      });
      const one = write('one.yaml', 'rules: [{ name: mine, text: a }]');
      const other = write('other.yaml', 'rules: [{ name: mine, text: b }]');
      assert.throws(() => loadRules([one, other]), { message: `read rules ${other}:1: ${one}:1 has a rule "mine" in rules, too` }); // prettier-ignore
      const shipped = write('shipped.yaml', 'rules: [{ name: worker.received, text: b }]');
      assert.throws(() => loadRules([shipped]), { message: /shipped\.yaml:1: .*htex\.yaml:\d+ has a rule "worker\.received"/ }); // prettier-ignore
      assert.doesNotThrow(() => loadRules([one]));
    });

    it('is refused where it refers to a rule that is not there', () => {
      const file = write('within.yaml', 'within: [{ name: mine, scope: [x], starts: [worker.recieved], gives: [y] }]');
      assert.throws(() => loadRules([file]), { message: /"mine" refers to a rule worker\.recieved/, hint: 'did you mean worker.received?' }); // prettier-ignore
    });

    it('is refused where the table that it joins with cannot be read', () => {
      const file = write('join.yaml', 'join: [{ name: mine, file: none.csv, keys: [x] }]');
      assert.throws(() => loadRules([file]), { code: 'BRIDGE_CONFIG', message: /join "mine" with .*none\.csv/ });
    });
  });
});
