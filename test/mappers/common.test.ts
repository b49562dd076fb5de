import assert from 'node:assert/strict';

import { attributes, inferredOf, Resources } from '../../bridge/mappers/common.ts';
import { newRun } from '../../bridge/model/entities.ts';
import { learnRun } from '../../bridge/model/learn.ts';
import { parsl, RUN } from '../helpers/records.ts';

describe('mappers/common', () => {
  it('attributes leave out what is unknown, and keep false and zero', () => {
    const known = attributes({ b: 1, a: 'x', no: undefined, none: null, empty: '', nan: NaN, zero: 0, off: false });
    assert.deepEqual(Object.entries(known), [['b', 1], ['a', 'x'], ['zero', 0], ['off', false]]); // prettier-ignore
  });

  it('says which bounds were not observed', () => {
    const moment = (isInferred: boolean) => ({ at: 0, isInferred });
    const said = [[false, false], [true, false], [false, true], [true, true]].map(([start, end]) =>
      inferredOf({ start: moment(start === true), end: moment(end === true) }),
    ); // prettier-ignore
    assert.deepEqual(said, [undefined, 'start', 'end', 'start,end']);
  });

  describe('resources', () => {
    const run = newRun(RUN);
    learnRun(run, parsl.begin(0));

    it('name the workflow, the run and the host of the submit side', () => {
      assert.deepEqual(new Resources().submit(run).attributes, {
        'service.namespace': 'parsl',
        'service.name': 'study',
        'service.instance.id': RUN,
        'host.name': 'login',
        'parsl.dfk': RUN,
      });
    });

    it('name the executor, the manager and the host of a worker', () => {
      const { attributes } = new Resources().worker(run, 'htex', '8f8b', 'node7');
      assert.deepEqual([attributes['service.name'], attributes['service.instance.id'], attributes['host.name']], [
        'study.htex', '8f8b', 'node7',
      ]); // prettier-ignore
    });

    it('are called parsl where nobody named the workflow', () => {
      assert.equal(new Resources().submit(newRun(RUN)).attributes['service.name'], 'parsl');
    });

    it('are one object for all spans that share one, until their run is forgotten', () => {
      const resources = new Resources();
      const first = resources.submit(run);
      assert.equal(resources.submit(run), first);
      assert.notEqual(resources.worker(run, 'htex', undefined, 'login'), first);
      resources.forget(run);
      assert.notEqual(resources.submit(run), first);
      assert.deepEqual(resources.submit(run), first);
    });
  });
});
