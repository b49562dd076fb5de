/** Reads the configuration file, over the defaults. */
import { readFileSync } from 'node:fs';
import { parse, YAMLParseError } from 'yaml';

import type { BridgeConfig } from '../config.ts';
import { parseConfig } from '../config.ts';
import { BridgeError, reasonOf } from '../core/errors.ts';
import type { DefaultsInput } from '../defaults.ts';
import { defaultConfig } from '../defaults.ts';
import { exporters, receivers } from '../registry.ts';

/**
 * A file's `receivers` and `exporters` replace the default ones; what it leaves out keeps its default. `overrides` are
 * options of the command line: each replaces its own key, not the section it stands in.
 */
export function loadConfig(path: string | undefined, defaults: DefaultsInput, overrides: object = {}): BridgeConfig {
  const written = path === undefined ? {} : readYaml(path);
  const merged: Record<string, unknown> = { ...defaultConfig(defaults), ...written };
  for (const [key, value] of Object.entries(overrides))
    merged[key] = isSection(value) && isSection(merged[key]) ? { ...merged[key], ...value } : value;
  return parseConfig(merged, { receivers, exporters });
}

function isSection(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function readYaml(path: string): Record<string, unknown> {
  try {
    const content: unknown = parse(readFileSync(path, 'utf8'));
    if (content === null || content === undefined) return {};
    if (isSection(content)) return content;
    throw new BridgeError('BRIDGE_CONFIG', `read ${path}: must be a mapping`);
  } catch (error) {
    if (error instanceof YAMLParseError)
      throw new BridgeError('BRIDGE_CONFIG', `read ${path}: ${error.message.split('\n', 1)[0] ?? ''}`, {
        cause: error,
      });
    if (error instanceof BridgeError) throw error;
    throw new BridgeError('BRIDGE_CONFIG', `read ${path}: ${reasonOf(error)}`, {
      cause: error,
      hint: 'check --config',
    });
  }
}
