/**
 * npm run docs: writes docs/reference from what the code says, so that the two cannot drift apart.
 * With --check nothing is written, and the exit code tells whether anything would change.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';

import { unwrap, wrapperSettings } from '../bridge/config.ts';
import { keys } from '../bridge/core/keys.ts';
import { meterSpecs } from '../bridge/core/meters.ts';
import { instruments } from '../bridge/mappers/instruments.ts';
import { exporters, receivers } from '../bridge/registry.ts';
import { settings } from '../bridge/settings.ts';

interface JsonSchema {
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly default?: unknown;
  readonly description?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
}

const directory = join(import.meta.dirname, 'reference');
const generated = '<!-- Written by npm run docs; changes here are lost. -->';

const pages: Readonly<Record<string, string>> = {
  'config.md': configPage(),
  'keys.md': keysPage(),
  'metrics.md': metricsPage(),
};

const isCheck = process.argv.includes('--check');
if (!isCheck) mkdirSync(directory, { recursive: true });
const stale = Object.entries(pages).filter(([name, page]) => read(name) !== page);
for (const [name, page] of isCheck ? [] : stale) writeFileSync(join(directory, name), page);
if (isCheck && stale.length > 0) {
  process.stderr.write(`docs/reference is out of date: ${stale.map(([name]) => name).join(', ')}; run npm run docs\n`);
  process.exitCode = 1;
}

function read(name: string): string | undefined {
  try {
    return readFileSync(join(directory, name), 'utf8');
  } catch {
    return undefined; // Not written yet.
  }
}

function configPage(): string {
  const sections = [
    '# Configuration',
    generated,
    'A YAML file for `parsl-otel serve --config FILE`. What it leaves out keeps its default; `parsl-otel print-config` shows all',
    'that is in force, `parsl-otel validate` checks a file. Receivers and exporters are named by type, or `type/name` where',
    'there are several of one type.',
    '',
    '```yaml',
    'time_zone: Europe/Berlin',
    'receivers:',
    '  udp:',
    '    listen: 127.0.0.1:4381',
    '  http:',
    'exporters:',
    '  otlp:',
    '    endpoint: http://127.0.0.1:4317',
    '  prometheus:',
    '```',
    '',
    '## Top level',
    table(settings),
  ];
  for (const [title, specs] of [
    ['Receivers', receivers],
    ['Exporters', exporters],
  ] as const) {
    sections.push(`## ${title}`);
    if (title === 'Exporters')
      sections.push('Every exporter has a queue and retries of its own:', table(wrapperSettings));
    for (const { type, summary, config } of specs) sections.push(`### ${type}`, summary, table(config));
  }
  return `${sections.join('\n')}\n`;
}

function table(schema: z.ZodType): string {
  const object = z.toJSONSchema(unwrap(schema), { io: 'input', unrepresentable: 'any' }) as JsonSchema;
  const rows = rowsOf(object, '');
  if (rows.length === 0) return '\nNo keys.\n';
  return ['', '| key | type | default | meaning |', '|---|---|---|---|', ...rows, ''].join('\n');
}

function rowsOf({ properties = {} }: JsonSchema, prefix: string): string[] {
  return Object.entries(properties).flatMap(([name, schema]) => {
    if (schema.properties !== undefined) return rowsOf(schema, `${prefix}${name}.`);
    const byDefault = schema.default === undefined ? '' : `\`${JSON.stringify(schema.default)}\``;
    return [`| \`${prefix}${name}\` | ${typeOf(schema)} | ${byDefault} | ${cell(schema.description ?? '')} |`];
  });
}

function typeOf({ type, enum: choices, minimum, maximum }: JsonSchema): string {
  if (choices !== undefined) return choices.map((choice) => `\`${String(choice)}\``).join(', ');
  const bounds = [
    minimum === undefined ? '' : `≥ ${minimum}`,
    maximum === undefined || maximum === Number.MAX_SAFE_INTEGER ? '' : `≤ ${maximum}`,
  ];
  return [type ?? 'any', ...bounds.filter((bound) => bound !== '')].join(' ');
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}

function keysPage(): string {
  const rows = keys.map(
    ({ key, type, about, aliases = [] }) =>
      `| \`${key}\` | ${type} | ${cell(about)} | ${aliases.map((alias) => `\`${alias}\``).join(' ')} |`,
  );
  return [
    '# Keys of wide records',
    generated,
    'Records have no fixed schema: any other key is kept as it is, and becomes an attribute. These are the keys that the',
    'bridge knows, and the other spellings that it maps to them.',
    '',
    '| key | type | meaning | other spellings |',
    '|---|---|---|---|',
    ...rows,
    '',
  ].join('\n');
}

function metricsPage(): string {
  const workflow = Object.values(instruments).map(
    ({ name, unit, kind, attributes, description }) =>
      `| \`${name}\` | \`${unit}\` | ${kind} | ${attributes.join(', ')} | ${description} |`,
  );
  const own = Object.values(meterSpecs).map(
    ({ name, unit, kind, attributes, description }) =>
      `| \`${name}\` | \`${unit}\` | ${kind} | ${attributes.join(', ')} | ${description} |`,
  );
  const head = ['', '| metric | unit | kind | attributes | meaning |', '|---|---|---|---|---|'];
  return [
    '# Metrics',
    generated,
    'OpenTelemetry names. In Prometheus dots become underscores, units become suffixes and counters end in `_total`:',
    '`parsl.task.duration` in `s` is `parsl_task_duration_seconds_bucket`.',
    '',
    '## Of workflows',
    ...head,
    ...workflow,
    '',
    '## Of the bridge itself',
    ...head,
    ...own,
    '',
  ].join('\n');
}
