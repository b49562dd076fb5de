import assert from 'node:assert/strict';
import fc from 'fast-check';

import type { WideRecord } from '../../bridge/core/record.ts';
import { createDistinct } from '../../bridge/processors/distinct.ts';
import { Draft } from '../../bridge/processors/draft.ts';
import { createJoin } from '../../bridge/processors/join.ts';
import { createCarry, createWithin } from '../../bridge/processors/order.ts';
import { createRelabel } from '../../bridge/processors/relabel.ts';
import type { DistinctSpec } from '../../bridge/processors/schema.ts';
import { parseRules } from '../../bridge/rules.ts';

const scopesMax = 100;

/** What becomes of records that go through `apply`, one after the other. */
function through(draft: Draft, records: readonly WideRecord[], apply: (at: number) => void): WideRecord[] {
  return records.map((record, at) => {
    draft.begin(record);
    apply(at);
    return draft.take();
  });
}

describe('processors/order', () => {
  describe('within', () => {
    const spec = parseRules(
      'within: [{ name: task, scope: [file], starts: [received], ends: [completed], gives: [n], sticks_to: pid }]',
      'a.yaml',
    ).within[0]!;

    /** The numbers that records get; each is `[mark, record]`. */
    function numbers(lines: readonly (readonly [string, WideRecord])[], max = scopesMax): unknown[] {
      const draft = new Draft();
      const within = createWithin(spec, draft, max);
      const records = lines.map(([, record]) => record);
      return through(draft, records, (at) => within([lines[at]![0]])).map((record) => record['n']);
    }

    it('gives what lies between a start and an end the number of the start', () => {
      const own = { file: 'w0', pid: 1 };
      assert.deepEqual(
        numbers([
          ['', { ...own }],
          ['received', { ...own, n: 7 }],
          ['', { ...own }],
          ['completed', { ...own, n: 7 }],
          ['', { ...own }],
          ['received', { ...own, n: 8 }],
          ['received', { ...own, n: 9 }],
          ['', { ...own }],
        ]),
        [undefined, 7, 7, 7, undefined, 8, 9, 9],
      );
    });

    it('keeps files apart, however their lines are mixed', () => {
      const file = (name: string): [string, WideRecord][] => [
        ['received', { file: name, pid: 1, n: name.length }],
        ['', { file: name, pid: 1 }],
        ['completed', { file: name, pid: 1, n: name.length }],
      ];
      const [a, b] = [file('a'), file('bb')];
      fc.assert(
        fc.property(fc.shuffledSubarray([0, 0, 0, 1, 1, 1], { minLength: 6 }), (turns) => {
          const rest = [a.map(([m, r]) => [m, { ...r }] as const), b.map(([m, r]) => [m, { ...r }] as const)];
          const mixed = turns.map((turn) => rest[turn]?.shift() ?? ['', {}]) as [string, WideRecord][];
          assert.deepEqual(
            numbers(mixed),
            mixed.map(([, record]) => String(record['file']).length),
          );
        }),
      );
    });

    it('leaves a process that was first met inside with what it began with, whatever the worker does next', () => {
      const lines: [string, WideRecord][] = [
        ['received', { file: 'w0', pid: 1, n: 7 }],
        ['', { file: 'w0', pid: 50 }],
        ['received', { file: 'w0', pid: 1, n: 8 }],
        ['', { file: 'w0', pid: 50 }],
        ['', { file: 'w0', pid: 1 }],
        ['', { file: 'w0', pid: 51 }],
      ];
      assert.deepEqual(numbers(lines), [7, 7, 8, 7, 8, 8]);
    });

    it('forgets the file that it opened first when there are too many', () => {
      const lines = Array.from({ length: 3 }, (_, at): [string, WideRecord] => ['received', { file: `w${at}`, pid: 1, n: at }]); // prettier-ignore
      assert.deepEqual(numbers([...lines, ['', { file: 'w0', pid: 1 }], ['', { file: 'w2', pid: 1 }]], 2).slice(3), [undefined, 2]); // prettier-ignore
    });
  });

  describe('carry', () => {
    const spec = parseRules(
      `carry: [{ name: try, scope: [parsl.task], counts: parsl.try, begins: [submitted], tells: [launched],
        ends: [retry], current: [state, retry], next: [memo, again] }]`,
      'a.yaml',
    ).carry[0]!;

    function tries(lines: readonly (readonly [string, number?])[]): unknown[] {
      const draft = new Draft();
      const carry = createCarry(spec, draft, scopesMax);
      const records = lines.map(([, told]): WideRecord => ({ 'parsl.task': 3, 'parsl.try': told ?? null }));
      return through(draft, records, (at) => carry([lines[at]![0]])).map((record) => record['parsl.try'] ?? undefined);
    }

    it('gives what is said between two launches the try of the first, and what prepares a launch the next one', () => {
      assert.deepEqual(
        tries([['submitted'], ['memo'], ['launched', 0], ['state'], ['retry'], ['state'], ['memo'], ['launched', 1], ['state']]),
        [undefined, 0, 0, 0, 0, undefined, 1, 1, 1],
      ); // prettier-ignore
    });

    it('knows nothing of a task whose beginning it has not seen', () => {
      assert.deepEqual(tries([['memo'], ['state'], ['launched', 4], ['state']]), [undefined, undefined, 4, 4]);
    });

    it('begins anew where a second run in the same file has a task of that number', () => {
      assert.deepEqual(tries([['submitted'], ['launched', 0], ['retry'], ['submitted'], ['memo'], ['launched', 0]]), [undefined, 0, 0, undefined, 0, 0]); // prettier-ignore
    });

    it('counts launches where they are not numbered', () => {
      assert.deepEqual(tries([['submitted'], ['launched'], ['retry'], ['launched']]), [undefined, 0, 0, 1]);
    });
  });
});

