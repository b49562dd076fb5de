/** Errors as a reader of the API gets them: what is wrong, and what to do about it. */
import type { ErrorRequestHandler, Response } from 'express';

import { BridgeError } from '../core/errors.ts';
import type { Logger } from '../core/log.ts';

export interface ErrorBody {
  readonly error: string;
  readonly hint: string;
}

export function sendError(response: Response, status: number, error: string, hint = ''): void {
  response
    .status(status)
    .set('Cache-Control', 'no-store')
    .json({ error, hint } satisfies ErrorBody);
}

/** What a handler threw: a busy store is said to be busy, everything else is our fault, and logged. */
export function errorHandler(log: Logger): ErrorRequestHandler {
  return (error: unknown, request, response, next) => {
    if (response.headersSent) {
      next(error);
      return;
    }
    const status = statusOf(error);
    if (status === 500) log.error({ path: request.path, error: String(error) }, 'Request failed.');
    if (status === 503) sendError(response, 503, 'the store is busy', 'ask again in a moment');
    else if (status === 500) sendError(response, 500, 'this request failed', 'the bridge’s log says why');
    else sendError(response, status, 'this request cannot be read', 'is its address written correctly?');
  };
}

/** express gives malformed requests an error with a status below 500. */
function statusOf(error: unknown): number {
  if (error instanceof BridgeError) return error.code === 'BRIDGE_REFUSED' ? 503 : 500;
  if (typeof error !== 'object' || error === null || !('status' in error)) return 500;
  return typeof error.status === 'number' && error.status >= 400 && error.status < 500 ? error.status : 500;
}
