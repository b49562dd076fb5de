import assert from 'node:assert/strict';

import type { WideRecord } from '../../bridge/core/record.ts';
import { Draft } from '../../bridge/processors/draft.ts';

describe('processors/draft', () => {
  const draft = new Draft();
  const [task = 0, state = 0, gone = 0] = draft.slotsOf(['parsl.task', 'parsl.task_state', 'htex_task']);

  it('gives back the record itself where nothing was set', () => {
    const record: WideRecord = { 'parsl.task': 3 };
    draft.begin(record);
    assert.equal(draft.get(task), 3);
    assert.equal(draft.take(), record);
  });

  it('makes a new record with what was set, and leaves the old one as it is', () => {
    const record: WideRecord = Object.freeze({ 'parsl.task': 3, 'parsl.task_state': null, htex_task: 7 });
    draft.begin(record);
    assert.equal(draft.get(state), undefined);
    draft.give(task, 4);
    draft.give(state, 'launched');
    draft.remove(gone);
    assert.equal(draft.get(gone), undefined);
    assert.deepEqual(draft.take(), { 'parsl.task': 3, 'parsl.task_state': 'launched' });
    assert.deepEqual(record, { 'parsl.task': 3, 'parsl.task_state': null, htex_task: 7 });
  });

  it('remembers nothing of the record before', () => {
    draft.begin({ 'parsl.task': 3 });
    draft.set(state, 'failed');
    draft.begin({ message: 'm' });
    assert.equal(draft.get(task), undefined);
    assert.equal(draft.get(state), undefined);
    assert.deepEqual(draft.take(), { message: 'm' });
  });
});
