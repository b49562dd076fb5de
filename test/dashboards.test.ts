/** The committed dashboards: fresh, about metrics that there are, in their units, and with links that lead somewhere. */
import assert from 'node:assert/strict';
import { pathToFileURL } from 'node:url';
import { join } from 'node:path';

import { taskParameters } from '../bridge/web/api.ts';
import { stale } from '../dashboards/grafana/generate.ts';
import { catalogue } from './helpers/catalogue.ts';
import type { Dashboard, Panel, Target } from './helpers/grafana.ts';
import { dashboards, fill, unitShown, variablesIn } from './helpers/grafana.ts';
import type { Unit } from './helpers/promql.ts';
import { INTERVAL_MS, labelsKept, selectors, unitOf } from './helpers/promql.ts';

interface Route {
  readonly view: string;
  readonly tab?: string;
  readonly parameters: Readonly<Record<string, string>>;
}

const times = { __range: '1h', __rate_interval: '1m', __rate_interval_ms: `${INTERVAL_MS}`, __interval: '15s' };
/** What Grafana itself knows in a query, and in a link besides. */
const inQueries = Object.keys(times);
const inLinks = [...inQueries, '__data', '__field', '__url_time_range'];

const boards = dashboards();

describe('dashboards', () => {
  it('are what the code beside them says', () => {
    assert.deepEqual(stale(), []);
  });

  it('have addresses of their own', () => {
    assert.equal(new Set(boards.map(({ uid }) => uid)).size, boards.length);
  });

  for (const board of boards) describe(board.title, () => checkBoard(board));
});

function checkBoard(board: Dashboard): void {
  const defined = new Set(board.templating.list.map(({ name }) => name));
  const values = { ...times, ...Object.fromEntries([...defined].map((name) => [name, 'x'])) };
  const queries = board.panels.flatMap((panel) => (panel.targets ?? []).map((target) => ({ panel, target })));
  const query = (target: Target): string => fill(target.expr, values);

  it('says of each panel what it shows', () => {
    for (const { title, description = '' } of board.panels) assert.match(description, /^[A-Z0-9].{20,}[.?]$/s, title);
    assert.equal(new Set(board.panels.map(({ title }) => title)).size, board.panels.length);
  });

  it('uses variables that it defines, and asks the chosen Prometheus', () => {
    for (const { target } of queries) {
      for (const name of variablesIn(target.expr)) assert.ok(defined.has(name) || inQueries.includes(name), name);
      assert.equal(target.datasource.uid, '${datasource}');
    }
    for (const { query = '' } of board.templating.list)
      for (const name of variablesIn(typeof query === 'string' ? query : query.query))
        assert.ok(defined.has(name), name);
  });

  it('asks for metrics and labels that there are', () => {
    for (const { target } of queries) {
      for (const { metric, labels } of selectors(query(target))) {
        const known = catalogue.get(metric);
        assert.ok(known !== undefined, `${metric} is in no catalogue`);
        for (const label of labels) assert.ok(known.labels.includes(label), `${metric} has no label ${label}`);
      }
      const there = selectors(query(target)).flatMap(({ metric }) => catalogue.get(metric)?.labels ?? []);
      for (const label of labelsKept(query(target))) assert.ok(there.includes(label), `${label} in ${target.expr}`);
    }
  });

  it('fills no gaps with numbers of its own', () => {
    // A series that was not there before has grown from 0: that is no number of ours.
    for (const { target } of queries)
      assert.doesNotMatch(
        target.expr.replaceAll(/(\S+(?:\{[^}]*\})?) or \S.*? \* 0\)/g, '$1)'),
        /vector *\(|\bor\b|absent/,
      );
  });

  it('shows each number in its unit', () => {
    for (const { panel, target } of queries) {
      const unit = unitOf(query(target), (metric) => catalogue.get(metric)?.unit ?? { dimension: '1' });
      const shown = unitShown(panel, target);
      assert.ok(grafanaUnits(unit).includes(shown ?? ''), `${panel.title}: ${shown} for ${target.expr}`);
      if (panel.type === 'heatmap') assert.equal(panel.options?.yAxis?.unit, shown);
    }
  });

  it('names curves by labels that they have', () => {
    for (const { target } of queries) {
      const kept = labelsKept(query(target));
      for (const [, label = ''] of (target.legendFormat ?? '').matchAll(/\{\{(\w+)\}\}/g))
        assert.ok(kept.includes(label), `${label} in ${target.expr}`);
    }
  });

  it('has links that lead somewhere', async () => {
    const { parseRoute } = (await import(
      pathToFileURL(join(import.meta.dirname, '../bridge/web/public/js/route.js')).href
    )) as { parseRoute: (hash: string) => Route };
    const own = (board.links ?? []).flatMap(({ url }) => (url === undefined || url === '' ? [] : [url]));
    const urls = [...own, ...board.panels.flatMap(linksOf)];
    for (const url of urls) {
      for (const name of variablesIn(url)) assert.ok(defined.has(name) || inLinks.includes(name), `${name} in ${url}`);
      leads(url, parseRoute);
    }
  });
}

