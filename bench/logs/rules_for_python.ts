/**
 * The shipped rules as join_by_rules.py takes them: templates as regular expressions, keys as Parsl's JSON logs spell
 * them, so that the peer has nothing to rename.
 */
import { loadRules } from '../../bridge/rules.ts';
import { canonicalKey } from '../../bridge/processors/where.ts';
import type { HoleType } from '../../bridge/processors/template.ts';
import { parseTemplate, shownTemplate } from '../../bridge/processors/template.ts';
import type { RuleSpec } from '../../bridge/processors/schema.ts';

const spelled: Readonly<Record<string, string>> = {
  message: 'formatted',
  time: 'created',
  'log.logger': 'name',
  'process.name': 'processName',
  'process.pid': 'process',
  'code.line.number': 'lineno',
};

const patterns: Readonly<Record<HoleType, string>> = {
  int: String.raw`\d+`,
  number: String.raw`[\d.-]+`,
  uuid: '[0-9a-fA-F-]{36}',
  hex: '[0-9a-fA-F]+',
  ints: '[0-9, ]*',
  words: '.*?',
  word: String.raw`\S+?`,
  segment: String.raw`[^\s/]+?`,
  text: '.*?',
};

/** JSON text; what concerns other formats than Parsl's JSON logs is left out. */
export function rulesForPython(): string {
  const files = loadRules([]).rules;
  const rules = files.flatMap((file) => file.rules).filter(({ where }) => isOfJsonLogs(where['source.format']));
  const texts: Record<string, Record<string, unknown[]>> = {};
  for (const log of ['parsl', 'other', 'interchange', 'manager', 'worker']) {
    for (const rule of rules.filter(({ where }) => isOneOf(where['source.log'], log))) {
      const { match = {}, text } = rule;
      for (const [name, templates] of Object.entries({ ...match, ...(text === undefined ? {} : { message: text }) })) {
        const key = keyOf(name);
        const list = ((texts[log] ??= {})[key] ??= []);
        for (const template of [templates].flat()) list.push(patternOf(rule, template));
      }
    }
  }
  return JSON.stringify({
    texts,
    plain: rules.filter(({ text, match }) => text === undefined && match === undefined).map((rule) => ({ ...rule, where: whereOf(rule) })), // prettier-ignore
    within: files.flatMap(({ within }) => within.map((rule) => ({ ...rule, where: whereOf(rule), scope: rule.scope.map(keyOf), gives: rule.gives.map(keyOf), sticks_to: keyOf(rule.sticks_to ?? '') }))), // prettier-ignore
    carry: files.flatMap(({ carry }) => carry.map((rule) => ({ ...rule, scope: rule.scope.map(keyOf), counts: keyOf(rule.counts) }))), // prettier-ignore
    distinct: files.flatMap(({ distinct }) => distinct.filter(({ clear }) => clear.length === 0).map((rule) => ({ ...rule, where: whereOf(rule), keys: rule.keys.map(keyOf) }))), // prettier-ignore
    imply: files.flatMap(({ imply }) => imply.map(({ keys, gives }) => [keys.map(keyOf), gives.map(keyOf)])),
  });
}

function patternOf(rule: RuleSpec, template: string): object {
  const parts = parseTemplate(template);
  const pattern = parts.map((part) => (typeof part === 'string' ? part.replace(/[^\w\s]/g, String.raw`\$&`) : `(${patterns[part.type]})`)).join(''); // prettier-ignore
  const holes = parts.flatMap((part) => (typeof part === 'string' ? [] : [[part.key === undefined ? null : keyOf(part.key), part.type]])); // prettier-ignore
  const where = Object.fromEntries(Object.entries(whereOf(rule)).filter(([key]) => key !== 'source.log'));
  return { name: rule.name, pattern, holes, where, set: rule.set, shown: shownTemplate(parts) };
}

function keyOf(name: string): string {
  const key = canonicalKey(name);
  return spelled[key] ?? key;
}

function whereOf({ where }: Pick<RuleSpec, 'where'>): Record<string, unknown[]> {
  return Object.fromEntries(Object.entries(where).map(([name, wanted]) => [keyOf(name), [wanted].flat()]));
}

function isOneOf(wanted: unknown, value: string): boolean {
  return wanted === undefined || [wanted].flat().includes(value);
}

function isOfJsonLogs(format: unknown): boolean {
  return isOneOf(format, 'parsl_json_log');
}
