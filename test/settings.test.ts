/** What a configuration bounds of the operators: what waits for the record that tells whose it is. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { silent } from '../bridge/core/log.ts';
import type { WideRecord } from '../bridge/core/record.ts';
import { liveLimits } from '../bridge/processors/operators.ts';
import { liveOperators } from '../bridge/rules.ts';
import { settings } from '../bridge/settings.ts';
import { nanos, RUN } from './helpers/records.ts';

/** A line that names an executor task, of which no record tells whose it is. */
const waiting = (task: number): WideRecord => ({
  'parsl.dfk': RUN,
  'parsl.executor': 'htex',
  'parsl.executor_task': task,
  'source.log': 'worker',
  time: nanos(task),
  message: 'said',
});

describe('settings', () => {
  it('bound what operators hold, by the operators’ own numbers where nothing is said', () => {
    const { limits } = settings.parse({});
    const given: Record<string, number> = { ...limits, held_us_max: limits.held_ms * 1_000 };
    for (const [name, bound] of Object.entries(liveLimits)) assert.equal(given[name], bound, name);
  });

  it('bound how many records wait, and for how long', () => {
    const few = liveOperators(settings.parse({ limits: { held_records_max: 2 } }), silent);
    assert.equal(few.apply([1, 2, 3, 4, 5].map(waiting), 0).length, 3);
    assert.deepEqual([few.counts.held, few.counts.unresolved.held_records], [2, 3]);

    const short = liveOperators(settings.parse({ limits: { held_ms: 50 } }), silent);
    assert.equal(short.apply([waiting(1)], 0).length, 0);
    assert.deepEqual([short.tick(49_999).length, short.tick(50_000).length], [0, 1]);
  });

  it('name files of rules whose selections a bridge does not write: it says so', () => {
    const directory = mkdtempSync(join(tmpdir(), 'parsl-otel-settings-'));
    const file = join(directory, 'mine.yaml');
    writeFileSync(file, 'select: [{ name: jobs, has: [job], write: jobs.jsonl }]');
    const told: object[] = [];
    liveOperators(settings.parse({ rules: [file] }), { ...silent, warn: (fields) => void told.push(fields) });
    assert.deepEqual(told, [{ selections: ['jobs'] }]);
    rmSync(directory, { recursive: true });
  });
});