/** A link refers to columns or labels that every row or curve of its panel has. */
function linksOf({ title, targets = [], fieldConfig }: Panel): string[] {
  const urls = (fieldConfig?.defaults.links ?? []).map(({ url }) => url);
  for (const url of urls) {
    for (const [, label = ''] of url.matchAll(/__(?:data\.fields|field\.labels)\.(\w+)/g)) {
      const all = targets.every(({ expr }) => labelsKept(fill(expr, { ...times, ...anything })).includes(label));
      assert.ok(all, `${title}: no ${label} for ${url}`);
    }
  }
  return urls;
}

const anything = { workflow: 'x', run: 'x', executor: 'x', app: 'x' };

function leads(url: string, parseRoute: (hash: string) => Route): void {
  const address = url.replaceAll(/\$\{__url_time_range\}/g, 'from=1&to=2').replaceAll(/\$\{__[^}]+\}|\$\{run\}/g, 'x');
  if (address.startsWith('${bridge}/#')) {
    const { view, tab, parameters } = parseRoute(address.slice('${bridge}/'.length));
    assert.equal(view, 'run', url);
    const asked = /\/runs\/x\/(\w+)/.exec(address)?.[1];
    assert.equal(tab, asked ?? 'overview', url);
    for (const name of Object.keys(parameters)) assert.ok(Object.hasOwn(taskParameters.shape, name), `${name}: ${url}`);
  } else if (address.startsWith('/d/')) {
    const { pathname, searchParams } = new URL(address, 'http://grafana');
    const target = boards.find(({ uid }) => pathname === `/d/${uid}`);
    assert.ok(target !== undefined, `no dashboard at ${url}`);
    for (const name of [...searchParams.keys()].filter((key) => key.startsWith('var-')))
      assert.ok(
        target.templating.list.some((variable) => `var-${variable.name}` === name),
        `${target.title} has no ${name}`,
      );
  } else {
    assert.ok(address.startsWith('${jaeger}/search?'), `what is at ${url}?`);
    const { searchParams } = new URL(address.replace('${jaeger}', 'http://jaeger').replaceAll('${workflow}', 'x'));
    assert.deepEqual(JSON.parse(searchParams.get('tags') ?? ''), { 'parsl.dfk': 'x' });
    assert.equal(searchParams.get('service'), 'x');
  }
}

/** What Grafana may call it. */
function grafanaUnits({ dimension, perSecond = false, factor = 1, isShare = false }: Unit): string[] {
  const key = `${dimension}${perSecond ? ' a second' : ''}${factor === 1 ? '' : ` × ${factor}`}`;
  const known: Readonly<Record<string, string[]>> = {
    s: ['s'],
    [`s × ${1 / 3600}`]: ['h'],
    By: ['bytes'],
    'By a second': ['binBps'],
    '1': isShare ? ['percentunit', 'none'] : ['none'],
    '1 a second': ['cps'],
    '1 a second × 60': ['cpm'],
  };
  return known[key] ?? [];
}
