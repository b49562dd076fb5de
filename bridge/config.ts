/**
 * The configuration: one strict schema, which is also the defaults, the reference page and what `validate` checks.
 *
 * A component is named by its type, or `type/name` where there are several of one type, as in the Collector.
 * An unknown key is an error that names the key and the nearest known one.
 */
import { z } from 'zod';

import type { ExporterSpec, ReceiverSpec } from './core/component.ts';
import { BridgeError } from './core/errors.ts';
import { nearest } from './core/nearest.ts';
import { sendingQueue } from './core/queue.ts';
import { retryOnFailure } from './core/retry.ts';
import { settings, type Settings } from './settings.ts';

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
