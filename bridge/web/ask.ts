/**
 * How a question comes in: its parameters checked, its run found, and no answer sent again that the asker has.
 */
import type { Request, RequestHandler, Response } from 'express';
import { z } from 'zod';

import type { Reads } from '../store/store.ts';
import { sendError } from './errors.ts';

export const word = z.string().min(1).max(500);
export const noParameters = z.strictObject({});
const taskNumber = z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER);

export type Answer<P> = (run: string, parameters: P, request: Request, revision: number) => Promise<object | undefined>;

/** Makes the handler of a question about one run. */
export type AboutRun = <S extends z.ZodObject>(
  schema: S,
  answer: Answer<z.output<S>>,
  cached?: 'by revision' | 'never',
) => RequestHandler;

/**
 * An answer about one run: 404 if it is not there, 304 if the asker has it already. `boot` stands in the ETags, because
 * a bridge that was started again may have built its store anew, with other answers under the same revisions.
 */
export function askAboutRuns(store: Reads, boot: string): AboutRun {
  return (schema, answer, cached = 'by revision') =>
    async (request, response) => {
      const { run } = request.params;
      const parameters = parse(schema, request, response);
      if (parameters === undefined || typeof run !== 'string') return;
      const revision = await store.revision(run);
      if (revision === undefined) {
        sendError(response, 404, `there is no run ${run}`, 'GET api/runs lists the runs');
        return;
      }
      if (cached === 'by revision') {
        response.set('ETag', `W/"${boot}-${revision}"`);
        if (request.fresh) {
          response.status(304).end();
          return;
        }
      }
      const value = await answer(run, parameters, request, revision);
      if (value !== undefined) response.json(value);
      else sendError(response, 404, `run ${run} has no such task`, `GET api/runs/${run}/tasks lists its tasks`);
    };
}

/** The number of the task that an address names. */
export function taskOf(params: Request['params']): number | undefined {
  return taskNumber.safeParse(params['task']).data;
}

/** The parameters, or undefined after answering 400 with the name of the wrong one. */
export function parse<S extends z.ZodObject>(schema: S, request: Request, response: Response): z.output<S> | undefined {
  const parsed = schema.safeParse(request.query);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const names = issue?.code === 'unrecognized_keys' ? issue.keys : (issue?.path.map(String) ?? []);
  const known = Object.keys(schema.shape);
  const hint = known.length === 0 ? 'this takes no parameters' : `parameters: ${known.join(', ')}`;
  const wrong = issue?.code === 'unrecognized_keys' ? 'no such parameter' : (issue?.message ?? 'wrong');
  sendError(response, 400, `parameter ${names.join('.')}: ${wrong}`, hint);
  return undefined;
}
