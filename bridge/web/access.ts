/**
 * Who may ask what (DESIGN.md §11). On loopback whoever is on this machine may look; off loopback the token is asked
 * for; what controls the bridge or feeds it always needs the token, in the Authorization header, never in a cookie:
 * another site can make a browser send a cookie, but not that header.
 *
 * A browser shows the token once, as `?token=`, and gets a cookie that is a hash of it; its name is another for each
 * token, because cookies are shared by all ports of a host. On loopback a request must name this machine in its
 * Host header, else a site whose name resolves to 127.0.0.1 could read the page through the user's browser.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

import type { NextFunction, Request, RequestHandler, Response } from 'express';

import type { Route } from '../core/component.ts';
import { sendError } from './errors.ts';

export interface Access {
  readonly token: string;
  /** The port is bound to this machine alone. */
  readonly loopback: boolean;
  /** Names besides those of loopback by which a proxy may ask for us. */
  readonly hosts?: readonly string[];
}

const LOOPBACK_HOST = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/i;
const DAY_S = 86_400;

const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest();
const same = (a: string, b: string): boolean => timingSafeEqual(sha256(a), sha256(b));

export interface Gate {
  /** Refuses names that are not this machine's. */
  readonly checkHost: RequestHandler;
  /** Turns `?token=` into a cookie. */
  readonly login: RequestHandler;
  /** Lets through who may see data; `refuse` answers the others. */
  readonly data: (refuse: (request: Request, response: Response) => void) => RequestHandler;
  readonly route: (access: Route['access']) => RequestHandler;
}

export function createGate({ token, loopback, hosts = [] }: Access): Gate {
  const name = `parsl_otel_${sha256(`cookie name/${token}`).toString('hex').slice(0, 8)}`;
  const value = sha256(`cookie/${token}`).toString('hex');

  const hasBearer = ({ headers }: IncomingMessage): boolean => {
    const given = /^Bearer +(\S+) *$/i.exec(headers.authorization ?? '')?.[1];
    return given !== undefined && same(given, token);
  };
  const hasCookie = ({ headers }: IncomingMessage): boolean =>
    (headers.cookie ?? '').split(/; */).some((pair) => {
      const at = pair.indexOf('=');
      return pair.slice(0, at) === name && same(pair.slice(at + 1), value);
    });
  const maySee = (request: Request): boolean => loopback || hasBearer(request) || hasCookie(request);

  return {
    checkHost(request, response, next) {
      const host = (request.headers.host ?? '').replace(/:\d+$/, '');
      if (!loopback || LOOPBACK_HOST.test(host) || hosts.includes(host)) next();
      else sendError(response, 403, 'this address is not known here', 'open the page as http://localhost with the port, by an ssh tunnel from elsewhere'); // prettier-ignore
    },
    login(request, response, next) {
      const given = request.query['token'];
      if (typeof given !== 'string') {
        next();
        return;
      }
      if (same(given, token)) {
        response.cookie(name, value, { httpOnly: true, sameSite: 'strict', path: '/', maxAge: 30 * DAY_S * 1000 });
        // The token leaves the address bar, the rest of the address stays, and so does what follows the #.
        const rest = new URLSearchParams(request.url.split('?')[1]);
        rest.delete('token');
        response.redirect(303, `.${rest.size > 0 ? `?${rest.toString()}` : ''}`);
      } else next();
    },
    data: (refuse) => (request: Request, response: Response, next: NextFunction) => {
      if (maySee(request)) next();
      else refuse(request, response);
    },
    route: (access) => (request, response, next) => {
      const isAllowed = access === 'public' || (access === 'data' ? maySee(request) : hasBearer(request));
      if (isAllowed) next();
      else refuseJson(request, response);
    },
  };
}

export function refuseJson(_request: Request, response: Response): void {
  response.set('WWW-Authenticate', 'Bearer');
  sendError(
    response,
    401,
    'this needs the token',
    'send it as "Authorization: Bearer TOKEN"; it is in the connection file',
  );
}
