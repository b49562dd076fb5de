/**
 * The configuration: one strict schema, which is also the defaults, the reference page and what `validate` checks.
 *
 * A component is named by its type, or `type/name` where there are several of one type, as in the Collector.
 * An unknown key is an error that names the key and the nearest known one.
 */
import { z } from 'zod';

import type { ExporterSpec, ReceiverSpec } from './core/component.ts';
import { BridgeError } from './core/errors.ts';
import { listenAddress, publishedAddress } from './core/listen.ts';
import { nearest } from './core/nearest.ts';
import { sendingQueue } from './core/queue.ts';
import { retryOnFailure } from './core/retry.ts';
import { namedZone } from './core/time.ts';

export const settings = z.strictObject({
  time_zone: z
    .string()
    .refine((name) => namedZone(name, 'config') !== undefined, 'must be a zone such as Europe/Berlin, UTC or +01:00')
    .optional()
    .describe('Zone of Parsl’s naive times, for runs that do not tell it. Default: what arrival times tell.'),
  http: z
    .strictObject({
      listen: listenAddress.default('127.0.0.1:4380').describe('Where the page, the API and HTTP receivers listen.'),
      token: z
        .string()
        .min(16)
        .optional()
        .describe('Bearer token; needed off loopback. Default: a random one, in the connection file.'),
      published: publishedAddress.describe(
        'Where senders and browsers reach it, if not at listen: where a container’s port is published. If that is loopback, none but this machine may reach it.',
      ),
    })
    .prefault({}),
  closing: z
    .strictObject({
      settle_ms: z
        .int()
        .min(0)
        .max(600_000)
        .default(2_000)
        .describe('Pause before a try of which all is known closes.'),
      silence_ms: z
        .int()
        .min(60_000)
        .default(604_800_000)
        .describe(
          'A run of which nothing was heard for so long is closed as it stands; Parsl’s end message may never come.',
        ),
      linger_ms: z
        .int()
        .min(0)
        .max(86_400_000)
        .default(30_000)
        .describe('Wait for the rest after the first known end.'),
    })
    .prefault({}),
  journal: z
    .strictObject({
      retention_bytes: z
        .int()
        .min(0)
        .default(1_073_741_824)
        .describe('Entries that nothing needs are dropped beyond it.'),
      bytes_max: z.int().min(1_048_576).default(10_737_418_240).describe('Nothing more is taken in beyond it.'),
    })
    .prefault({}),
  limits: z
    .strictObject({
      open_tasks_max: z
        .int()
        .min(1_000)
        .default(1_000_000)
        .describe('The oldest open task is closed as unfinished beyond it.'),
      memo_sources_max: z.int().min(0).default(100_000).describe('Memoised results whose task is remembered, a run.'),
      records_max: z
        .int()
        .min(0)
        .default(2_000_000)
        .describe('Log records that page and commands can ask for, about 300 bytes each; the oldest are dropped.'),
      quarantine_messages_max: z.int().min(0).default(100).describe('Undecodable messages kept, a receiver and start.'),
      quarantine_bytes_max: z.int().min(0).default(67_108_864).describe('Bytes kept in the quarantine.'),
    })
    .prefault({}),
  rules: z
    .array(z.string().min(1))
    .default([])
    .describe('Files of rules of your own, which add to the shipped ones (docs/rules.md).'),
  metrics_interval_ms: z.int().min(100).max(3_600_000).default(15_000).describe('How often metrics are pushed.'),
  jaeger_url: z.url().optional().describe('Jaeger’s page, for links from tasks to traces.'),
});

export type Settings = z.output<typeof settings>;

/** A type, or a type and a name. */
const COMPONENT_ID = /^[a-z0-9_]+(?:\/[\w.-]+)?$/;

export interface Configured<S> {
  /** `type` or `type/name`. */
  readonly id: string;
  readonly spec: S;
  readonly config: unknown;
}

/** What every exporter takes besides its own keys: how the pipeline wraps it. */
export const wrapperSettings = z.strictObject({
  sending_queue: sendingQueue.prefault({}),
  retry_on_failure: retryOnFailure.prefault({}),
});

export interface ConfiguredExporter extends Configured<ExporterSpec> {
  readonly wrappers: z.output<typeof wrapperSettings>;
}

export interface BridgeConfig {
  readonly settings: Settings;
  readonly receivers: readonly Configured<ReceiverSpec>[];
  readonly exporters: readonly ConfiguredExporter[];
}

export interface Registry {
  readonly receivers: readonly ReceiverSpec[];
  readonly exporters: readonly ExporterSpec[];
}