describe('processors/distinct', () => {
  /** For each record, whether it goes on. */
  function passed(spec: DistinctSpec, records: readonly WideRecord[], recordsMax: number): boolean[] {
    const draft = new Draft();
    const isFirst = createDistinct(spec, draft, recordsMax);
    return records.map((record) => {
      draft.begin(record);
      return isFirst();
    });
  }

  const twins = parseRules('distinct: [{ name: twins, keys: [time, pid, message], across: [input, path] }]', 'a.yaml')
    .distinct[0]!;
  const line = (path: string, message: string, time = 1_795_262_514_896_498_000n): WideRecord => ({ input: 'a.tar', path, message, time, pid: 7 }); // prettier-ignore

  it('drops the same record in another file, not what one file says twice', () => {
    const said = [line('a.jsonlog', 'm'), line('a.jsonlog', 'm'), line('a.log', 'm'), line('a.log', 'n'), line('a.log', 'm', 1_795_262_514_896_499_000n)]; // prettier-ignore
    assert.deepEqual(passed(twins, said, 1000), [true, true, false, true, true]);
  });

  it('drops what a copy of the directory says again', () => {
    const said = [line('a.log', 'm'), { ...line('a.log', 'm'), input: 'a' }];
    assert.deepEqual(passed(twins, said, 1000), [true, false]);
  });

  it('takes no two different records for one, and lets none of many pass twice', () => {
    // Twenty at each instant: then their messages alone tell them apart.
    const time = (at: number): bigint => 1_795_262_514_896_498_000n + BigInt(Math.floor(at / 20)) * 1000n;
    const log = (path: string): WideRecord[] =>
      Array.from({ length: 20_000 }, (_, at) => line(path, `Task ${at} changing state from pending to launched`, time(at))); // prettier-ignore
    const isFirst = passed(twins, [...log('a'), ...log('b')], 100_000);
    assert.deepEqual(isFirst.slice(0, 20_000).indexOf(false), -1);
    const second = isFirst.slice(20_000).filter(Boolean).length;
    assert.ok(second < 100, `${second} of 20000`);
  });

  it('takes a key from the second instead, where it is told to', () => {
    const spec = parseRules('distinct: [{ name: once, keys: [parsl.task, state], clear: [state] }]', 'a.yaml')
      .distinct[0]!;
    const draft = new Draft();
    const isFirst = createDistinct(spec, draft, 1000);
    const said: WideRecord[] = [
      { 'parsl.task': 3, state: 'failed' },
      { 'parsl.task': 3, state: 'failed', message: 'm' },
    ];
    const passing = through(draft, said, () => assert.ok(isFirst()));
    assert.deepEqual(passing, [
      { 'parsl.task': 3, state: 'failed' },
      { 'parsl.task': 3, message: 'm' },
    ]);
  });
});

describe('processors/relabel', () => {
  it('calls keys and values what the rest calls them, in their canonical types', () => {
    const [spec] = parseRules('relabel: [{ name: mine, where: { kind: job }, keys: { nr: task_id }, values: { level: { bad: ERROR } } }]', 'a.yaml').relabel; // prettier-ignore
    const draft = new Draft();
    const records = [
      { kind: 'job', nr: '007', level: 'bad' },
      { kind: 'node', nr: '007' },
    ];
    assert.deepEqual(through(draft, records, createRelabel(spec!, draft)), [
      { kind: 'job', 'parsl.task': 7, level: 'ERROR' },
      { kind: 'node', nr: '007' },
    ]);
  });
});

describe('processors/join', () => {
  it('gives a record the other columns of its row, and keeps what it says itself', () => {
    const [spec] = parseRules('join: [{ name: mine, file: t.csv, keys: [task_id], gives: [cluster] }]', 'a.yaml').join;
    const draft = new Draft();
    const join = createJoin({ spec: spec!, rows: [{ task_id: 3, cluster: 'red', note: 'x' }] }, draft);
    const records: WideRecord[] = [{ 'parsl.task': 3 }, { 'parsl.task': 4 }, { 'parsl.task': 3, cluster: 'blue' }];
    assert.deepEqual(through(draft, records, join), [{ 'parsl.task': 3, cluster: 'red' }, { 'parsl.task': 4 }, { 'parsl.task': 3, cluster: 'blue' }]); // prettier-ignore
  });
});
