/** Reads the configuration file, over the defaults. */
import { readFileSync } from 'node:fs';
import { parse, YAMLParseError } from 'yaml';

import type { BridgeConfig } from '../config.ts';
import { parseConfig } from '../config.ts';
import { BridgeError, reasonOf } from '../core/errors.ts';
import type { DefaultsInput } from '../defaults.ts';
import { defaultConfig } from '../defaults.ts';
import { exporters, receivers } from '../registry.ts';

/** A file's `receivers` and `exporters` replace the default ones; what it leaves out keeps its default. */
export function loadConfig(path: string | undefined, defaults: DefaultsInput, overrides: object = {}): BridgeConfig {
  const written = path === undefined ? {} : readYaml(path);
  return parseConfig({ ...defaultConfig(defaults), ...written, ...overrides }, { receivers, exporters });
}

function readYaml(path: string): Record<string, unknown> {
  try {
    const content: unknown = parse(readFileSync(path, 'utf8'));
    if (content === null || content === undefined) return {};
    if (typeof content === 'object' && !Array.isArray(content)) return content as Record<string, unknown>;
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
