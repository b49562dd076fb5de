import assert from 'node:assert/strict';
import fc from 'fast-check';

import {
  fixedZone, formatLocalTime, machineZone, namedZone, parseInstant, parseLocalTime, toMicros, toNanos, zoneFromDelay,
} from '../../bridge/core/time.ts'; // prettier-ignore

const HOUR = 3_600_000_000;
const MINUTE = 60_000_000;

/** What a wall clock shows, its zone, and the instant in UTC, by Python's zoneinfo (fold=0). */
const instants = [
  ['Europe/Berlin', '2026-01-15T12:00:00.000001', '2026-01-15T11:00:00.000001'],
  ['Europe/Berlin', '2026-07-15T12:00:00.999999', '2026-07-15T10:00:00.999999'],
  ['Europe/Berlin', '2026-03-29T01:59:59.999999', '2026-03-29T00:59:59.999999'],
  ['Europe/Berlin', '2026-03-29T03:00:00.000000', '2026-03-29T01:00:00.000000'],
  ['Europe/Berlin', '2026-10-25T01:59:59.999999', '2026-10-24T23:59:59.999999'],
  ['Europe/Berlin', '2026-10-25T03:00:00.000000', '2026-10-25T02:00:00.000000'],
  ['America/New_York', '2026-03-08T01:59:59.999999', '2026-03-08T06:59:59.999999'],
  ['America/New_York', '2026-03-08T03:00:00.000000', '2026-03-08T07:00:00.000000'],
  ['America/New_York', '2026-11-01T00:59:59.999999', '2026-11-01T04:59:59.999999'],
  ['America/New_York', '2026-11-01T02:00:00.000000', '2026-11-01T07:00:00.000000'],
  ['Asia/Kathmandu', '2026-05-05T05:45:00.000000', '2026-05-05T00:00:00.000000'],
  ['Australia/Lord_Howe', '2026-04-05T01:29:59.000000', '2026-04-04T14:29:59.000000'],
  ['Australia/Lord_Howe', '2026-04-05T02:00:00.000000', '2026-04-04T15:30:00.000000'],
  ['Australia/Lord_Howe', '2026-10-04T02:30:00.000000', '2026-10-03T15:30:00.000000'],
  ['America/St_Johns', '2026-01-01T00:00:00.000000', '2026-01-01T03:30:00.000000'],
  ['Pacific/Chatham', '2026-09-27T02:44:59.000000', '2026-09-26T13:59:59.000000'],
  ['Pacific/Chatham', '2026-09-27T03:45:00.000000', '2026-09-26T14:00:00.000000'],
] as const;

/** Times that a wall clock shows twice, when clocks are set back. */
const twice = [
  ['Europe/Berlin', '2026-10-25T02:30:00.000000', '2026-10-25T00:30:00.000000'],
  ['America/New_York', '2026-11-01T01:30:00.000000', '2026-11-01T05:30:00.000000'],
  ['Australia/Lord_Howe', '2026-04-05T01:45:00.000000', '2026-04-04T14:45:00.000000'],
] as const;

function toUtc(zone: string, local: string): string {
  const us = parseLocalTime(local) ?? NaN;
  return formatLocalTime(us - (namedZone(zone, 'config')?.offset(us) ?? NaN));
}

