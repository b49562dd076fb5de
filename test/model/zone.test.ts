import assert from 'node:assert/strict';

import { fixedZone, namedZone } from '../../bridge/core/time.ts';
import { newRun } from '../../bridge/model/entities.ts';
import { currentZone, instantOf, lastInstantOf } from '../../bridge/model/zone.ts';

const noon = Date.UTC(2026, 0, 15, 12) * 1000;
const hour = 3600e6;

describe('model/zone', () => {
  it('knows no instant of what was never told, in any kind of zone', () => {
    for (const zone of [fixedZone(0, 'config'), namedZone('Europe/Berlin', 'plugin')!]) {
      assert.equal(instantOf({ local: NaN, instant: NaN }, zone), undefined);
      assert.equal(lastInstantOf({ local: NaN, instant: NaN }, zone), undefined);
    }
  });

  it('takes the earlier of both clocks for a first time, the later for a last', () => {
    const zone = namedZone('Europe/Berlin', 'plugin')!;
    const told = { local: noon, instant: noon - 2 * hour };
    assert.equal(instantOf(told, zone), noon - 2 * hour);
    assert.equal(lastInstantOf(told, zone), noon - hour);
  });

  it('believes the plugin, then the configuration, then arrival, then this machine', () => {
    const run = newRun('a');
    assert.equal(currentZone(run, undefined).source, 'machine');
    run.anyDelay = -hour + 1000;
    assert.deepEqual([currentZone(run, undefined).source, currentZone(run, undefined).offset(noon)], ['arrival', hour]);
    run.submitDelay = -2 * hour;
    assert.equal(currentZone(run, undefined).offset(noon), 2 * hour);
    assert.equal(currentZone(run, fixedZone(0, 'config')).source, 'config');
    run.utcOffset.value = 3600;
    assert.deepEqual([currentZone(run, fixedZone(0, 'config')).source, currentZone(run, undefined).offset(noon)], ['plugin', hour]);
    run.timeZone.value = 'America/New_York';
    assert.equal(currentZone(run, undefined).offset(noon), -5 * hour);
  });
});
