/** A live fold against one that closes at the end: the same spans and logs, as long as nothing comes after its span closed. */
import assert from 'node:assert/strict';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import type { WideRecord } from '../../bridge/core/record.ts';
import type { Span } from '../../bridge/core/signal.ts';
import type { EngineOptions } from '../../bridge/engine.ts';
import { Engine } from '../../bridge/engine.ts';
import { arrivalOf, asText, batched, fold, LiveEngine, recorded, seeded } from '../helpers/engine.ts';
import { recordings } from '../helpers/fixtures.ts';
import { at, parsl } from '../helpers/records.ts';

/** Feeds records as a bridge would: in batches, at the arrival of the last of each, ticks in between. */
function play(records: readonly WideRecord[], options: Partial<EngineOptions> = {}): LiveEngine {
  const live = new LiveEngine(options);
  const last = records.reduce((latest, record) => Math.max(latest, arrivalOf(record)), 0);
  for (const batch of batched(records, 50, seeded(1))) {
    const now = batch.reduce((latest, record) => Math.max(latest, arrivalOf(record)), 0);
    live.tick(now).apply(batch, now);
  }
  return live.tick(last + 60e6);
}

const bySpanId = (spans: readonly Span[]): string[] =>
  spans.toSorted((a, b) => (a.spanId < b.spanId ? -1 : 1)).map((span) => asText(span));

describe('model: a live fold', () => {
  for (const name of recordings()) {
    it(`gives what one at the end gives, for ${name}`, () => {
      const records = recorded(name);
      const live = play(records);
      const isWhole = live.engine.openTasks === 0;
      // Where the submit process was killed, nothing tells that the run is over.
      assert.equal(isWhole, !name.includes('W4'));
      live.finish();
      const { spans, logs } = fold(records);
      assert.equal(live.engine.counts.late, 0);
      assert.deepEqual(bySpanId(live.spans), bySpanId(spans));
      assert.deepEqual(live.logs.map(asText).sort(), logs.map(asText).sort());
    });

    it(`gives every span once, though it never waits, for ${name}`, () => {
      const live = play(recorded(name), { settleUs: 0, lingerUs: 0 }).finish();
      const ids = live.spans.map(({ spanId }) => spanId);
      assert.equal(new Set(ids).size, ids.length);
      const whole = new Set(fold(recorded(name)).spans.map(({ spanId }) => spanId));
      assert.deepEqual(ids.filter((id) => !whole.has(id)), []); // prettier-ignore
      assert.equal(live.engine.openTasks, 0);
    });
  }

  it('counts as late what comes after its span, and gives that span fewer facts', () => {
    const [pending, launched, running, ended, done] = parsl.whole(0, 0, 5) as [
      WideRecord,
      WideRecord,
      WideRecord,
      WideRecord,
      WideRecord,
    ];
    const late = { ...running, 'source.arrival': at(60) };
    const records = [pending, launched, ended, done, late];
    const live = new LiveEngine().apply(records.slice(0, 4)).tick(at(50)).apply([late]).finish();
    const phases = (spans: readonly Span[]): string[] =>
      spans.filter(({ attributes }) => attributes['parsl.span'] === 'phase').map(({ name }) => name);
    assert.deepEqual(phases(live.spans), ['running', 'returning', 'pending']);
    assert.deepEqual(phases(fold(records).spans), ['pending', 'queued', 'running', 'returning']);
    assert.equal(live.engine.counts.late, 1);
  });

  it('forgets what closed: a hundred thousand tasks leave less than two megabytes', function () {
    this.timeout(120_000);
    setFlagsFromString('--expose-gc');
    const collectGarbage = runInNewContext('gc') as () => void;
    const engine = new Engine({ closing: 'live' });
    const heap = (): number => {
      collectGarbage();
      return process.memoryUsage().heapUsed;
    };
    let spans = 0;
    const feed = (from: number, to: number): void => {
      for (let task = from; task < to; task++) {
        const start = task * 0.01;
        spans += engine.apply(parsl.whole(task, start, start + 5), at(start + 5)).spans.length;
        if (task % 1_000 === 0) engine.takeRows();
      }
      spans += engine.tick(at(to * 0.01 + 60)).spans.length;
      engine.takeRows();
    };
    feed(0, 20_000);
    const before = heap();
    feed(20_000, 120_000);
    const grown = heap() - before;
    assert.equal(engine.openTasks, 0);
    assert.equal(spans, 120_000 * 6);
    assert.ok(grown < 2e6, `${(grown / 1e6).toFixed(1)} MB`);
  });
});