describe('core/time', () => {
  describe('local times', () => {
    it('keep every microsecond, from 1970 to 2096, through text and back', () => {
      fc.assert(
        fc.property(fc.integer({ min: 0, max: 3_999_999_999_999_999 }), (us) => {
          assert.equal(parseLocalTime(formatLocalTime(us)), us);
        }),
        { seed: 1, numRuns: 500 },
      );
    });

    it('are read with a T or a blank, with and without fraction and seconds', () => {
      const expected = Date.UTC(2026, 9, 26, 7, 8) * 1000;
      assert.equal(parseLocalTime('2026-10-26T07:08:09.000010'), expected + 9_000_010);
      assert.equal(parseLocalTime('2026-10-26 07:08:09'), expected + 9_000_000);
      assert.equal(parseLocalTime('2026-10-26 07:08:09,5'), expected + 9_500_000);
      assert.equal(parseLocalTime('2026-10-26 07:08'), expected);
    });

    it('lose what is finer than a microsecond, and nothing else', () => {
      assert.equal(parseLocalTime('1970-01-01T00:00:00.123456999'), 123_456);
    });

    it('are not read from text with a zone, or text that no clock shows', () => {
      const others = ['2026-10-26T07:08:09Z', '2026-10-26T07:08:09+01:00', '26.10.2026 07:08', '', 'now', '2026-10-26'];
      const impossible = ['2026-13-01T00:00:00', '2026-00-10T00:00:00', '2026-01-32T00:00:00', '2026-01-01T24:01:00',
        '2026-01-01T00:60:00', '2026-01-01T00:00:61']; // prettier-ignore
      for (const text of [...others, ...impossible]) assert.equal(parseLocalTime(text), undefined, text);
    });

    it('before 1970 are written as they are read', () => {
      assert.equal(formatLocalTime(-1), '1969-12-31T23:59:59.999999');
      assert.equal(parseLocalTime('1969-12-31T23:59:59.999999'), -1);
    });

    it('beyond what a calendar can show are written as their number', () => {
      assert.equal(formatLocalTime(9e18), '9000000000000000000');
    });
  });

  describe('instants', () => {
    it('are read with Z and with offsets of both signs', () => {
      const noon = Date.UTC(2026, 5, 1, 12) * 1000;
      assert.equal(parseInstant('2026-06-01T12:00:00Z'), noon);
      assert.equal(parseInstant('2026-06-01T13:30:00+01:30'), noon);
      assert.equal(parseInstant('2026-06-01T08:30:00-0330'), noon);
      assert.equal(parseInstant('2026-06-01 12:00:00.000001Z'), noon + 1);
    });

    it('are not read from naive times', () => {
      assert.equal(parseInstant('2026-06-01T12:00:00'), undefined);
    });

    it('become nanoseconds and microseconds again without loss', () => {
      fc.assert(
        fc.property(fc.maxSafeNat(), (us) => assert.equal(toMicros(toNanos(us)), us)),
        { seed: 1 },
      );
      assert.equal(toNanos(1_795_261_680_316_588), 1_795_261_680_316_588_000n);
      assert.equal(toMicros(1_999n), 1);
    });
  });

  describe('zones', () => {
    for (const [zone, local, utc] of instants)
      it(`turn ${local} in ${zone} into the instant that Python gives`, () => assert.equal(toUtc(zone, local), utc));

    for (const [zone, local, utc] of twice)
      it(`take ${local} in ${zone}, which comes twice, for the first, as Python does`, () =>
        assert.equal(toUtc(zone, local), utc));

    it('give the same offset whatever was asked before', () => {
      const reused = namedZone('Europe/Berlin', 'config');
      const start = Date.UTC(2026, 2, 28) * 1000;
      const quarters = Array.from({ length: 4 * 24 * 3 }, (_, index) => start + index * 15 * MINUTE + 1);
      for (const us of quarters.toReversed())
        assert.equal(reused?.offset(us), namedZone('Europe/Berlin', 'config')?.offset(us));
    });

    it('are UTC, offsets, or names that this machine knows', () => {
      assert.equal(namedZone('UTC', 'config')?.offset(0), 0);
      assert.equal(namedZone('+05:45', 'config')?.offset(0), 5.75 * HOUR);
      assert.equal(namedZone('-0330', 'config')?.offset(0), -3.5 * HOUR);
      assert.equal(namedZone('UTC+2', 'config')?.offset(0), 2 * HOUR);
      for (const name of ['Europe/Atlantis', '', '+99:00', '+01:75'])
        assert.equal(namedZone(name, 'config'), undefined, name);
    });

    it('of fixed offset are named by it', () => {
      const names = [0, 5.75 * HOUR, -3.5 * HOUR, -15 * MINUTE].map((offset) => fixedZone(offset, 'plugin').name);
      assert.deepEqual(names, ['+00:00', '+05:45', '-03:30', '-00:15']);
    });

    it('of the machine say that they are the machine’s', () => {
      const zone = machineZone();
      assert.equal(zone.source, 'machine');
      assert.equal(zone.offset(0), 0 - new Date(0).getTimezoneOffset() * MINUTE);
    });
  });

  describe('the zone told by arrival', () => {
    const offsetOf = (delay: number): number => zoneFromDelay(delay, 'arrival').offset(0);

    it('is minus the smallest delay, rounded to a quarter of an hour', () => {
      assert.equal(offsetOf(3 * MINUTE), 0);
      assert.equal(offsetOf(-HOUR + 2_000_000), HOUR);
      assert.equal(offsetOf(5 * HOUR + 40_000), -5 * HOUR);
      assert.equal(offsetOf(-5.75 * HOUR + 900_000), 5.75 * HOUR);
      assert.equal(offsetOf(3.5 * HOUR + 7 * MINUTE), -3.5 * HOUR);
    });

    it('is zero and not minus zero, and forgives a clock that is ahead', () => {
      assert.ok(Object.is(offsetOf(0), 0));
      assert.ok(Object.is(offsetOf(-7 * MINUTE), 0));
    });
  });
});
