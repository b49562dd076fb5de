import assert from 'node:assert/strict';
import fc from 'fast-check';

import type { WideRecord } from '../../bridge/core/record.ts';
import { createDistinct } from '../../bridge/processors/distinct.ts';
import { createJoin } from '../../bridge/processors/join.ts';
import { createCarry, createWithin } from '../../bridge/processors/order.ts';
import { createRelabel } from '../../bridge/processors/relabel.ts';
import { parseRules } from '../../bridge/rules.ts';

const scopesMax = 100;

describe('processors/order', () => {
  describe('within', () => {
    const spec = parseRules(
      'within: [{ name: task, scope: [file], starts: [received], ends: [completed], gives: [n], sticks_to: pid }]',
      'a.yaml',
    ).within[0]!;

    /** The numbers that records get; each is `[mark, record]`. */
    function numbers(lines: readonly (readonly [string, WideRecord])[], max = scopesMax): unknown[] {
      const within = createWithin(spec, max);
      return lines.map(([mark, record]) => {
        within(record, [mark]);
        return record['n'];
      });
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
          numbers(mixed);
          for (const [, record] of mixed) assert.equal(record['n'], String(record['file']).length);
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
      const carry = createCarry(spec, scopesMax);
      return lines.map(([mark, told]) => {
        const record: WideRecord = { 'parsl.task': 3, ...(told === undefined ? {} : { 'parsl.try': told }) };
        carry(record, [mark]);
        return record['parsl.try'];
      });
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
  const twins = parseRules('distinct: [{ name: twins, keys: [time, pid, message], across: path }]', 'a.yaml')
    .distinct[0]!;
  const line = (path: string, message: string, time = 1_795_262_514_896_498_000n): WideRecord => ({ path, message, time, pid: 7 }); // prettier-ignore

  it('drops the same record in another file, not what one file says twice', () => {
    const isFirst = createDistinct(twins, 1000);
    const said = [line('a.jsonlog', 'm'), line('a.jsonlog', 'm'), line('a.log', 'm'), line('a.log', 'n'), line('a.log', 'm', 1_795_262_514_896_499_000n)]; // prettier-ignore
    assert.deepEqual(said.map(isFirst), [true, true, false, true, true]); // prettier-ignore
  });

  it('takes no two different records for one, and lets none of many pass twice', () => {
    const isFirst = createDistinct(twins, 100_000);
    const time = (at: number): bigint => 1_795_262_514_896_498_000n + BigInt(at) * 1000n;
    for (let at = 0; at < 20_000; at += 1)
      assert.ok(isFirst(line('a', `Task ${at} changing state`, time(at))), `${at}`);
    const passed = Array.from({ length: 20_000 }, (_, at) => isFirst(line('b', `Task ${at} changing state`, time(at)))).filter(Boolean).length; // prettier-ignore
    assert.ok(passed < 100, `${passed} of 20000`);
  });

  it('takes a key from the second instead, where it is told to', () => {
    const spec = parseRules('distinct: [{ name: once, keys: [parsl.task, state], clear: [state] }]', 'a.yaml')
      .distinct[0]!;
    const isFirst = createDistinct(spec, 1000);
    const said: WideRecord[] = [
      { 'parsl.task': 3, state: 'failed' },
      { 'parsl.task': 3, state: 'failed', message: 'm' },
    ];
    assert.deepEqual(said.map(isFirst), [true, true]);
    assert.deepEqual(said, [
      { 'parsl.task': 3, state: 'failed' },
      { 'parsl.task': 3, message: 'm' },
    ]);
  });
});

describe('processors/relabel', () => {
  it('calls keys and values what the rest calls them, in their canonical types', () => {
    const [spec] = parseRules('relabel: [{ name: mine, where: { kind: job }, keys: { nr: task_id }, values: { level: { bad: ERROR } } }]', 'a.yaml').relabel; // prettier-ignore
    const relabel = createRelabel(spec!);
    const record: WideRecord = { kind: 'job', nr: '007', level: 'bad' };
    relabel(record);
    assert.deepEqual(record, { kind: 'job', 'parsl.task': 7, level: 'ERROR' });
    const other: WideRecord = { kind: 'node', nr: '007' };
    relabel(other);
    assert.deepEqual(other, { kind: 'node', nr: '007' });
  });
});

describe('processors/join', () => {
  it('gives a record the other columns of its row, and keeps what it says itself', () => {
    const [spec] = parseRules('join: [{ name: mine, file: t.csv, keys: [task_id], gives: [cluster] }]', 'a.yaml').join;
    const join = createJoin({ spec: spec!, rows: [{ task_id: 3, cluster: 'red', note: 'x' }] });
    const records: WideRecord[] = [{ 'parsl.task': 3 }, { 'parsl.task': 4 }, { 'parsl.task': 3, cluster: 'blue' }];
    records.forEach(join);
    assert.deepEqual(records, [{ 'parsl.task': 3, cluster: 'red' }, { 'parsl.task': 4 }, { 'parsl.task': 3, cluster: 'blue' }]); // prettier-ignore
  });
});
