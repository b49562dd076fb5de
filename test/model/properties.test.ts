/**
 * What must hold whatever comes, in whatever order (DESIGN.md §4.5-4.7), shown with the recordings: the seed of a failure
 * is in its message.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fc from 'fast-check';

import type { WideRecord } from '../../bridge/core/record.ts';
import { batched, bytesOf, fold, recorded, seeded, shuffled } from '../helpers/engine.ts';
import { captures, expected, recordings } from '../helpers/fixtures.ts';

/** Fewer for the long recordings: they differ from the short ones in length alone. */
function runsFor(records: readonly WideRecord[], most: number): number {
  return Math.max(2, Math.min(most, Math.floor(20_000 / records.length)));
}

function check(
  name: string,
  most: number,
  property: (records: readonly WideRecord[], random: () => number) => void,
): void {
  const records = recorded(name);
  fc.assert(
    fc.property(fc.integer({ min: 0 }), (seed) => property(records, seeded(seed))),
    { seed: 1, numRuns: runsFor(records, most), endOnFailure: true },
  );
}

describe('model: properties', () => {
  for (const name of recordings()) {
    describe(name, function () {
      this.timeout(60_000);
      const whole = (): string => bytesOf([recorded(name)]);
      const offset = expected(name).tz === 'UTC' ? 0n : 3_600_000_000n;

      it('gives the same bytes in any order', () => {
        const bytes = whole();
        check(name, 50, (records, random) => assert.equal(bytesOf([shuffled(records, random)]), bytes));
      });

      it('gives the same bytes with records doubled, a while later and by another receiver', () => {
        const bytes = whole();
        check(name, 10, (records, random) => {
          const again = records
            .filter(() => random() < 0.5)
            .map((record) => ({ ...record, 'source.receiver': 'other', 'source.arrival': arrival(record) + 3e6 }));
          assert.equal(bytesOf([shuffled([...records, ...again], random)]), bytes);
        });
      });

      it('gives the same bytes in batches of any size that two receivers hand on in turn', () => {
        const bytes = whole();
        check(name, 10, (records, random) => {
          const sides = records.map((record) => ({ record, isFirst: random() < 0.5 }));
          const batches = [true, false].flatMap((wanted) => {
            const own = sides.filter(({ isFirst }) => isFirst === wanted).map(({ record }) => record);
            return batched(shuffled(own, random), 40, random);
          });
          assert.equal(bytesOf(shuffled(batches, random)), bytes);
        });
      });

      // In W3 the wire has samples that a killed manager never handed on.
      for (const file of captures(name).filter((file) => file !== 'messages.bin' && !name.includes('W3')))
        it(`gives the same bytes where ${file} is heard as well`, () => {
          assert.equal(bytesOf([recorded(name, file), recorded(name)]), whole());
        });

      it('invents nothing, whatever is lost', () => {
        check(name, 30, (records, random) => {
          const share = random();
          assertHonest(
            records.filter(() => random() < share),
            offset,
          );
        });
      });
    });
  }

  it('gives the same bytes wherever this machine is', function () {
    this.timeout(60_000);
    const names = ['2026.05.25-W5-fs', '2026.10.26-W5-threads', '1.2.0-W1-udp'];
    const script = `
      import { bytesOf, recorded } from ${JSON.stringify(new URL('../helpers/engine.ts', import.meta.url))};
      for (const name of ${JSON.stringify(names)}) console.log(bytesOf([recorded(name)]));
    `;
    const here = names.map((name) => `${bytesOf([recorded(name)])}\n`).join('');
    for (const zone of ['America/New_York', 'Asia/Kathmandu']) {
      const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
        env: { ...process.env, TZ: zone },
        encoding: 'utf8',
      });
      assert.equal(stdout, here, `${zone}: ${stderr}`);
    }
  });
});

function arrival(record: WideRecord): number {
  return Number(record['source.arrival']);
}

/** Checks the spans against all that the records say; their clocks are `offset` east of UTC, microseconds. */
function assertHonest(records: readonly WideRecord[], offset: bigint): void {
  const { spans, counts } = fold(records);
  const told = new Map<string, Set<bigint>>();
  const launched = new Set<string>();
  for (const record of records) {
    const task = `${String(record['parsl.dfk'])}/${String(record['parsl.task'])}`;
    let times = told.get(task);
    if (times === undefined) told.set(task, (times = new Set()));
    for (const [key, value] of Object.entries(record))
      if (typeof value === 'number' && /timestamp|time_(invoked|launched|returned|began|completed)$/.test(key))
        times.add(BigInt(value));
    const isLaunch = record['parsl.task_state'] === 'launched' || record['parsl.message_type'] !== 'TASK_INFO';
    if (isLaunch) launched.add(`${task}/${String(record['parsl.try'])}`);
  }
  const ids = new Set(spans.map(({ spanId }) => spanId));
  assert.equal(ids.size, spans.length, 'a span id twice');
  assert.equal(counts.late, 0);
  for (const span of spans) {
    const { attributes, startTimeUnixNano: start, endTimeUnixNano: end } = span;
    const what = `${String(attributes['parsl.span'])} ${span.name} of task ${String(attributes['parsl.task'])}`;
    assert.ok(
      start > 1_700_000_000_000_000_000n && start <= end && end < 2_000_000_000_000_000_000n,
      `${what}: ${start} ${end}`,
    );
    if (span.parentSpanId !== '') assert.ok(ids.has(span.parentSpanId), `${what} has no parent`);
    const task = `${String(attributes['parsl.dfk'])}/${String(attributes['parsl.task'])}`;
    if (attributes['parsl.span'] === 'try') assert.ok(launched.has(`${task}/${String(attributes['parsl.try'])}`), what);
    if (attributes['parsl.task'] === undefined) continue;
    for (const [bound, at] of [
      ['start', start],
      ['end', end],
    ] as const) {
      // What is not marked was observed: told of this very task.
      const isMarked = String(attributes['parsl.inferred'] ?? '').includes(bound);
      assert.ok(isMarked || told.get(task)?.has(at / 1000n + offset), `${what}: its ${bound} was never told`);
    }
  }
}
