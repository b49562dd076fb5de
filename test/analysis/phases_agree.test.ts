/**
 * The page's waterfall (over rows) and the spans (over facts) follow one set of rules in two places, because a row also
 * shows what has not ended yet. For tasks that have ended they say the same; this holds them to it.
 */
import assert from 'node:assert/strict';

import type { Rows } from '../../bridge/core/row.ts';
import { toMicros } from '../../bridge/core/time.ts';
import { Engine } from '../../bridge/engine.ts';
import { decodeFrames } from '../../bridge/formats/frames.ts';
import type { TaskDetail } from '../../bridge/store/store.ts';
import { phasesOf } from '../../bridge/analysis/phases.ts';
import { recordedFrames, recordings } from '../helpers/fixtures.ts';

function details({ tasks, tries }: Rows): TaskDetail[] {
  const none = { total: 0, links: [] };
  return tasks.map((row) => ({
    ...row,
    error: null,
    attempts: tries
      .filter((attempt) => attempt.run === row.run && attempt.task === row.task)
      .sort((a, b) => a.try - b.try)
      .map((attempt) => ({ ...attempt, error: null })),
    dependencies: none,
    dependents: none,
    joined: none,
    joined_by: none,
    memo: null,
    memo_users: none,
    samples: [],
  }));
}

describe('analysis/phases and the spans', () => {
  for (const recording of recordings()) {
    it(`say the same of every task that ended in ${recording}`, () => {
      const engine = new Engine({ closing: 'end', zone: undefined });
      engine.apply(decodeFrames(recordedFrames(recording), 'test').records, 0);
      const { spans } = engine.finish();
      const fromSpans = spans
        .filter(({ attributes }) => attributes['parsl.span'] === 'phase')
        .map(({ name, attributes, startTimeUnixNano, endTimeUnixNano }) => {
          const about = [attributes['parsl.dfk'], attributes['parsl.task'], attributes['parsl.try'] ?? null, name];
          const inferred = String(attributes['parsl.inferred'] ?? '');
          return [...about, toMicros(startTimeUnixNano), toMicros(endTimeUnixNano), inferred].join(' ');
        });
      const ended = details(engine.takeRows()).filter(({ final }) => final);
      const fromRows = ended.flatMap((task) =>
        phasesOf(task)
          .filter(({ name }) => name !== 'try')
          .map(({ name, try: attempt, start, end, start_inferred, end_inferred }) => {
            const inferred = [start_inferred ? 'start' : '', end_inferred ? 'end' : ''].filter(Boolean).join(',');
            return [task.run, task.task, attempt, name, start, end, inferred].join(' ');
          }),
      );
      const names = new Set(ended.map(({ run, task }) => `${run} ${task} `));
      const ofEnded = fromSpans.filter((text) => names.has(text.split(' ').slice(0, 2).join(' ') + ' '));
      assert.deepEqual(fromRows.sort(), ofEnded.sort());
      assert.ok(fromRows.length > 0);
    });
  }
});
