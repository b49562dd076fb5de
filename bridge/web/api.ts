/**
 * The API that the page reads, for others too (docs/api.md). JSON out; every parameter is checked, a wrong one is
 * named. Answers about one run carry the run's revision as their ETag, so that asking again about a run that has not
 * changed costs nothing.
 */
import type { RequestHandler, Response } from 'express';
import { Router } from 'express';
import { z } from 'zod';

import { phasesOf } from '../analysis/phases.ts';
import type { Reads, TaskQuery } from '../store/store.ts';
import { pageMax, pointsMax, taskSorts } from '../store/store.ts';
import { addAnalyses } from './analysis_api.ts';
import { askAboutRuns, noParameters, parse, taskOf, word } from './ask.ts';
import { sendError } from './errors.ts';
import { shownInfo, type Info } from './info.ts';
import type { Live } from './live.ts';
import { addRecords } from './records_api.ts';
import { createShared } from './shared.ts';
import { withStatus } from './status.ts';

export interface ApiOptions {
  readonly store: Reads;
  readonly live: Live;
  readonly info: () => Info;
  /** Microseconds since the epoch. */
  readonly now: () => number;
}

export const taskParameters = z.strictObject({
  state: z
    .string()
    .max(500)
    .transform((list) => list.split(',').filter((state) => state !== ''))
    .optional()
    .describe('Any of these states, comma list.'),
  app: word.optional().describe('App.'),
  executor: word.optional().describe('Executor.'),
  host: word.optional().describe('Host of the newest try.'),
  block: word.optional().describe('Block of the newest try.'),
  manager: word.optional().describe('Manager of the newest try.'),
  error: word.optional().describe('Error type of the task or of one of its tries.'),
  text: z.string().max(200).optional().describe('Text in app, host, error, files; or the task’s number.'),
  sort: z.enum(taskSorts).default('task').describe('What to sort by; what is not known stands last.'),
  order: z.enum(['asc', 'desc']).default('asc').describe('Which way.'),
  limit: z.coerce.number().int().min(1).max(pageMax).default(100).describe('Tasks a page.'),
  offset: z.coerce.number().int().min(0).max(1e9).default(0).describe('Tasks before the page.'),
});

export const curveParameters = z.strictObject({
  points: z.coerce.number().int().min(2).max(pointsMax).default(pointsMax).describe('Points of the curve.'),
});

export const streamParameters = z.strictObject({ run: word.optional().describe('Records of this run only.') });

export function createApi({ store, live, info, now }: ApiOptions): Router {
  const api = Router();
  const aboutRun = askAboutRuns(store, now().toString(36));
  const shared = createShared();
  const curve = (work: (run: string, points: number) => Promise<object>, name: string): RequestHandler =>
    aboutRun(curveParameters, (run, { points }, _, revision) =>
      shared(`${name} ${run} ${points} ${revision}`, () => work(run, points)),
    );

  api.use((_request, response, next) => {
    response.set('Cache-Control', 'no-cache');
    next();
  });
  api.get('/info', (_request, response) => void response.json(shownInfo(info())));
  api.get('/runs', async (request, response) => {
    if (parse(noParameters, request, response) === undefined) return;
    const at = now();
    response.json({ now: at, runs: (await store.runs()).map((run) => withStatus(run, at)) });
  });
  api.get(
    '/runs/:run',
    aboutRun(noParameters, async (run) => readRun(store, run, now()), 'never'),
  );
  api.get(
    '/runs/:run/tasks',
    aboutRun(taskParameters, (run, query) => store.tasks(run, toQuery(query))),
  );
  api.get('/runs/:run/tasks/:task', aboutRun(noParameters, async (run, _, { params }) => {
    const number = taskOf(params);
    const task = number === undefined ? undefined : await store.task(run, number);
    return task && { task, phases: phasesOf(task) };
  })); // prettier-ignore
  api.get(
    '/runs/:run/states',
    curve((run, points) => store.states(run, points), 'states'),
  );
  api.get(
    '/runs/:run/workers',
    curve((run, points) => store.workers(run, points), 'workers'),
  );
  api.get(
    '/runs/:run/failures',
    aboutRun(noParameters, async (run) => ({ failures: await store.failures(run) })),
  );
  api.get(
    '/runs/:run/hosts',
    aboutRun(noParameters, async (run) => ({ hosts: await store.hosts(run) })),
  );
  api.get('/runs/:run/blocks', aboutRun(noParameters, async (run) => {
    const [blocks, managers] = await Promise.all([store.blocks(run), store.managers(run)]);
    return { blocks, managers };
  })); // prettier-ignore
  addAnalyses(api, store, aboutRun, shared);
  addRecords(api, store);
  api.get('/live', (request, response) => {
    if (!live.serveChanges(request, response)) refuseStream(response);
  });
  api.get('/stream', (request, response) => {
    const parameters = parse(streamParameters, request, response);
    if (parameters === undefined) return;
    if (!live.serveStream(request, response, parameters.run?.toLowerCase())) refuseStream(response);
  });
  api.use((request, response) => {
    const isKnown = request.method !== 'GET' && request.method !== 'HEAD';
    if (isKnown) sendError(response.set('Allow', 'GET'), 405, `${request.method} is not for this address`, 'use GET');
    else sendError(response, 404, `there is no api${request.path}`, 'docs/api.md lists what there is');
  });
  return api;
}

async function readRun(store: Reads, run: string, now: number): Promise<object | undefined> {
  const detail = await store.run(run);
  return detail && { now, run: withStatus(detail, now) };
}

/** Keys that were not asked for are absent, not undefined. */
function toQuery(parameters: z.output<typeof taskParameters>): TaskQuery {
  const given = Object.entries(parameters).filter(([, value]) => value !== undefined);
  return Object.fromEntries(given) as unknown as TaskQuery; // The schema's keys are the query's.
}

function refuseStream(response: Response): void {
  sendError(response, 503, 'there are too many open streams', 'close a page that shows this bridge');
}
