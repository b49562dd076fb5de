import assert from 'node:assert/strict';

import type { MeterName } from '../../bridge/core/meters.ts';
import { Meters, meterSpecs } from '../../bridge/core/meters.ts';

const resource = { attributes: { 'service.name': 'parsl-otel' } };

describe('core/meters', () => {
  it('adds up counters by their attributes', () => {
    const meters = new Meters();
    meters.add('received', ['udp'], 3);
    meters.add('received', ['udp']);
    meters.add('received', ['zmq'], 5);
    assert.deepEqual([...meters.read('received')], [
      { attributes: { component: 'udp' }, value: 4 },
      { attributes: { component: 'zmq' }, value: 5 },
    ]); // prettier-ignore
    assert.equal(meters.total('received'), 9);
  });

  it('keeps only the last value of a gauge', () => {
    const meters = new Meters();
    meters.set('memory', [], 10);
    meters.set('memory', [], 7);
    assert.deepEqual([...meters.read('memory')], [{ attributes: {}, value: 7 }]);
  });

  it('knows nothing of what was never counted', () => {
    assert.equal(new Meters().total('late'), 0);
    assert.deepEqual([...new Meters().read('late')], []);
  });

  it('never takes two sets of attributes for one', () => {
    const meters = new Meters();
    meters.add('errors', ['a', 'b c', 'd']);
    meters.add('errors', ['a', 'b', 'c d']);
    assert.equal([...meters.read('errors')].length, 2);
  });

  it('gives every meter of the catalogue as a metric, in its order', () => {
    const metrics = new Meters().collect(1_000_000, 2_000_000, resource);
    const specs = Object.values(meterSpecs);
    assert.deepEqual(metrics.map(({ name }) => name), specs.map(({ name }) => name)); // prettier-ignore
    for (const [index, metric] of metrics.entries()) {
      assert.equal(metric.type, specs[index]?.kind === 'counter' ? 'sum' : 'gauge');
      assert.equal(metric.unit, specs[index]?.unit);
    }
  });

  it('stamps points with when counting began and with now', () => {
    const meters = new Meters();
    meters.add('received', ['udp']);
    const [received] = meters.collect(1_000_000, 2_000_000, resource);
    assert.deepEqual(received?.points, [
      { attributes: { component: 'udp' }, value: 1, startTimeUnixNano: 1_000_000_000n, timeUnixNano: 2_000_000_000n, stale: false },
    ]); // prettier-ignore
  });

  it('names metrics as OpenTelemetry does: no unit and no _total in the name', () => {
    for (const name of Object.keys(meterSpecs) as MeterName[]) {
      assert.match(meterSpecs[name].name, /^parsl\.bridge(\.[a-z_]+)+$/);
      assert.doesNotMatch(meterSpecs[name].name, /total|seconds|bytes/);
      assert.match(meterSpecs[name].unit, /^(s|By|\{[a-z]+\})$/);
    }
  });
});
