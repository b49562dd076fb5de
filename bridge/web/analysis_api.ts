/** What the analyses answer, of one run: how one task went. */
import type { Router } from 'express';

import type { WideRecord } from '../core/record.ts';
import type { Reads } from '../store/store.ts';
import { noParameters, taskOf, type AboutRun } from './ask.ts';

export function addAnalyses(api: Router, store: Reads, aboutRun: AboutRun): void {
  api.get('/runs/:run/tasks/:task/flow', aboutRun(noParameters, async (run, _, { params }) => {
    const task = taskOf(params);
    const flow = task === undefined ? undefined : await store.flow(run, task);
    return flow && { ...flow, lines: flow.lines.map(({ record, ...line }) => ({ ...line, record: record && plain(record) })) };
  })); // prettier-ignore
}

/** A record in what JSON can hold: its nanoseconds are a string of digits. */
export function plain(record: WideRecord): Record<string, unknown> {
  return { ...record, ...(typeof record['time'] === 'bigint' ? { time: record['time'].toString() } : {}) };
}
