import assert from 'node:assert/strict';
import fc from 'fast-check';

import type { WideRecord } from '../../bridge/core/record.ts';
import { stringify } from '../../bridge/core/record.ts';
import type { Contradiction } from '../../bridge/processors/imply.ts';
import type { OperatorLimits, Operators } from '../../bridge/processors/operators.ts';
import { createOperators, noLimits } from '../../bridge/processors/operators.ts';
import type { ImplySpec, RulesFile } from '../../bridge/processors/schema.ts';
import { parseRules } from '../../bridge/rules.ts';

const chain = `
imply:
  - { name: run, keys: [source.input, source.run_dir], gives: [parsl.dfk] }
  - { name: task, keys: [parsl.dfk, parsl.executor, parsl.executor_task], gives: [parsl.task, parsl.try] }
  - { name: wq, keys: [parsl.dfk, parsl.executor, workqueue.task], gives: [parsl.executor_task] }
`;

interface Options {
  readonly limits?: Partial<OperatorLimits>;
  readonly onContradiction?: (contradiction: Contradiction) => void;
}

function operatorsOf(rules: RulesFile, { limits = {}, ...told }: Options = {}): Operators {
  return createOperators({ rules: [rules], limits: { ...noLimits, ...limits }, ...told });
}

/** All that comes out of the batches in the end, as texts, in any order. */
function widened(rules: RulesFile, batches: readonly (readonly WideRecord[])[]): string[] {
  const operators = operatorsOf(rules);
  const out = batches.flatMap((batch) => [
    ...operators.apply(
      batch.map((record) => ({ ...record })),
      0,
    ),
  ]);
  return texts([...out, ...operators.finish()]);
}

function texts(records: readonly WideRecord[]): string[] {
  return records
    .map((record) => stringify(Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)))))
    .sort();
}

/** The same by definition: pass after pass over all records, until nothing changes. */
function naive(specs: readonly ImplySpec[], given: readonly WideRecord[]): string[] {
  const records = given.map((record) => ({ ...record }));
  for (let changed = true; changed;) {
    changed = false;
    for (const { keys, gives } of specs) {
      const groups = Map.groupBy(
        records.filter((record) => keys.every((key) => record[key] !== undefined)),
        (record) => keys.map((key) => String(record[key])).join('\n'),
      );
      for (const group of groups.values()) {
        for (const key of gives) {
          const value = group.find((record) => record[key] !== undefined)?.[key];
          for (const record of group) {
            if (value === undefined || record[key] !== undefined) continue;
            record[key] = value;
            changed = true;
          }
        }
      }
    }
  }
  return texts(records);
}

/** Records that say some of what is true of one try, of which none contradicts another. */
const world = fc
  .record({
    directory: fc.nat(2),
    executor: fc.constantFrom('htex', 'wq'),
    number: fc.nat(4),
    says: fc.array(fc.boolean(), { minLength: 8, maxLength: 8 }),
  })
  .map(({ directory, executor, number, says }) => {
    const whole: [string, string | number][] = [
      ['source.input', 'runinfo'],
      ['source.run_dir', `00${directory}`],
      ['parsl.dfk', `run-${directory}`],
      ['parsl.executor', executor],
      ['parsl.executor_task', number],
      ['workqueue.task', number + 1],
      ['parsl.task', number * 2 + executor.length],
      ['parsl.try', number % 2],
    ];
    return Object.fromEntries(whole.filter((_, at) => says[at]));
  });

