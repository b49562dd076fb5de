/** One run: its head, and one of the tabs below it. */
import { get, runPath } from '../api.js';
import { copyButton, h } from '../dom.js';
import { count, dateTime, duration, exact } from '../format.js';
import { href, recordsHref, runHref, tasksHref } from '../route.js';
import { bar, chip, isFailure, ordered } from '../states.js';
import { bottleneckTab } from './bottleneck.js';
import { failuresTab } from './failures.js';
import { lifelineTab } from './lifeline.js';
import { overviewTab } from './overview.js';
import { plotsTab } from './plots.js';
import { nowOf, runDuration, runName, serverClock, statusChip } from './runs.js';
import { tasksTab } from './tasks.js';
import { workersTab } from './workers.js';

const tabs = [
  ['overview', 'Overview'],
  ['tasks', 'Tasks'],
  ['workers', 'Workers'],
  ['failures', 'Failures'],
  ['bottleneck', 'Bottleneck'],
  ['lifeline', 'Lifeline'],
  ['plots', 'Plots'],
];

export function runView(page) {
  const parts = {
    overview: overviewTab(page),
    tasks: tasksTab(page),
    workers: workersTab(page),
    failures: failuresTab(page),
    bottleneck: bottleneckTab(),
    lifeline: lifelineTab(),
    plots: plotsTab(),
  };
  return {
    trail: (data, route) => trail(data?.run, route.run),
    concerns: (runs, route) => runs.has(route.run),
    ticks: ({ run }) => run.status === 'running' || run.status === 'silent',
    async load(route, signal) {
      const ask = (parameters, ...rest) => get(runPath(route.run, ...rest), parameters, signal);
      const [data, tab] = await Promise.all([ask({}), parts[route.tab].load(route, ask)]);
      return { ...serverClock(data), tab: { name: route.tab, data: tab } };
    },
    render(data, route) {
      const { run, tab } = data;
      // While another tab's data is on its way the old one's must not be drawn by the new.
      const body =
        tab.name === route.tab ? parts[tab.name].render(tab.data, data, route) : [h('p.empty.wait', null, 'Loading…')];
      return [
        head(run, nowOf(data)),
        h('nav.tabs', { 'data-key': 'tabs', 'aria-label': 'Parts of the run' }, tabs.map(([name, label]) =>
          h('a', { href: name === 'overview' ? runHref(run.run) : runHref(run.run, name), 'aria-current': name === route.tab ? 'page' : undefined },
            label, name === 'tasks' ? h('small', null, count(run.tasks)) : null, name === 'failures' ? failedCount(run) : null)),
          h('a', { href: recordsHref({ 'parsl.dfk': run.run }) }, 'Records')),
        h(`div.tab.${route.tab}`, { 'data-key': `tab-${route.tab}` }, body),
      ]; // prettier-ignore
    },
  };
}

function failedCount({ counts }) {
  const failed = (counts.failed ?? 0) + (counts.dep_fail ?? 0);
  return failed === 0 ? null : h('small.bad', null, count(failed));
}

export function trail(run, id) {
  return [
    { text: 'Runs', href: href([]) },
    { text: run === undefined ? id.slice(0, 8) : runName(run), href: runHref(id) },
  ];
}

function head(run, now) {
  const start = run.began ?? run.first_seen;
  const ended = run.completed ?? null;
  return h('section.runhead', { 'data-key': 'head' },
    h('div.head', null,
      h('h1', null, runName(run)), statusChip(run, now),
      h('span.id.mono', null, run.run), copyButton(run.run, 'the run’s id')),
    h('dl.facts', null,
      item('Started', dateTime(start), exact(start)),
      item(ended === null ? 'So far' : 'Took', duration(runDuration(run, now)), ended === null ? undefined : `ended ${exact(ended)}`),
      item('By', run.user === null ? null : `${run.user}${run.host === null ? '' : ` on ${run.host}`}`),
      item('Version', run.version),
      item('Directory', run.rundir),
      item('Parsl', run.parsl_version === null ? null : `${run.parsl_version}${run.python_version === null ? '' : `, Python ${run.python_version}`}`),
      item('Clocks', `${run.zone} (${zoneSource[run.zone_source] ?? run.zone_source})`, 'The zone of the workflow’s clocks. This page shows times in your own zone.')),
    run.status === 'silent' ? silence(run, now) : null,
    h('div.counts', null, bar(run.counts, run.tasks), h('ul', null,
      ordered(Object.keys(run.counts)).map((state) =>
        h('li', { 'data-key': state }, h(isFailure(state) ? 'a.bad' : 'a', { href: tasksHref(run.run, { state }) }, chip(state), h('b', null, count(run.counts[state])))))))); // prettier-ignore
}

const zoneSource = {
  plugin: 'told by the plugin',
  config: 'from the configuration',
  logs: 'worked out from the logs',
  arrival: 'worked out from arrivals',
  machine: 'this machine’s',
};

function item(label, value, title) {
  return value === null ? null : h('div', { title, 'data-key': label }, h('dt', null, label), h('dd', null, value));
}

function silence(run, now) {
  return h('p.notice.warn', { 'data-key': 'silence' },
    h('b', null, `No word for ${duration(now - run.silent_since)}: `),
    'the submit process may have died. Tasks that take long are as silent; managers that still report do not show that it lives.'); // prettier-ignore
}
