import assert from 'node:assert/strict';

import { recognise, unread } from '../../../bridge/receivers/run_dir/look.ts';
import { plan } from '../../../bridge/receivers/run_dir/plan.ts';
import type { SeenFile } from '../../../bridge/receivers/run_dir/tree.ts';

const BEGINS =
  '1795264862.534026 2026-11-21 12:41:02 MainProcess-12530 MainThread-14 parsl.executors.high_throughput.interchange:129 ' +
  '__init__ INFO: Attempting connection to client at 127.0.0.1 on ports: 55563,55916,55429\n';
const NAMED = BEGINS.replace(/Attempting.*/, 'Run id is: 886c6968-820f-4f28-aa39-931d91e7ce7f');
const LATER = BEGINS.replace(/Attempting.*/, 'Task 3 submitted');

const seen = (files: Readonly<Record<string, string>>): SeenFile[] =>
  Object.entries(files).map(([path, text]) => {
    const file = recognise(path, { bytes: Buffer.from(text), hole: 0 }, path);
    assert.ok(file !== undefined && !(file instanceof Error), path);
    return file;
  });
/** What the plan's headers say of the run, by path. */
const told = (files: Readonly<Record<string, string>>, isGrowing = false): Record<string, unknown> =>
  Object.fromEntries(
    plan(seen(files), 'in', isGrowing).logs.map(({ path, header: { keys } }) => [
      path,
      [keys['source.nameless'], typeof keys['parsl.dfk']],
    ]),
  );

describe('receivers/run_dir/plan', () => {
  const interchange = { 'run/htex/interchange.log': BEGINS };
  const none = [undefined, 'undefined'];

  it('says of an executor’s logs alone that nothing names their run', () => {
    assert.deepEqual(told(interchange), { 'run/htex/interchange.log': ['executor', 'undefined'] });
  });

  it('says nothing of it where the submit side’s log or a monitoring.db names the run', () => {
    assert.deepEqual(told({ ...interchange, 'run/parsl.log': NAMED })['run/htex/interchange.log'], none);
    for (const database of ['monitoring.db', 'run/monitoring.db', 'run/monitoring.json'])
      assert.deepEqual(told({ ...interchange, [database]: '{"tag":"x"}' })['run/htex/interchange.log'], none, database);
    assert.deepEqual(told({ ...interchange, 'elsewhere/monitoring.db': '' })['run/htex/interchange.log'], ['executor', 'undefined']); // prettier-ignore
  });

  it('waits for a submit side’s log that is followed to name the run, and else gives it one id for all', () => {
    const files = { ...interchange, 'run/parsl.log': LATER };
    assert.deepEqual(told(files, true), { 'run/htex/interchange.log': none, 'run/parsl.log': none });
    assert.deepEqual(told(files), {
      'run/htex/interchange.log': [undefined, 'string'],
      'run/parsl.log': [undefined, 'string'],
    });
  });

  it('gives no name where the submit side’s log is there and could not be opened', () => {
    const logs = plan([...seen(interchange), unread('run/parsl.log')], 'in').logs;
    assert.deepEqual(logs.map(({ path, header }) => [path, header.keys['source.nameless']]), [['run/htex/interchange.log', undefined]]); // prettier-ignore
    assert.deepEqual(plan([...seen(interchange), unread('run/htex/block-0/d941c5ff7759/manager.log')], 'in').logs[0]?.header.keys['source.nameless'], 'executor'); // prettier-ignore
  });

  it('gives one id to logs among which no interchange says when it begins', () => {
    const files = { 'run/htex/interchange.log': LATER, 'run/htex/block-0/d941c5ff7759/manager.log': LATER };
    assert.deepEqual(Object.values(told(files)), [['executor', 'string'], ['executor', 'string']]); // prettier-ignore
  });
});
