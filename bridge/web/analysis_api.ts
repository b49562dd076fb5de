/** What the analyses answer of one run. The dear ones are worked out once for all who ask at the same revision. */
import type { Router } from 'express';
import { z } from 'zod';

import type { WideRecord } from '../core/record.ts';
import { pointsMax, type Reads } from '../store/store.ts';
import { noParameters, taskOf, word, type AboutRun } from './ask.ts';
import type { Shared } from './shared.ts';

export const lifelineParameters = z.strictObject({ app: word.optional().describe('Tasks of this app alone.') });

export const plotParameters = z.strictObject({
  by: word.default('app').describe('What tells kinds apart: app, executor, host, block, manager, state or any key.'),
  points: z.coerce.number().int().min(2).max(pointsMax).default(200).describe('Intervals of the curves.'),
});

export const laneParameters = z.strictObject({
  points: z.coerce.number().int().min(2).max(pointsMax).default(200).describe('Instants of the curves.'),
});

export function addAnalyses(api: Router, store: Reads, aboutRun: AboutRun, shared: Shared): void {
  api.get('/runs/:run/tasks/:task/flow', aboutRun(noParameters, async (run, _, { params }) => {
    const task = taskOf(params);
    const flow = task === undefined ? undefined : await store.flow(run, task);
    return flow && { ...flow, lines: flow.lines.map(({ record, ...line }) => ({ ...line, record: record && plain(record) })) };
  })); // prettier-ignore
  api.get('/runs/:run/lifeline', aboutRun(lifelineParameters, (run, { app }, _, revision) =>
    shared(JSON.stringify(['lifeline', run, app, revision]), () => store.lifeline(run, { app })))); // prettier-ignore
  api.get('/runs/:run/lanes', aboutRun(laneParameters, (run, { points }, _, revision) =>
    shared(JSON.stringify(['lanes', run, points, revision]), () => store.lanes(run, points)))); // prettier-ignore
  api.get('/runs/:run/bottleneck', aboutRun(noParameters, (run, _, __, revision) =>
    shared(JSON.stringify(['bottleneck', run, revision]), () => store.bottleneck(run)))); // prettier-ignore
  api.get('/runs/:run/plots', aboutRun(plotParameters, (run, asked, _, revision) =>
    shared(JSON.stringify(['plots', run, asked, revision]), () => store.plots(run, asked)))); // prettier-ignore
}

/** A record in what JSON can hold: its nanoseconds are a string of digits. */
export function plain(record: WideRecord): Record<string, unknown> {
  return { ...record, ...(typeof record['time'] === 'bigint' ? { time: record['time'].toString() } : {}) };
}
