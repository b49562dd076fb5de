import assert from 'node:assert/strict';

import type { WideRecord } from '../../bridge/core/record.ts';
import { LiveEngine, pointsOf } from '../helpers/engine.ts';
import { at, parsl } from '../helpers/records.ts';

function utilization(records: readonly WideRecord[]): Record<string, number> {
  const live = new LiveEngine().apply([parsl.begin(0), ...records]).tick(at(60));
  const points = pointsOf(live.engine.collect(at(60)), 'parsl.node.memory.utilization');
  return Object.fromEntries(points.map(({ attributes, value }) => [String(attributes['executor']), value]));
}

describe('mappers/nodes', () => {
  const node = (host: string, bytes: number) =>
    parsl.manager(host, 1, { 'host.name': host, 'parsl.manager_info.total_memory': bytes });
  const on = (host: string, id: number, bytes: readonly number[], executor = 'htex') => [
    parsl.task(id, 0, 'launched', 2, { launched: 2 }, { 'parsl.executor': executor }),
    parsl.worker(id, 0, 'running', 3, { 'host.name': host }),
    ...bytes.map((resident, index) => parsl.sample(id, 0, 4 + index, index, resident, { 'host.name': host })),
  ];
  const nodes = [node('n1', 1000), node('n2', 4000)];

  it('shows the fullest node of an executor: the peaks of all tries on it, against what it has', () => {
    assert.deepEqual(utilization([...nodes, ...on('n1', 0, [100, 300, 200]), ...on('n1', 1, [200])]), { htex: 0.5 });
    assert.deepEqual(utilization([...nodes, ...on('n1', 0, [300]), ...on('n2', 1, [3600])]), { htex: 0.9 });
    assert.deepEqual(utilization([...nodes, ...on('n1', 0, [300]), ...on('n1', 1, [400], 'gpu')]), { gpu: 0.7, htex: 0.7 }); // prettier-ignore
  });

  it('shows nothing that was not told: no sample, no size of the node, no try any more', () => {
    assert.deepEqual(utilization([...nodes, ...on('n1', 0, [])]), {});
    assert.deepEqual(utilization(on('n1', 0, [300])), {});
    assert.deepEqual(utilization([...nodes, ...on('n1', 0, [300]), parsl.worker(0, 0, 'running_ended', 9)]), {});
    // Given up because its manager was lost: no worker says that it ended.
    const lost = parsl.task(0, 0, 'fail_retryable', 9, { launched: 2, returned: 9 });
    assert.deepEqual(utilization([...nodes, ...on('n1', 0, [300]), lost]), {});
    assert.deepEqual(utilization([...nodes, ...on('n1', 0, [300]), parsl.end(50)]), {});
  });
});
