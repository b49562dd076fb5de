/**
 * Log records over all runs, narrowed down by keys. Every parameter that is none of the four below is a key and a value that it
 * must have; given several times, any of them will do. A key that is called like one of the four is written `where.text`.
 */
import type { Request, RequestHandler, Response, Router } from 'express';
import { z } from 'zod';

import { findKey } from '../core/keys.ts';
import { pageMax, type Reads, type RecordQuery } from '../store/store.ts';
import { plain } from './analysis_api.ts';
import { sendError } from './errors.ts';

export const recordParameters = z.strictObject({
  text: z.string().max(200).optional().describe('Text anywhere in the message.'),
  from: z.coerce.number().int().optional().describe('Not before this instant, microseconds.'),
  to: z.coerce.number().int().optional().describe('Not after this instant, microseconds.'),
  limit: z.coerce.number().int().min(1).max(pageMax).default(100).describe('Records a page.'),
  offset: z.coerce.number().int().min(0).max(1e9).default(0).describe('Records before the page.'),
});

/** Conditions of one question. */
const CONDITIONS_MAX = 30;
const VALUES_MAX = 50;

export function addRecords(api: Router, store: Reads): void {
  const answer =
    (work: (query: RecordQuery, request: Request) => Promise<object>): RequestHandler =>
    async (request, response) => {
      const query = queryOf(request, response);
      if (query !== undefined) response.json(await work(query, request));
    };
  api.get('/records', answer(async (query) => {
    const { total, records } = await store.records(query);
    return { total, records: records.map(plain) };
  })); // prettier-ignore
  api.get(
    '/records/keys',
    answer(async (query) => ({ keys: await store.recordKeys(query) })),
  );
  api.get(
    '/records/values/:key',
    answer(async (query, { params }) => {
      const { key } = params;
      return { values: typeof key === 'string' ? await store.recordValues(query, key) : [] };
    }),
  );
}

/** The question, or undefined after answering 400. */
function queryOf(request: Request, response: Response): RecordQuery | undefined {
  const asked = new URLSearchParams(request.originalUrl.split('?')[1] ?? '');
  const known: Record<string, string> = {};
  const where = new Map<string, (string | number)[]>();
  for (const [name, value] of asked) {
    if (Object.hasOwn(recordParameters.shape, name)) known[name] = value;
    else {
      const key = name.startsWith('where.') ? name.slice('where.'.length) : name;
      where.set(key, [...(where.get(key) ?? []), valueOf(key, value)]);
    }
  }
  const parsed = recordParameters.safeParse(known);
  const [issue] = parsed.error?.issues ?? [];
  const isMuch = where.size > CONDITIONS_MAX || [...where.values()].some((values) => values.length > VALUES_MAX);
  if (issue !== undefined || isMuch || parsed.data === undefined) {
    const wrong = isMuch ? 'too many conditions' : `parameter ${issue?.path.join('.')}: ${issue?.message}`;
    sendError(
      response,
      400,
      wrong,
      'parameters: text, from, to, limit, offset, and any key with the value it must have',
    );
    return undefined;
  }
  const { text, from, to, limit, offset } = parsed.data;
  return {
    where: Object.fromEntries(where), limit, offset,
    ...(text === undefined ? {} : { text }), ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }),
  }; // prettier-ignore
}

/** Keys whose values are numbers are asked for by number. */
function valueOf(name: string, value: string): string | number {
  const type = findKey(name)?.type;
  return (type === 'integer' || type === 'number') && value.trim() !== '' && Number.isFinite(Number(value))
    ? Number(value)
    : value;
}
