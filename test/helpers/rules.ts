/** The files of dashboards/prometheus/rules as data: the only place in the tests that knows where they are. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';

export const prometheusFolder = join(import.meta.dirname, '..', '..', 'dashboards', 'prometheus');

export interface Rule {
  readonly record?: string;
  readonly alert?: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface Alert extends Rule {
  readonly alert: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

interface RuleFile {
  readonly groups: readonly { readonly name: string; readonly rules: readonly Rule[] }[];
}

export function filesOf(folder: 'rules' | 'tests'): string[] {
  return readdirSync(join(prometheusFolder, folder)).map((name) => join(prometheusFolder, folder, name));
}

export const rules: readonly Rule[] = filesOf('rules').flatMap((path) =>
  (parse(readFileSync(path, 'utf8')) as RuleFile).groups.flatMap((group) => group.rules),
);

export const recorded: readonly string[] = rules.flatMap(({ record }) => record ?? []);

/** Some names have two rules, for two causes. */
export const alerts: readonly Alert[] = rules.filter((rule): rule is Alert => rule.alert !== undefined);
