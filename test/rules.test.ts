/**
 * Prometheus rules and their pages hold together: each alert has a runbook, a test and a line in the list, and asks for
 * metrics, labels and states that the bridge has. That the rules do what they say is promtool's to test
 * (test/e2e/rules.test.ts).
 */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { blockStates, taskStates } from '../bridge/model/states.ts';
import { catalogue } from './helpers/catalogue.ts';
import { alerts, filesOf, recorded, rules } from './helpers/rules.ts';

const root = join(import.meta.dirname, '..');
const names = [...new Set(alerts.map(({ alert }) => alert))].sort();

interface Asked {
  readonly name: string;
  readonly label: string | undefined;
  readonly values: readonly string[];
}

/** Metrics that a text with PromQL in it asks for, one for every label that it chooses by. */
function askedFor(text: string): Asked[] {
  return [...text.matchAll(/\b(parsl[_:][\w:]+)(?:\{([^}]*)\})?/g)].flatMap(([, name = '', chosen = '']) => {
    const matchers = [...chosen.matchAll(/(\w+)(?:=~|=)(?:["']([^"']*)["']|%q)/g)];
    if (matchers.length === 0) return [{ name, label: undefined, values: [] }];
    return matchers.map(([, label, values]) => ({ name, label, values: values?.split('|') ?? [] }));
  });
}

const asked = rules.flatMap(({ expr, annotations = {} }) => askedFor([expr, ...Object.values(annotations)].join('\n')));

describe('Prometheus rules', () => {
  it('are there: more than a dozen alerts', () => assert.ok(names.length >= 15, names.join()));

  it('ask only for metrics that the bridge has, or that are recorded', () => {
    const unknown = asked.map(({ name }) => name).filter((name) => !catalogue.has(name) && !recorded.includes(name));
    assert.deepEqual(unknown, []);
    assert.ok(asked.length > 100);
  });

  it('choose by labels that the metric has', () => {
    const wrong = asked.filter(({ name, label }) => label !== undefined && catalogue.get(name)?.labels.includes(label) === false); // prettier-ignore
    assert.deepEqual(wrong, []);
  });

  it('know no states but Parsl’s, and the few of the bridge', () => {
    const known = new Map<string, readonly string[]>([
      ['parsl_tasks', taskStates],
      ['parsl_blocks', blockStates],
      ['parsl_workers', ['idle', 'busy', 'draining']],
      ['parsl_managers', ['live', 'gone']],
      ['parsl_block_idle_seconds', ['unused', 'used']],
      ['parsl_block_idle_workers', ['unused', 'used']],
    ]);
    const states = asked.filter(({ label }) => label === 'state');
    assert.ok(states.length > 20);
    assert.deepEqual(states.filter(({ name, values }) => !values.every((value) => known.get(name)?.includes(value) === true)), []); // prettier-ignore
  });

  it('of alerts have a severity, and say what, where and what to read', () => {
    for (const { alert, labels, annotations } of alerts) {
      assert.match(labels['severity'] ?? '', /^(info|warning|critical)$/, alert);
      assert.match(annotations['summary'] ?? '', /^(Workflow \{\{ \$labels\.workflow \}\}|parsl-otel): /, alert);
      assert.ok((annotations['description'] ?? '').length > 80, alert);
      assert.equal(annotations['runbook'], `docs/runbooks/${alert}.md`);
    }
  });

  it('have a page each, and each page its alert', () => {
    const pages = readdirSync(join(root, 'docs', 'runbooks')).map((name) => name.replace(/\.md$/, ''));
    assert.deepEqual(pages.sort(), names);
    for (const name of names) {
      const page = readFileSync(join(root, 'docs', 'runbooks', `${name}.md`), 'utf8');
      assert.ok(page.startsWith(`# ${name}\n`), name);
      for (const part of ['## What it means', '## How to look', '## What to do', '## Typical causes'])
        assert.ok(page.includes(part), `${name}: ${part}`);
    }
  });

  it('are in the list of docs/alerts.md with their severity and how long it takes, and nothing else is', () => {
    const page = readFileSync(join(root, 'docs', 'alerts.md'), 'utf8');
    const listed = [...page.matchAll(/^\| \[(\w+)\]\(runbooks\/\1\.md\) \| (\w+) \| (\S*) \|/gm)].map(
      ([, ...row]) => row,
    );
    const wanted = alerts.map((rule) => [rule.alert, rule.labels['severity'] ?? '', rule.for ?? '0m']);
    assert.deepEqual(listed.map(String).sort(), wanted.map(String).sort());
  });

  it('are tested: firing with all that they say, and silent', () => {
    const tests = filesOf('tests').map((path) => readFileSync(path, 'utf8')).join('\n'); // prettier-ignore
    for (const name of names) {
      assert.match(tests, new RegExp(`alertname: ${name}\\n +exp_alerts:\\n +- exp_labels`), name);
      assert.ok(tests.includes(`alertname: ${name}, exp_alerts: [] }`), name);
    }
  });

  it('and everything that pages and rules name as metrics and files is there', () => {
    const pages = [...readdirSync(join(root, 'docs', 'runbooks')).map((name) => `docs/runbooks/${name}`), 'docs/alerts.md', 'docs/idle_workers.md']; // prettier-ignore
    for (const path of pages) {
      const page = readFileSync(join(root, path), 'utf8');
      // An argument of Parsl’s apps is no metric.
      const metrics = askedFor(page.replaceAll('parsl_resource_specification', '')).filter(
        ({ name }) => !catalogue.has(name) && !recorded.includes(name),
      );
      assert.deepEqual(metrics, [], path);
      const links = [...page.matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)/g)].map(([, link = '']) =>
        join(root, path, '..', link),
      );
      assert.deepEqual(links.filter((link) => !existsSync(link)), [], path); // prettier-ignore
    }
  });
});
