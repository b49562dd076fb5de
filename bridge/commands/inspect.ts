/** validate, components, print-config: what is configured, and what could be. */
import { stringify } from 'yaml';
import { z } from 'zod';

import { resolve, join } from 'node:path';

import { unwrap } from '../config.ts';
import { stateDirectory } from '../connection.ts';
import { exporters, receivers } from '../registry.ts';
import { loadRules } from '../rules.ts';
import { loadConfig } from './config_file.ts';
import type { Io } from './io.ts';

export interface InspectOptions {
  readonly config?: string;
  readonly data?: string;
}

function load({ config, data }: InspectOptions, io: Io) {
  const dataDir = resolve(data ?? join(stateDirectory(io.env), 'data'));
  return loadConfig(config, { dataDir, env: io.env, demo: undefined });
}

export function validate(options: InspectOptions, io: Io): void {
  const { settings, receivers, exporters } = load(options, io);
  loadRules(settings.rules);
  const names = (list: readonly { readonly id: string }[]): string => list.map(({ id }) => id).join(', ') || 'none';
  io.out(`configuration is valid: receivers ${names(receivers)}; exporters ${names(exporters)}`);
}

/** Everything that will be in force, defaults included. Secrets are not shown. */
export function printConfig(options: InspectOptions, io: Io): void {
  const { settings, receivers, exporters } = load(options, io);
  const whole = {
    ...settings,
    receivers: Object.fromEntries(receivers.map(({ id, config }) => [id, config])),
    exporters: Object.fromEntries(
      exporters.map(({ id, config, wrappers }) => [id, { ...(config as object), ...wrappers }]),
    ),
  };
  io.out(stringify(hideSecrets(whole), { aliasDuplicateObjects: false }).trimEnd());
}

const SECRET = /(token|key|secret|password|headers)$/i;

function hideSecrets(value: unknown, key = ''): unknown {
  if (value !== undefined && value !== null && SECRET.test(key) && !key.endsWith('_file')) return '[hidden]';
  if (Array.isArray(value)) return value.map((item) => hideSecrets(item));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, hideSecrets(inner, name)]));
}

/** Every component with its keys: what may be written in a configuration file. */
export function components(io: Io): void {
  for (const [title, specs] of Object.entries({ receivers, exporters })) {
    io.out(`${title}:`);
    for (const { type, summary, config } of specs) {
      io.out(`  ${type.padEnd(14)} ${summary}`);
      for (const line of describeKeys(config)) io.out(`      ${line}`);
    }
  }
}

/** One line a key: name, default, description. */
export function describeKeys(schema: z.ZodType): string[] {
  const object = unwrap(schema);
  if (!(object instanceof z.ZodObject)) return [];
  const { properties = {} } = z.toJSONSchema(object, { io: 'input', unrepresentable: 'any' }) as {
    properties?: Record<string, { default?: unknown; description?: string }>;
  };
  return Object.entries(properties).map(([key, { default: byDefault, description = '' }]) => {
    const shown = byDefault === undefined ? '' : ` [${JSON.stringify(byDefault)}]`;
    return `${key}${shown}: ${description}`;
  });
}
