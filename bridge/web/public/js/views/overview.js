/** What is going on in a run: progress, tasks by state over time, workers, what failed. */
import { chart, legend } from '../chart.js';
import { h } from '../dom.js';
import { count } from '../format.js';
import { runHref, tasksHref } from '../route.js';
import { bar, colour, meaning, ordered, sums } from '../states.js';
import { groups } from './failures.js';
import { verdict } from './verdict.js';
import { workerCharts } from './worker_chart.js';

/** Tasks that are over hide those that are not, once there are many: the second look is at the latter alone. */
const over = new Set(['exec_done', 'memo_done', 'failed', 'dep_fail']);
const inFlight = (states) => states.filter((state) => !over.has(state) && state !== 'pending');

export function overviewTab({ redraw }) {
  const hidden = new Set();
  const toggle = (state) => {
    if (!hidden.delete(state)) hidden.add(state);
    redraw();
  };
  return {
    async load(_route, ask) {
      const [states, workers, failures, blocks] = await Promise.all([
        ask({}, 'states'),
        ask({}, 'workers'),
        ask({}, 'failures'),
        ask({}, 'blocks'),
      ]);
      return { states, workers, failures: failures.failures, ...blocks };
    },
    render(data, { run }) {
      const says = verdict(run, data);
      const failed = data.failures.slice(0, 5);
      return [
        says === undefined ? null : h('p.verdict', { 'data-key': 'verdict' }, says),
        h('div.grid', { 'data-key': 'charts' }, stateChart(data.states, run, hidden, toggle, redraw), workerCharts(data.workers)),
        progress('App', 'app', run.apps, run.run),
        run.executors.filter(({ name }) => name !== null).length > 1 ? progress('Executor', 'executor', run.executors, run.run) : null,
        failed.length === 0 ? null : h('section.card.flush', { 'data-key': 'failures' },
          h('h2', null, 'What failed', data.failures.length > failed.length ? h('a.more', { href: runHref(run.run, 'failures') }, `all ${data.failures.length} kinds`) : null),
          groups(failed, run.run, true)),
      ]; // prettier-ignore
    },
  };
}

function stateChart({ times, states, unplaced }, run, hidden, toggle, redraw) {
  const names = ordered(Object.keys(states));
  const shown = names.filter((state) => !hidden.has(state));
  const isFlight = names.every((state) => hidden.has(state) !== inFlight(names).includes(state));
  const only = (list) => {
    hidden.clear();
    for (const state of names) if (!list.includes(state)) hidden.add(state);
    redraw();
  };
  const choice = (label, pressed, list) =>
    h('button', { type: 'button', 'aria-pressed': String(pressed), onclick: () => only(list) }, label);
  return h('section.card', { 'data-key': 'states' },
    h('h2', null, 'Tasks by state', h('span.choice', { role: 'group', 'aria-label': 'Which states' },
      choice('All', hidden.size === 0, names), choice('In flight', isFlight, inFlight(names)))),
    chart({
      name: 'Tasks by state over time',
      times,
      series: shown.map((state) => ({ label: state, colour: colour(state), values: states[state] })),
      origin: run.began ?? run.first_seen,
    }),
    legend(names.toReversed().map((state) => ({ key: state, label: state, colour: colour(state), title: meaning[state] })), hidden, toggle),
    unplaced === 0 ? null : h('p.muted', null, `${count(unplaced)} tasks are not in the curve: no time of theirs is known.`)); // prettier-ignore
}

function progress(label, key, list, run) {
  const rows = list.toSorted((a, b) => b.tasks - a.tasks || String(a.name).localeCompare(String(b.name)));
  const most = Math.max(1, ...rows.map(({ tasks }) => tasks));
  const head = [label, '', 'Waiting', 'Active', 'Done', 'Failed', 'Tasks'];
  return h('section.card.flush', { 'data-key': `progress-${key}` },
    h('h2', null, `Progress by ${label.toLowerCase()}`),
    h('div.scroll', null, h('table.list.progress', null,
      h('thead', null, h('tr', null, head.map((text, k) => h(k > 1 ? 'th.num' : k === 1 ? 'th.wide' : 'th', { scope: 'col' }, text || h('span.sr', null, 'States'))))),
      h('tbody', null, rows.map(({ name, tasks, counts }) => {
        const { done, failed, active, waiting } = sums(counts);
        const link = (state, value) => value === 0 || name === null ? h(value === 0 ? 'span.none' : 'span', null, count(value)) : h('a', { href: tasksHref(run, { [key]: name, state }) }, count(value));
        return h('tr', { 'data-key': name ?? '' },
          h('td', null, name === null ? h('span.muted', null, 'not told') : h('a.name', { href: tasksHref(run, { [key]: name }) }, name)),
          h('td.wide', null, h('span.scale', { style: { width: `${Math.max(4, 100 * (tasks / most) ** 0.5)}%` } }, bar(counts, tasks))),
          h('td.num', null, link('pending,unsched', waiting)),
          h('td.num', null, link('launched,running,running_ended,joining,fail_retryable', active)),
          h('td.num', null, link('exec_done,memo_done', done)),
          h(failed > 0 ? 'td.num.bad' : 'td.num', null, link('failed,dep_fail', failed)),
          h('td.num', null, count(tasks)));
      }))))); // prettier-ignore
}
