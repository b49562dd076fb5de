/**
 * The page's waterfall (over rows) and the spans (over facts) follow one set of rules in two places, because a row also
 * shows what has not ended yet. For tasks that have ended they say the same; this holds them to it.
 */
import assert from 'node:assert/strict';

import { isLogPhase } from '../../bridge/core/log_phases.ts';
import type { Rows } from '../../bridge/core/row.ts';
import { toMicros } from '../../bridge/core/time.ts';
import { Engine } from '../../bridge/engine.ts';
import { decodeFrames } from '../../bridge/formats/frames.ts';
import type { TaskDetail } from '../../bridge/store/store.ts';
import { phasesOf } from '../../bridge/analysis/phases.ts';
import { findInputs } from '../../bridge/inputs.ts';
import { readWidened } from '../../bridge/widened.ts';
import { recordedFrames, recordings } from '../helpers/fixtures.ts';
import { readRunDirs, runDir } from '../helpers/run_dirs.ts';

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

describe('analysis/log_phases and the spans', function () {
  this.timeout(60_000);
  for (const name of ['run_dirs/2026.10.26-W1-htex', 'run_dirs/htex-full', 'run_dirs/workqueue-parsl', 'fidelity/htex-text-2024'])
    it(`say the same of every try of ${name}`, async () => {
      const engine = new Engine({ closing: 'end', zone: undefined });
      for await (const records of readWidened(findInputs([runDir(name)]), { report: (error) => assert.fail(error) }))
        engine.apply(records, 0);
      const fromSpans = engine.finish().spans.flatMap(({ name: phase, attributes, startTimeUnixNano, endTimeUnixNano }) => {
        if (!isLogPhase(phase) || attributes['parsl.span'] !== 'phase') return [];
        const about = [attributes['parsl.dfk'], attributes['parsl.task'], attributes['parsl.try'], phase, attributes['parsl.phase.spell'] ?? 1];
        return [[...about, toMicros(startTimeUnixNano), toMicros(endTimeUnixNano), attributes['parsl.inferred'] ?? ''].join(' ')];
      });
      const { reads, close } = await readRunDirs(name);
      const fromFlows: string[] = [];
      for (const { run, tasks } of await reads.runs())
        for (let task = 0; task < tasks; task += 1) {
          const { phases = [] } = (await reads.flow(run, task)) ?? {};
          for (const { name: phase, try: attempt, spell, start, end, start_inferred, end_inferred, told_by } of phases) {
            if (told_by !== 'logs' || start === null || end === null) continue;
            const inferred = [start_inferred ? 'start' : '', end_inferred ? 'end' : ''].filter(Boolean).join(',');
            fromFlows.push([run, task, attempt, phase, spell, start, end, inferred].join(' '));
          }
        }
      close();
      assert.ok(fromFlows.length > 200);
      assert.deepEqual(fromFlows.sort(), fromSpans.sort());
    });
}); // prettier-ignore