describe('processors/imply', () => {
  const rules = parseRules(chain, 'chain.yaml');

  describe('whatever the order', () => {
    it('gives what passes over all records give until nothing changes', () => {
      fc.assert(
        fc.property(fc.array(world, { maxLength: 40 }), (records) => {
          assert.deepEqual(widened(rules, [records]), naive(rules.imply, records));
        }),
      );
    });

    it('gives the same records when they come in another order and in other batches', () => {
      fc.assert(
        fc.property(
          fc.array(world, { maxLength: 30 }).chain((records) =>
            fc.tuple(fc.constant(records), fc.shuffledSubarray(records, { minLength: records.length, maxLength: records.length }), fc.nat(7)),
          ),
          ([records, shuffled, size]) => {
            const batches = Array.from({ length: Math.ceil(shuffled.length / (size + 1)) }, (_, at) =>
              shuffled.slice(at * (size + 1), (at + 1) * (size + 1)),
            );
            assert.deepEqual(widened(rules, batches), widened(rules, [records]));
          },
        ),
      ); // prettier-ignore
    });

    it('gives the same records, twice, when all come twice', () => {
      fc.assert(
        fc.property(fc.array(world, { maxLength: 30 }), (records) => {
          const once = widened(rules, [records]);
          assert.deepEqual(widened(rules, [records, records]), [...once, ...once].sort());
        }),
      );
    });
  });

  it('learns from what a later rule makes of a record, where only some records teach', () => {
    const taught = parseRules(
      `
imply:
  - { name: app, keys: [parsl.task], gives: [parsl.app_name], taught_by: { where: { source.log: parsl } }, hold: false }
  - { name: log, keys: [source.path], gives: [source.log], hold: false }
`,
      'taught.yaml',
    );
    const operators = operatorsOf(taught);
    const [, , third] = operators.apply(
      [
        { 'source.path': 'p', 'source.log': 'parsl' },
        { 'source.path': 'p', 'parsl.task': 1, 'parsl.app_name': 'a' },
        { 'parsl.task': 1 },
      ],
      0,
    );
    assert.equal(third?.['parsl.app_name'], 'a');
  });

  it('finds what is implied backwards, through several rules', () => {
    const operators = operatorsOf(rules);
    const early = { 'source.input': 'i', 'source.run_dir': '0', 'parsl.executor': 'wq', 'workqueue.task': 3 };
    assert.deepEqual(operators.apply([early], 0), []);
    assert.equal(operators.counts.held, 1);
    operators.apply([{ 'parsl.dfk': 'r', 'parsl.executor': 'wq', 'workqueue.task': 3, 'parsl.executor_task': 2 }], 0);
    operators.apply([{ 'parsl.dfk': 'r', 'parsl.executor': 'wq', 'parsl.executor_task': 2, 'parsl.task': 9, 'parsl.try': 1 }], 0); // prettier-ignore
    const out = operators.apply([{ 'source.input': 'i', 'source.run_dir': '0', 'parsl.dfk': 'r' }], 0);
    const found = out.find((record) => record['source.run_dir'] === '0' && record['workqueue.task'] === 3);
    assert.deepEqual([found?.['parsl.dfk'], found?.['parsl.executor_task'], found?.['parsl.task'], found?.['parsl.try']], ['r', 2, 9, 1]); // prettier-ignore
    assert.equal(operators.counts.held, 0);
  });

  it('tells a contradiction once, counts all, and keeps what each record says', () => {
    const told: Contradiction[] = [];
    const operators = operatorsOf(rules, { onContradiction: (contradiction) => told.push(contradiction) });
    const line = (task: number): WideRecord => ({ 'parsl.dfk': 'r', 'parsl.executor': 'htex', 'parsl.executor_task': 1, 'parsl.task': task, 'parsl.try': 0 }); // prettier-ignore
    const out = operators.apply([line(3), line(4), line(4)], 0);
    assert.deepEqual(out.map((record) => record['parsl.task']), [3, 4, 4]); // prettier-ignore
    assert.deepEqual([told.length, operators.counts.contradictions], [1, 2]);
    assert.deepEqual(told[0], {
      rule: 'task',
      group: { 'parsl.dfk': 'r', 'parsl.executor': 'htex', 'parsl.executor_task': 1 },
      key: 'parsl.task',
      was: 3,
      told: 4,
    });
  });

  it('learns only from the records that are to teach it', () => {
    const taught = parseRules(
      'imply: [{ name: file, keys: [file], gives: [n], taught_by: { has: [size] } }]',
      'a.yaml',
    );
    const out = [
      ...operatorsOf(taught).apply(
        [
          { file: 'f', n: 1 },
          { file: 'g', n: 2, size: 3 },
        ],
        0,
      ),
    ];
    assert.equal(out.length, 2);
    const operators = operatorsOf(taught);
    operators.apply(
      [
        { file: 'f', n: 1 },
        { file: 'g', n: 2, size: 3 },
      ],
      0,
    );
    assert.deepEqual(operators.apply([{ file: 'g' }, { file: 'f' }], 0), [{ file: 'g', n: 2 }]);
  });

  it('gives nothing where a group has several values and the rule says so', () => {
    const one = parseRules(
      'imply: [{ name: kind, keys: [kind], gives: [label], several: none, hold: false }]',
      'a.yaml',
    );
    const operators = operatorsOf(one);
    operators.apply([{ kind: 'htex', label: 'a' }], 0);
    assert.deepEqual(operators.apply([{ kind: 'htex' }], 0), [{ kind: 'htex', label: 'a' }]);
    operators.apply([{ kind: 'htex', label: 'b' }], 0);
    assert.deepEqual(operators.apply([{ kind: 'htex' }], 0), [{ kind: 'htex' }]);
    assert.equal(operators.counts.contradictions, 0);
  });

  it('gives the value that held at the record’s time, where one group has several', () => {
    const timed = parseRules('imply: [{ name: run, keys: [dir], gives: [parsl.dfk], several: by_time }]', 'a.yaml');
    const operators = operatorsOf(timed);
    const at = (seconds: number): WideRecord => ({ dir: '0', time: BigInt(seconds) * 1_000_000_000n });
    operators.apply(
      [
        { ...at(100), 'parsl.dfk': 'first' },
        { ...at(200), 'parsl.dfk': 'second' },
      ],
      0,
    );
    const out = operators.apply([at(150), at(250), at(50), { dir: '0', 'parsl.timestamp': 150_000_000 }], 0);
    assert.deepEqual(out.map((record) => record['parsl.dfk']), ['first', 'second', 'first', undefined]); // prettier-ignore
  });

  describe('limits', () => {
    const waiting = (n: number): WideRecord => ({ 'source.input': 'i', 'source.run_dir': String(n), message: 'm'.repeat(100) }); // prettier-ignore

    it('let the oldest record go as it is when too many are held', () => {
      const operators = operatorsOf(rules, { limits: { held_records_max: 2 } });
      assert.deepEqual(operators.apply([waiting(1), waiting(2)], 0), []);
      const [released, ...rest] = operators.apply([waiting(3)], 0);
      assert.deepEqual([released?.['source.run_dir'], rest.length], ['1', 0]);
      assert.deepEqual([operators.counts.unresolved.held_records, operators.counts.held], [1, 2]);
    });

    it('let go by size', () => {
      const operators = operatorsOf(rules, { limits: { held_bytes_max: 1_500 } });
      assert.equal(operators.apply([waiting(1), waiting(2), waiting(3)], 0).length, 1);
      assert.equal(operators.counts.unresolved.held_bytes, 1);
    });

    it('let go by the time that passed since it arrived, and say when that will be', () => {
      const operators = operatorsOf(rules, { limits: { held_us_max: 1_000 } });
      operators.apply([waiting(1)], 5_000);
      operators.apply([waiting(2)], 5_500);
      assert.deepEqual([operators.nextDeadline, operators.oldestArrival], [6_000, 5_000]);
      assert.deepEqual(operators.tick(5_999), []);
      assert.deepEqual(operators.tick(6_000).map((record) => record['source.run_dir']), ['1']); // prettier-ignore
      assert.equal(operators.nextDeadline, 6_500);
      assert.deepEqual(operators.apply([{ other: 1 }], 7_000).map((record) => record['source.run_dir']), ['2', undefined]); // prettier-ignore
      assert.deepEqual([operators.counts.unresolved.held_time, operators.nextDeadline], [2, Infinity]);
    });

    it('let all go at the end', () => {
      const operators = operatorsOf(rules);
      operators.apply([waiting(1), waiting(2)], 0);
      assert.equal(operators.finish().length, 2);
      assert.equal(operators.counts.unresolved.end, 2);
    });

    it('forget the oldest groups of the largest rule', () => {
      const operators = operatorsOf(rules, { limits: { groups_max: 2_000 } });
      const line = (n: number): WideRecord => ({ 'parsl.dfk': 'r', 'parsl.executor': 'htex', 'parsl.executor_task': n, 'parsl.task': n, 'parsl.try': 0 }); // prettier-ignore
      for (let n = 0; n < 10_000; n += 1) operators.apply([line(n)], 0);
      assert.ok(operators.counts.groups <= 2_001, String(operators.counts.groups));
      const asked = { 'parsl.dfk': 'r', 'parsl.executor': 'htex', 'parsl.executor_task': 9_999 };
      assert.equal(operators.apply([asked], 0)[0]?.['parsl.task'], 9_999);
    });

    it('forget the runs that closed longest ago', () => {
      const operators = operatorsOf(rules, { limits: { closed_runs_max: 1 } });
      const of = (run: string): WideRecord => ({
        'parsl.dfk': run,
        'parsl.executor': 'htex',
        'parsl.executor_task': 1,
      });
      for (const run of ['a', 'b']) {
        operators.apply([{ ...of(run), 'parsl.task': 1, 'parsl.try': 0 }], 0);
        operators.runClosed(run);
      }
      assert.equal(operators.apply([of('b')], 0)[0]?.['parsl.task'], 1);
      assert.deepEqual(operators.apply([of('a')], 0), []);
    });
  });

  it('learns from a twin before it is dropped: it lies in a copy that may say more', () => {
    const rules = parseRules(
      `${chain}
distinct:
  - { name: twins, keys: [message], across: [source.input] }`,
      'a.yaml',
    );
    const said = (input: string, record: WideRecord): WideRecord => ({ 'source.input': input, 'source.run_dir': '000', 'log.template': '', ...record }); // prettier-ignore
    const begin = { message: 'Run id is: r', 'parsl.dfk': 'r' };
    assert.deepEqual(
      widened(rules, [[said('early.tar', begin), said('late', begin), said('late', { message: 'the end' })]]),
      texts([said('early.tar', begin), said('late', { message: 'the end', 'parsl.dfk': 'r' })]),
    );
  });
});
