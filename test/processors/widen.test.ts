import assert from 'node:assert/strict';

import type { WideRecord } from '../../bridge/core/record.ts';
import { Draft } from '../../bridge/processors/draft.ts';
import { normaliseMessage } from '../../bridge/processors/normalise.ts';
import { Widener } from '../../bridge/processors/widen.ts';
import { parseRules } from '../../bridge/rules.ts';

/** The records that `record` becomes under the rules of some files. */
function widen(record: WideRecord, ...files: string[]): WideRecord[] {
  const draft = new Draft();
  const widener = new Widener(
    files.map((text) => parseRules(text, 'test.yaml').rules),
    draft,
  );
  const widened: WideRecord[] = [];
  draft.begin(record);
  widener.widen(() => widened.push(draft.take()));
  return widened;
}

const sent = `
rules:
  - name: sent
    where: { source.log: interchange }
    text: "Sent tasks: [{parsl.executor_task:ints}] to manager b'{parsl.manager:word}'"
    set: { parsl.phase: interchange_queue }
`;

describe('processors/widen', () => {
  it('gives a record the keys that its message tells, in their canonical types', () => {
    const [record] = widen(
      { message: 'Task 007 of 3F2504E0-4F89-11D3-9A0C-0305E82C3301 took 1.5 s' },
      "rules: [{ name: a, text: 'Task {parsl_task_id:int} of {run_id:uuid} took {took:number} s' }]",
    );
    assert.deepEqual(record, {
      message: 'Task 007 of 3F2504E0-4F89-11D3-9A0C-0305E82C3301 took 1.5 s',
      'parsl.task': 7,
      'parsl.dfk': '3f2504e0-4f89-11d3-9a0c-0305e82c3301',
      took: 1.5,
      'log.template': 'Task {parsl.task} of {parsl.dfk} took {took} s',
    });
  });

  it('makes one record of each thing that a line names, equal but for it', () => {
    const message = "Sent tasks: [5, 6] to manager b'8f8ba7000809'";
    const records = widen({ message, 'source.log': 'interchange' }, sent);
    assert.deepEqual(
      records.map((record) => [record['parsl.executor_task'], record['source.copy'], record['parsl.manager']]),
      [
        [5, 0, '8f8ba7000809'],
        [6, 1, '8f8ba7000809'],
      ],
    );
    const [one] = widen({ message: message.replace('5, 6', '5'), 'source.log': 'interchange' }, sent);
    assert.deepEqual([one?.['parsl.executor_task'], one?.['source.copy']], [5, undefined]);
  });

  it('keeps to its kind of log', () => {
    const [record] = widen({ message: "Sent tasks: [5] to manager b'8f'", 'source.log': 'worker' }, sent);
    assert.equal(record?.['parsl.executor_task'], undefined);
  });

  it('looks at the first line alone: a traceback names other tasks', () => {
    const rules =
      "rules: [{ name: a, text: 'Task {parsl.task} failed' }, { name: b, text: '{:text} Task {parsl.task} {:text}' }]";
    const [record] = widen({ message: 'Oops\nTraceback:\n  Task 3 failed' }, rules);
    assert.equal(record?.['parsl.task'], undefined);
    assert.equal(widen({ message: 'Task 4 failed\nTask 3 failed' }, rules)[0]?.['parsl.task'], 4);
  });

  it('never overwrites what a record says itself', () => {
    const [record] = widen({ message: 'Task 3 failed', 'parsl.task': 4 }, "rules: [{ name: a, text: 'Task {parsl.task} failed', set: { parsl.task: 5 } }]"); // prettier-ignore
    assert.equal(record?.['parsl.task'], 4);
  });

  it('keeps names of states in the template where the rule says so', () => {
    const rules = "rules: [{ name: a, text: 'Task {parsl.task} is {parsl.task_state}', keep: [parsl.task_state] }]";
    assert.equal(widen({ message: 'Task 3 is failed' }, rules)[0]?.['log.template'], 'Task {parsl.task} is failed');
  });

  it('adds what a second file of rules finds in the same message', () => {
    const [record] = widen(
      { message: 'Task 3 failed' },
      "rules: [{ name: a, text: 'Task {parsl.task} failed' }]",
      "rules: [{ name: b, text: '{:text} failed', set: { verdict: bad } }]",
    );
    assert.deepEqual([record?.['parsl.task'], record?.['verdict']], [3, 'bad']);
  });

  it('matches other keys than the message, and records by their keys alone', () => {
    const rules = `
rules:
  - { name: a, match: { process.name: 'Monitor-Wrapper-{parsl.task:int}' } }
  - { name: b, where: { kind: [x, y] }, has: [value], lacks: [unit], set: { unit: s } }
`;
    const [record] = widen({ message: 'm', 'process.name': 'Monitor-Wrapper-12', kind: 'y', value: 1 }, rules);
    assert.deepEqual([record?.['parsl.task'], record?.['unit']], [12, 's']);
    assert.equal(widen({ kind: 'z', value: 1 }, rules)[0]?.['unit'], undefined);
    assert.equal(widen({ kind: 'x', value: 1, unit: 'ms' }, rules)[0]?.['unit'], 'ms');
  });

  it('gives every message a template: the logger’s own, else one without what changes', () => {
    const [record] = widen({ message: 'Waited 3 s', 'log.template': 'Waited %d s' });
    assert.equal(record?.['log.template'], 'Waited %d s');
    const shown = (message: string): string => normaliseMessage(message, message.length);
    assert.equal(
      shown("Block 3 of 'htex' at 0x7fe is b'8f8ba7000809', won't end"),
      "Block * of '*' at * is b'*', won't end",
    );
    assert.equal(shown('Wrote /tmp/a1/b.txt in 3.5e-2 s: 12%'), 'Wrote * in * s: *%');
    assert.equal(shown('x '.repeat(500)).length, 160);
  });
});
