/** The dashboards as Grafana reads them: the committed JSON, with as much of its shape as tests look at. */
import { globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';

export const directory = join(import.meta.dirname, '..', '..', 'dashboards', 'grafana', 'json');

export interface Target {
  readonly refId: string;
  readonly expr: string;
  readonly legendFormat?: string;
  readonly instant?: boolean;
  readonly datasource: { readonly uid: string };
}

export interface Link {
  readonly title: string;
  readonly url: string;
}

interface Property {
  readonly id: string;
  readonly value: unknown;
}

export interface Panel {
  readonly title: string;
  readonly type: string;
  readonly description?: string;
  readonly targets?: readonly Target[];
  readonly options?: { readonly yAxis?: { readonly unit?: string } };
  readonly fieldConfig?: {
    readonly defaults: { readonly unit?: string; readonly links?: readonly Link[] };
    readonly overrides: readonly { readonly matcher: { readonly options: string }; readonly properties: Property[] }[];
  };
}

export interface Variable {
  readonly name: string;
  readonly type: string;
  readonly query?: string | { readonly query: string };
}

export interface Dashboard {
  readonly file: string;
  readonly uid: string;
  readonly title: string;
  readonly panels: readonly Panel[];
  readonly links?: readonly { readonly type: string; readonly title: string; readonly url?: string }[];
  readonly templating: { readonly list: readonly Variable[] };
}

export function dashboards(): Dashboard[] {
  const files = globSync('*.json', { cwd: directory }).sort();
  return files.map((file) => ({
    ...(JSON.parse(readFileSync(join(directory, file), 'utf8')) as Dashboard),
    file: basename(file),
  }));
}

/** Every variable that a text refers to, Grafana's own (`__range`) included. */
export function variablesIn(text: string): string[] {
  return [...text.matchAll(/\$\{?([a-zA-Z_]\w*)/g)].map(([, name = '']) => name);
}

/** Puts values in; a variable without one is an error, as it would be sent to Prometheus as it stands. */
export function fill(text: string, values: Readonly<Record<string, string>>): string {
  return text.replaceAll(/\$\{?([a-zA-Z_]\w*)\}?/g, (_, name: string) => {
    const value = values[name];
    if (value === undefined) throw new Error(`no variable ${name} in ${text}`);
    return value;
  });
}

/** The unit in which a panel shows what a target gives. */
export function unitShown({ fieldConfig, targets = [] }: Panel, { refId }: Target): string | undefined {
  const field = targets.length === 1 ? 'Value' : `Value #${refId}`;
  const override = fieldConfig?.overrides.find(({ matcher }) => matcher.options === field);
  const own = override?.properties.find(({ id }) => id === 'unit')?.value;
  return typeof own === 'string' ? own : fieldConfig?.defaults.unit;
}
