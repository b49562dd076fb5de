/**
 * The bridge's one HTTP port: the page, its API, and the routes that components bring. What is served and to whom is
 * decided here, in order: headers, the Host check, health, components, then everything that shows data.
 */
import { join } from 'node:path';

import express, { type Express, type RequestHandler } from 'express';

import type { Route } from '../core/component.ts';
import { silent, type Logger } from '../core/log.ts';
import type { Reads } from '../store/store.ts';
import { createGate, refuseJson, type Access, type Gate } from './access.ts';
import { createApi } from './api.ts';
import { errorHandler, sendError } from './errors.ts';
import type { Info } from './info.ts';
import type { Live } from './live.ts';

export interface AppOptions {
  readonly store: Reads;
  /** What components serve. */
  readonly routes: readonly Route[];
  readonly access: Access;
  readonly info: () => Info;
  readonly live: Live;
  /** Microseconds since the epoch. */
  readonly now?: () => number;
  readonly log?: Logger;
}

const publicDir = join(import.meta.dirname, 'public');

/** Nothing from elsewhere, nothing inline: a name in the data that is written like a script stays text. */
const contentPolicy = [
  `default-src 'self'`, `object-src 'none'`, `base-uri 'none'`, `form-action 'self'`, `frame-ancestors 'none'`,
].join('; '); // prettier-ignore

export function createApp({
  store,
  routes,
  access,
  info,
  live,
  now = () => Date.now() * 1000,
  log = silent,
}: AppOptions): Express {
  const app = express();
  const gate = createGate(access);
  app.disable('x-powered-by');
  app.use(headers, gate.checkHost);
  app.get('/healthz', (_request, response) => void response.json({ ok: true }));
  app.get('/readyz', (_request, response) => {
    const { waiting_for } = info();
    response.status(waiting_for.length === 0 ? 200 : 503).json({ ready: waiting_for.length === 0, waiting_for });
  });
  mount(app, gate, routes);
  app.use('/api', gate.data(refuseJson), createApi({ store, live, info, now }));
  app.get('/', gate.login);
  // What the sign-in page needs is for everyone; it tells nothing of anybody.
  for (const file of ['colours.css', 'style.css', 'login.js', 'favicon.svg']) app.get(`/${file}`, sendFile(file));
  app.use(gate.data((request, response) => {
    if (request.path === '/') response.status(401).set('Cache-Control', 'no-store').sendFile('login.html', { root: publicDir });
    else refuseJson(request, response);
  })); // prettier-ignore
  app.use(
    express.static(publicDir, {
      cacheControl: false,
      setHeaders: (response) => response.setHeader('Cache-Control', 'no-cache'),
    }),
  );
  app.use((request, response) =>
    sendError(response, 404, `there is nothing at ${request.path}`, 'the page is at /, the API at /api'),
  );
  app.use(errorHandler(log));
  return app;
}

const headers: RequestHandler = (_request, response, next) => {
  response.set({
    'Content-Security-Policy': contentPolicy,
    'X-Content-Type-Options': 'nosniff',
    'Referrer-Policy': 'no-referrer',
    'Cross-Origin-Resource-Policy': 'same-origin',
    'Cross-Origin-Opener-Policy': 'same-origin',
  });
  next();
};

function sendFile(file: string): RequestHandler {
  return (_request, response) => response.sendFile(file, { root: publicDir, cacheControl: false });
}

function mount(app: Express, gate: Gate, routes: readonly Route[]): void {
  for (const route of routes) {
    const handler: RequestHandler = async (request, response) => route.handle(request, response);
    if (route.method === 'GET') app.get(route.path, gate.route(route.access), handler);
    else app.post(route.path, gate.route(route.access), handler);
  }
  for (const path of new Set(routes.map((route) => route.path))) {
    const allow = routes.filter((route) => route.path === path).map(({ method }) => method);
    app.all(path, (request, response) => {
      sendError(
        response.set('Allow', allow.join(', ')),
        405,
        `${request.method} is not for this address`,
        `use ${allow.join(' or ')}`,
      );
    });
  }
}
