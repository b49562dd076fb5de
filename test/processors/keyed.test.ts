import assert from 'node:assert/strict';
import fc from 'fast-check';

import type { WideRecord } from '../../bridge/core/record.ts';
import { Draft } from '../../bridge/processors/draft.ts';
import { Keyed } from '../../bridge/processors/keyed.ts';

interface Thing {
  readonly name: string;
}

describe('processors/keyed', () => {
  const some = fc.constantFrom<WideRecord[string]>('a', 'b', 1, '1', null);
  const record = fc.record({ x: some, y: some }, { requiredKeys: [] });
  const step = fc.oneof(
    { weight: 8, arbitrary: record.map((given) => ({ do: 'find', given }) as const) },
    { weight: 1, arbitrary: some.map((value) => ({ do: 'forget', value }) as const) },
    { weight: 1, arbitrary: fc.constant({ do: 'forgetOldest' } as const) },
  );

  it('finds the thing of two keys as a list of all things would, whatever was forgotten between', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const draft = new Draft();
        const keyed = new Keyed<Thing>(['x', 'y'], draft);
        let list: { keys: readonly unknown[]; thing: Thing }[] = [];
        steps.forEach((one, at) => {
          if (one.do === 'forgetOldest') {
            keyed.forgetOldest();
            list.shift();
          } else if (one.do === 'forget') {
            keyed.forget(one.value);
            list = list.filter(({ keys }) => keys[0] !== one.value);
          } else {
            const { x = null, y = null } = one.given;
            draft.begin(one.given);
            const found = keyed.find(() => ({ name: `${at}` }));
            if (x === null || y === null) {
              assert.equal(found, undefined);
              return;
            }
            const known = list.find(({ keys }) => keys[0] === x && keys[1] === y);
            if (known === undefined) list.push({ keys: [x, y], thing: { name: `${at}` } });
            assert.deepEqual(found, known?.thing ?? { name: `${at}` });
          }
          assert.equal(keyed.size, list.length);
        });
      }),
    );
  });

  it('makes nothing where nothing is to be made', () => {
    const draft = new Draft();
    const keyed = new Keyed<Thing>(['x'], draft);
    draft.begin({ x: 1 });
    assert.equal(
      keyed.find(() => undefined),
      undefined,
    );
    assert.equal(keyed.size, 0);
  });
});