/** Checks what a user wrote. Throws BRIDGE_CONFIG with one line a problem. */
export function parseConfig(input: unknown, registry: Registry): BridgeConfig {
  const problems: string[] = [];
  const { receivers = {}, exporters = {}, ...rest } = asObject(input, '', problems);
  const parsed = settings.safeParse(rest);
  if (!parsed.success) {
    const known = [...Object.keys(settings.shape), 'receivers', 'exporters'];
    problems.push(...parsed.error.issues.map((issue) => describeIssue(issue, settings, known)));
  }
  const config = {
    receivers: components('receivers', receivers, registry.receivers, problems),
    exporters: exporterComponents(exporters, registry.exporters, problems),
  };
  if (problems.length > 0 || !parsed.success)
    throw new BridgeError('BRIDGE_CONFIG', `read configuration: ${problems.join('; ')}`, {
      hint: 'parsl-otel components lists what there is; docs/reference/config.md says what each key means',
    });
  return { settings: parsed.data, ...config };
}

function exporterComponents(input: unknown, specs: readonly ExporterSpec[], problems: string[]): ConfiguredExporter[] {
  const wrappers = new Map<string, z.output<typeof wrapperSettings>>();
  const own = Object.entries(asObject(input, 'exporters', problems)).map(([id, written]) => {
    const { sending_queue, retry_on_failure, ...rest } = asObject(written, `exporters.${id}`, problems);
    const parsed = wrapperSettings.safeParse({ sending_queue, retry_on_failure });
    if (parsed.success) wrappers.set(id, parsed.data);
    else
      problems.push(...parsed.error.issues.map((issue) => `exporters.${id}.${describeIssue(issue, wrapperSettings)}`));
    return [id, rest] as const;
  });
  return components('exporters', Object.fromEntries(own), specs, problems).map((configured) => ({
    ...configured,
    wrappers: wrappers.get(configured.id) ?? wrapperSettings.parse({}),
  }));
}

function components<S extends { readonly type: string; readonly config: z.ZodType }>(
  section: string,
  input: unknown,
  specs: readonly S[],
  problems: string[],
): Configured<S>[] {
  return Object.entries(asObject(input, section, problems)).flatMap(([id, written]) => {
    const type = id.split('/', 1)[0] ?? id;
    if (!COMPONENT_ID.test(id)) problems.push(`${section}.${id}: write it as type, or type/name`);
    const spec = specs.find((candidate) => candidate.type === type);
    if (spec === undefined) {
      problems.push(
        `${section}.${id}: no such component${suggest(
          type,
          specs.map((known) => known.type),
        )}`,
      );
      return [];
    }
    const parsed = spec.config.safeParse(written ?? {});
    if (parsed.success) return [{ id, spec, config: parsed.data }];
    problems.push(...parsed.error.issues.map((issue) => `${section}.${id}.${describeIssue(issue, spec.config)}`));
    return [];
  });
}

function asObject(input: unknown, where: string, problems: string[]): Record<string, unknown> {
  if (input === undefined || input === null) return {};
  if (typeof input === 'object' && !Array.isArray(input)) return { ...input };
  problems.push(`${where === '' ? 'the file' : where}: must be a mapping`);
  return {};
}

/** `path: what is wrong`, with the nearest known key for an unknown one. */
function describeIssue(issue: z.core.$ZodIssue, schema: z.ZodType, topKeys?: readonly string[]): string {
  const path = issue.path.map(String);
  if (issue.code !== 'unrecognized_keys') return `${path.join('.')}: ${issue.message}`;
  const known = path.length === 0 && topKeys !== undefined ? topKeys : keysAt(schema, path);
  return issue.keys.map((key) => `${[...path, key].join('.')}: no such key${suggest(key, known)}`).join('; ');
}

function suggest(written: string, known: readonly string[]): string {
  const guess = nearest(written, known);
  return guess === undefined ? `; known: ${known.join(', ')}` : `; did you mean ${guess}?`;
}

/** The keys of the object schema at `path`. */
export function keysAt(schema: z.ZodType, path: readonly string[]): string[] {
  const object = unwrap(schema);
  if (!(object instanceof z.ZodObject)) return [];
  const [first, ...rest] = path;
  if (first === undefined) return Object.keys(object.shape);
  const inner: unknown = object.shape[first];
  return inner instanceof z.ZodType ? keysAt(inner, rest) : [];
}

/** The schema under defaults and optionals. */
export function unwrap(schema: z.ZodType): z.ZodType {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault)
    return unwrap(schema.unwrap() as z.ZodType);
  return schema;
}
