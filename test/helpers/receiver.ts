/**
 * Runs receivers in tests, and is the only place in them that knows the component contract. Nothing is waited for by
 * the clock: `until` looks again whenever the receiver has called its context.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { z } from 'zod';

import type { Component, Positions, ReceiverContext, ReceiverSpec, Route } from '../../bridge/core/component.ts';
import type { BridgeError } from '../../bridge/core/errors.ts';
import type { Frame } from '../../bridge/core/frame.ts';
import type { FiniteReceiver } from '../../bridge/core/input.ts';
import { silent, type Logger } from '../../bridge/core/log.ts';
import type { WideRecord } from '../../bridge/core/record.ts';

/** All that a receiver told its context. */
export interface Told {
  readonly records: WideRecord[];
  /** What was handed on beside the records. */
  readonly frames: Frame[];
  /** Calls of `next` that were accepted. */
  batches: number;
  readonly received: Frame[];
  readonly rejected: { frame: Frame; error: BridgeError }[];
  readonly reported: BridgeError[];
  readonly logged: { level: keyof Logger; fields: object; message: string }[];
}

export interface Running<C extends Component = Component> extends Told {
  readonly component: C;
  /** Resolves when `condition` holds of what was told. */
  until(condition: (told: Told) => boolean): Promise<void>;
  stop(): Promise<void>;
}

export interface Overrides {
  /** Called before a batch is accepted; it is refused if this rejects. */
  next?(records: readonly WideRecord[], frames: readonly Frame[]): Promise<void> | void;
  now?(): number;
  stateFile?: string;
  /** What the journal remembers for the receiver; what is accepted with a batch goes into it. */
  journal?: Map<string, unknown>;
}

/** A context that hears nothing and remembers nothing; a test replaces what it looks at. */
export const deaf: Omit<ReceiverContext, 'next'> = {
  id: 'test',
  log: silent,
  stateFile: '',
  remembered: () => new Map(),
  now: () => 0,
  received: () => {},
  reject: () => {},
  report: () => {},
};

/** Creates and starts a receiver with a context that only collects. */
export async function startReceiver<S extends z.ZodType>(
  spec: ReceiverSpec<S>,
  config: z.input<S>,
  overrides: Overrides = {},
): Promise<Running> {
  const told: Told = { records: [], frames: [], batches: 0, received: [], rejected: [], reported: [], logged: [] };
  const looks = new Set<() => void>();
  const look = (): void => [...looks].forEach((check) => check());
  const log = Object.fromEntries(
    (Object.keys(silent) as (keyof Logger)[]).map((level) => [
      level,
      (fields: object, message: string) => {
        told.logged.push({ level, fields, message });
        look();
      },
    ]),
  ) as unknown as Logger;
  const context: ReceiverContext = {
    id: spec.type,
    log,
    stateFile: overrides.stateFile ?? join(await tempDir(), 'state.json'),
    remembered: () => new Map(overrides.journal),
    now: () => overrides.now?.() ?? Date.now() * 1000,
    received(frames) {
      told.received.push(...frames);
      look();
    },
    reject(frame, error) {
      told.rejected.push({ frame, error });
      look();
    },
    report(error) {
      told.reported.push(error);
      look();
    },
    async next(records, frames = [], positions = new Map()) {
      await overrides.next?.(records, frames);
      if (overrides.journal !== undefined) remember(overrides.journal, positions);
      for (const record of records) told.records.push(record);
      for (const frame of frames) told.frames.push(frame);
      told.batches++;
      look();
    },
  };
  const component = spec.create(spec.config.parse(config), context);
  await component.start();
  running.add(component);
  return Object.assign(told, {
    component,
    until: (condition: (told: Told) => boolean) =>
      new Promise<void>((resolve) => {
        const check = (): void => {
          if (!condition(told)) return;
          looks.delete(check);
          resolve();
        };
        looks.add(check);
        check();
      }),
    stop: () => component.stop(),
  });
}

/** Starts a receiver and stops it again; stop() drains, so what was there before is told of. */
export async function runOnce<S extends z.ZodType>(
  spec: ReceiverSpec<S>,
  config: z.input<S>,
  overrides: Overrides = {},
): Promise<Running> {
  const receiver = await startReceiver(spec, config, overrides);
  await receiver.stop();
  return receiver;
}

/** Creates a receiver that is not started. */
export function createReceiver<S extends z.ZodType>(spec: ReceiverSpec<S>, config: z.input<S>): Component {
  return spec.create(spec.config.parse(config), { ...deaf, id: spec.type, next: () => Promise.resolve() });
}

/** As the journal does it: through JSON, at once with the batch. */
function remember(journal: Map<string, unknown>, positions: Positions): void {
  for (const [part, position] of positions) {
    if (position === undefined) journal.delete(part);
    else journal.set(part, JSON.parse(JSON.stringify(position)));
  }
}

/** Resolves when a finite receiver has read all of its input. */
export async function finished({ component }: Running): Promise<void> {
  assert.ok('finished' in component);
  await (component as FiniteReceiver).finished();
}

/** What others need to reach the receiver. */
export function connection({ component }: Running): Record<string, string | number> {
  return component.connection?.() ?? {};
}

/** Serves the receiver's routes on a port of its own, as the bridge does on its one, and gives the URL before the path. */
export async function serve({ component }: { readonly component: Component }): Promise<string> {
  const routes: readonly Route[] = component.routes ?? [];
  const server = createServer((request, response) => {
    const route = routes.find(({ method, path }) => method === request.method && path === request.url);
    if (route === undefined) response.writeHead(404).end();
    else void Promise.resolve(route.handle(request, response));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  servers.push(() => server.close().closeAllConnections());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A directory that is removed after the test. */
export async function tempDir(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'parsl-otel-'));
  dirs.push(dir);
  return dir;
}

const running = new Set<Component>();
const servers: (() => void)[] = [];
const dirs: string[] = [];
// A suite that does not clean up after each test, or one that was cut short, leaves none either.
process.on('exit', () => dirs.forEach((dir) => rmSync(dir, { recursive: true, force: true })));

/** Stops and removes what a test has left. To be called in each suite, in its `describe`. */
export function cleanUp(): void {
  afterEach(async () => {
    for (const close of servers.splice(0)) close();
    await Promise.all([...running].map((component) => component.stop()));
    running.clear();
    await Promise.all(dirs.splice(0).map((dir) => rm(dir, { recursive: true, force: true })));
  });
}
