import assert from 'node:assert/strict';

import type { WideRecord } from '../../bridge/core/record.ts';
import { fixedZone, machineZone } from '../../bridge/core/time.ts';
import { newRun } from '../../bridge/model/entities.ts';
import { learnDelay, learnRun } from '../../bridge/model/learn.ts';
import { currentZone, instantOf, lastInstantOf, settleZone, stateInstant } from '../../bridge/model/zone.ts';
import { fold, LiveEngine } from '../helpers/engine.ts';
import { at, nanos, parsl, RUN } from '../helpers/records.ts';

const HOUR = 3_600_000_000;
const configured = fixedZone(3 * HOUR, 'config');

function runWith(...records: readonly Parameters<typeof learnRun>[1][]) {
  const run = newRun(RUN);
  for (const record of records) {
    learnRun(run, record);
    learnDelay(run, record);
  }
  return run;
}

/** A record that arrives so many hours after the time that its own clock shows. */
const late = (hours: number, record = parsl.task(0, 0, 'pending', 0)) => ({
  ...record,
  'source.arrival': at(0) + hours * HOUR,
});

describe('model/zone', () => {
  it('is what the plugin says, before the configuration, before arrival times', () => {
    const told = { 'parsl.utc_offset': 7200 };
    assert.deepEqual(summary(runWith(told, late(-1)), configured), [2 * HOUR, 'plugin']);
    assert.deepEqual(summary(runWith(late(-1)), configured), [3 * HOUR, 'config']);
    assert.deepEqual(summary(runWith(late(-1)), undefined), [HOUR, 'arrival']);
  });

  it('is what a log says whose lines have both clocks, where no plugin told it', () => {
    const line = { message: 'Parsl version: 2025.09.1', 'parsl.utc_offset': 3600 };
    assert.deepEqual(summary(runWith(line), configured), [HOUR, 'logs']);
    assert.deepEqual(summary(runWith(line, { 'parsl.utc_offset': 7200 }), configured), [2 * HOUR, 'plugin']);
  });

  it('is the named zone that the plugin tells, with its changes of clock, before its offset', () => {
    const run = runWith({ 'parsl.time_zone': 'Europe/Berlin', 'parsl.utc_offset': 0 });
    assert.deepEqual(summary(run, configured), [HOUR, 'plugin']);
    assert.equal(currentZone(run, undefined).offset(Date.UTC(2026, 6, 1) * 1000), 2 * HOUR);
  });

  it('is not taken from a name or an offset that cannot be one', () => {
    const run = runWith({ 'parsl.time_zone': 'Mars/Olympus', 'parsl.utc_offset': 1e9 });
    assert.deepEqual(summary(run, configured), [3 * HOUR, 'config']);
  });

  it('is told by the smallest delay: late messages do not move it', () => {
    const run = runWith(late(9), late(-1.999), late(3));
    assert.deepEqual(summary(run, undefined), [2 * HOUR, 'arrival']);
  });

  it('is told by the submit side; a worker’s clock counts only where nothing else does', () => {
    const worker = late(-5, parsl.worker(0, 0, 'running', 0));
    assert.deepEqual(summary(runWith(worker, late(-1)), undefined), [HOUR, 'arrival']);
    assert.deepEqual(summary(runWith(worker), undefined), [5 * HOUR, 'arrival']);
  });

  it('is told by the beginning of the run, which has no timestamp', () => {
    assert.deepEqual(summary(runWith(late(-1, parsl.begin(0))), undefined), [HOUR, 'arrival']);
  });

  it('is told by lines of logs about the same states, before arrival times, whichever come first', () => {
    const told = [late(-1, parsl.task(1, 0, 'launched', 5)), late(-1, parsl.worker(1, 0, 'running', 6))];
    const line = { 'parsl.dfk': RUN, 'parsl.task': 1, 'parsl.try': 0, message: 'said' };
    const logged = [
      { ...line, time: nanos(5.2 - 2 * 3600), 'parsl.task_state': 'launched' },
      // Another try, and a worker's clock, say nothing of it.
      { ...line, time: nanos(9 - 7 * 3600), 'parsl.try': 1, 'parsl.task_state': 'launched' },
      { ...line, time: nanos(6 - 9 * 3600), 'parsl.task_state': 'running' },
    ];
    for (const records of [
      [...told, ...logged],
      [...logged, ...told],
    ]) {
      const { engine } = fold(records, { hasRows: true });
      const [run] = engine.takeRows().runs;
      assert.deepEqual([run?.zone, run?.zone_source], ['+02:00', 'logs']);
    }
  });

  it('waits for lines of logs as long as a try waits, and the states told meanwhile are told when their task closes', () => {
    // As a database tells it: nothing arrives.
    const told = parsl.whole(1, 0, 5).map((record): WideRecord => ({ ...record, 'source.arrival': null }));
    const line = { 'parsl.dfk': RUN, 'parsl.task': 1, 'parsl.try': 0, message: 'said', 'parsl.task_state': 'launched' };
    const launched = Number(told[1]?.['parsl.timestamp']);
    const logged = { ...line, time: BigInt(launched - 2 * HOUR) * 1000n };
    const states = ({ logs }: LiveEngine) =>
      logs.filter(({ eventName }) => eventName === 'parsl.task.state').map(({ attributes }) => attributes['parsl.task_state']); // prettier-ignore
    const source = ({ engine }: LiveEngine) => engine.takeRows().runs.map(({ zone_source }) => zone_source);

    const live = new LiveEngine({ hasRows: true }).apply(told, at(0)).apply([logged], at(1.9));
    assert.deepEqual(states(live), []);
    live.finish();
    assert.deepEqual(source(live), ['logs']);
    assert.deepEqual(states(live), ['pending', 'launched', 'running', 'running_ended', 'exec_done']);

    const begun = new LiveEngine({ hasRows: true })
      .apply([{ 'parsl.dfk': RUN }], at(-9))
      .apply(told.slice(1, 2), at(0));
    assert.deepEqual([states(begun), source(begun.apply([logged], at(1)))], [[], ['logs']]);

    const late = new LiveEngine({ hasRows: true }).apply(told.slice(0, 1), at(0)).apply(told.slice(1, 2), at(2));
    assert.deepEqual(states(late), ['launched']);
    assert.deepEqual(source(late.apply([logged], at(2.1))), ['machine']);
  });

  it('is this machine’s where nothing tells', () => {
    assert.equal(currentZone(newRun(RUN), undefined).source, 'machine');
    assert.equal(currentZone(newRun(RUN), undefined).name, machineZone().name);
  });

  it('never changes once something left with it', () => {
    const run = runWith(late(-1));
    settleZone(run, undefined);
    learnRun(run, { 'parsl.utc_offset': 7200 });
    assert.deepEqual(summary(run, configured), [HOUR, 'arrival']);
  });

  it('turns naive times into instants, and takes the earlier or later of both clocks', () => {
    const zone = fixedZone(HOUR, 'plugin');
    assert.equal(instantOf({ local: 3 * HOUR, instant: NaN, logged: undefined }, zone), 2 * HOUR);
    assert.equal(instantOf({ local: 3 * HOUR, instant: 1.5 * HOUR, logged: undefined }, zone), 1.5 * HOUR);
    assert.equal(instantOf({ local: NaN, instant: 5, logged: undefined }, zone), 5);
    assert.equal(instantOf({ local: NaN, instant: NaN, logged: undefined }, zone), undefined);
    const logged = { local: NaN, instant: 4 };
    assert.equal(instantOf({ local: NaN, instant: 5, logged }, zone), 5);
    assert.equal(instantOf({ local: NaN, instant: NaN, logged }, zone), 4);
    assert.equal(lastInstantOf({ local: 3 * HOUR, instant: 1.5 * HOUR }, zone), 2 * HOUR);
    assert.equal(stateInstant({ at: 3 * HOUR, local: true }, zone), 2 * HOUR);
    assert.equal(stateInstant({ at: 3 * HOUR, local: false }, zone), 3 * HOUR);
  });
});

function summary(run: Parameters<typeof currentZone>[0], zone: Parameters<typeof currentZone>[1]): [number, string] {
  const current = currentZone(run, zone);
  return [current.offset(at(0)), current.source];
}
