/** Where a run's tasks wait and what the limit is, period by period, in words and numbers; and signs of trouble. */
import { xTicks } from '../chart.js';
import { h } from '../dom.js';
import { clock, count, duration, exact, unknown } from '../format.js';
import { recordsHref, tasksHref } from '../route.js';

const kinds = {
  dependencies: 'waiting for other tasks',
  submit: 'until handed to the executor',
  queued: 'with the executor, not running',
  running: 'on a worker',
  returning: 'result on its way back',
  joining: 'joining: a function and the tasks it started',
};
const logKinds = {
  submit: 'on the way out of the submit side',
  interchange_queue: 'in the interchange’s queue',
  manager_queue: 'at a manager',
  worker: 'on a worker',
  result: 'result on its way from the worker',
};
/** The colours of the waterfall: one kind of wait looks the same everywhere. */
const colours = {
  dependencies: 'pending', submit: 'unsched', queued: 'launched', running: 'running', returning: 'running_ended', joining: 'joining',
}; // prettier-ignore

export function bottleneckTab() {
  return {
    load: (_route, ask) => ask({}, 'bottleneck'),
    render: (answer, { run }) => [
      h('section.card', { 'data-key': 'verdict' },
        h('h2', null, 'What the limit is'),
        h('p.verdict', null, answer.verdict),
        strip(answer),
        h('dl.limits', null, answer.limits.filter(({ share }) => share >= 0.01).map(({ limit, title, share, means }) =>
          h('div', { 'data-key': limit }, h('dt', null, h(`i.swatch.b-limit-${limit}`), title, ' ', h('span.muted', null, `${Math.round(100 * share)} %`)), h('dd', null, means))))),
      signs(answer, run),
      h('section.card.flush', { 'data-key': 'periods' }, h('h2', null, 'Period by period'), periods(answer)),
      waits(answer),
      apps(answer, run),
      ...answer.missing.map((text) => h('p.muted', { 'data-key': text }, text)),
    ].filter(Boolean), // prettier-ignore
  };
}

/** The run from left to right, coloured by its limit. */
function strip({ periods: list, start, end }) {
  const span = Math.max(1, end - start);
  return h('div.strip', null,
    h('div.bars', { role: 'img', 'aria-label': `The limit over time: ${list.map(({ title, from, to }) => `${title} for ${duration(to - from)}`).join(', ')}` },
      list.map(({ limit, title, from, to, evidence }) => h(`i.b-limit-${limit}`, {
        'data-key': from, title: `${title}, ${duration(to - from)}: ${evidence}`, style: { 'flex-grow': String((to - from) / span) },
      }))),
    h('div.xaxis', { 'aria-hidden': 'true' }, xTicks(start, end))); // prettier-ignore
}

function table(head, rows, name = '') {
  return h('div.scroll', null, h(`table.list.tight${name}`, null,
    h('thead', null, h('tr', null, head.map(([label, kind, title]) => h(kind ? `th.${kind}` : 'th', { scope: 'col', title }, label)))),
    h('tbody', null, rows))); // prettier-ignore
}

function periods({ periods: list, start }) {
  return table(
    [['From', 'num'], ['For', 'num'], ['Limit'], ['Evidence, as means over the period', 'wide']],
    list.map(({ from, to, limit, title, evidence }) => h('tr', { 'data-key': from },
      h('td.num', { title: exact(from) }, `${clock(from)} (+${duration(from - start)})`),
      h('td.num', null, duration(to - from)),
      h('td', null, h(`i.swatch.b-limit-${limit}`), title),
      h('td.wide', null, evidence))),
    '.periods',
  ); // prettier-ignore
}

function waits({ waits: list, tasks }) {
  const states = list.filter(({ told_by }) => told_by === 'states');
  const logs = list.filter(({ told_by }) => told_by === 'logs');
  const whole = states.reduce((sum, wait) => sum + wait.sum, 0);
  const row = (wait) => h('tr', { 'data-key': `${wait.told_by} ${wait.kind}` },
    h('td', null, wait.told_by === 'states' ? h(`i.swatch.b-${colours[wait.kind]}`) : h('span.inner'), wait.told_by === 'states' ? kinds[wait.kind] : (logKinds[wait.kind] ?? wait.kind)),
    h('td.num', null, wait.told_by === 'states' && whole > 0 ? `${Math.round((100 * wait.sum) / whole)} %` : ''),
    h('td.num', null, duration(wait.sum)),
    h('td.num', null, duration(wait.median)),
    h('td.num', null, duration(wait.p95)),
    h('td.num', null, count(wait.count))); // prettier-ignore
  if (list.length === 0) return null;
  return h('section.card.flush', { 'data-key': 'waits' },
    h('h2', null, 'Where the tasks’ time went ', h('span.muted', null, `${count(tasks)} tasks, ${duration(whole)} in all`)),
    h('div.inset', null, h('span.bar', { role: 'img', 'aria-label': states.map(({ kind, sum }) => `${kinds[kind]} ${duration(sum)}`).join(', ') },
      states.map(({ kind, sum }) => h(`i.b-${colours[kind]}`, { 'data-key': kind, title: `${kinds[kind]}: ${duration(sum)}`, style: { 'flex-grow': String(sum / Math.max(1, whole)) } })))),
    table([['Where'], ['Share', 'num'], ['In all', 'num'], ['Median', 'num'], ['95 %', 'num', '95 % took no longer'], ['Times', 'num', 'Tasks, or by logs tries']],
      [...states.map(row), ...(logs.length === 0 ? [] : [h('tr', { 'data-key': 'logs' }, h('td.muted', { colspan: 6 }, 'As the logs tell, try by try'))]), ...logs.map(row)])); // prettier-ignore
}

function apps({ apps: list }, { run }) {
  if (list.length < 2) return null;
  const shown = Object.keys(kinds).filter((kind) => list.some((app) => app.waits[kind] > 0));
  return h('section.card.flush', { 'data-key': 'apps' }, h('h2', null, 'By app ', h('span.muted', null, 'median of the tasks that had any')),
    table([['App'], ['Tasks', 'num'], ...shown.map((kind) => [kinds[kind], 'num'])],
      list.map(({ app, tasks, waits: of }) => h('tr', { 'data-key': app ?? '' },
        h('td', null, app === null ? h('span.muted', null, 'not told') : h('a.name', { href: tasksHref(run, { app }) }, app)),
        h('td.num', null, count(tasks)), shown.map((kind) => h('td.num', null, of[kind] === 0 ? unknown : duration(of[kind]))))))); // prettier-ignore
}

function signs({ signs: list }, { run }) {
  if (list.length === 0) return null;
  return h('section.card', { 'data-key': 'signs' }, h('h2', null, 'Signs of trouble'),
    h('ul.signs', null, list.map(({ sign, text, time, where }, k) => h('li', { 'data-key': `${sign} ${k}` },
      h(sign === 'exceptional_ending' || sign === 'never_returned' ? 'b.bad' : 'span', null, text), ' ',
      time === null ? null : h('span.muted', { title: exact(time) }, `First at ${clock(time)}. `),
      where === null ? null : h('a', { href: recordsHref({ 'parsl.dfk': run, ...where }) }, 'The lines'))))); // prettier-ignore
}
