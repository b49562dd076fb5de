/** The tasks of a run, filtered, sorted and paged by the bridge. What is asked for stands in the address. */
import { h } from '../dom.js';
import { bytes, clock, count, duration, exact, unknown } from '../format.js';
import { taskHref, tasksHref } from '../route.js';
import { chip, isFailure, ordered } from '../states.js';

const PAGE = 100;
const TYPING_MS = 250;
const filters = ['state', 'app', 'executor', 'host', 'block', 'manager', 'error', 'text', 'sort', 'order', 'offset'];

const columns = [
  { key: 'task', label: 'Task', kind: 'num', title: 'Number of the task' },
  { key: 'app', label: 'App' },
  { key: 'state', label: 'State' },
  { key: 'executor', label: 'Executor', kind: 'low' },
  { key: 'host', label: 'Host', title: 'Of the newest try' },
  { key: 'tries', label: 'Tries', kind: 'num', title: 'Launched tries' },
  { key: 'invoked', label: 'Invoked', kind: 'num' },
  { key: 'waited', label: 'Waited', kind: 'num', title: 'Invoked to first launched: for other tasks' },
  { key: 'queued', label: 'Queued', kind: 'num', title: 'First launched to first running: for a worker' },
  { key: 'ran', label: 'Ran', kind: 'num', title: 'First start to last end on a worker, over all tries' },
  { key: 'total', label: 'Total', kind: 'num', title: 'Invoked to returned' },
  { key: 'memory_peak', label: 'Memory', kind: 'num', title: 'Largest resident memory of its tries' },
  { key: 'cpu_time', label: 'CPU', kind: 'num low', title: 'User and system time of its tries' },
  { key: 'error', label: 'Error', kind: 'wide' },
];
/** What is looked for first is what is largest. */
const descending = new Set(['tries', 'waited', 'queued', 'ran', 'total', 'memory_peak', 'cpu_time']);

export function tasksTab() {
  return {
    async load({ parameters }, ask) {
      const query = Object.fromEntries(filters.map((key) => [key, parameters[key]]));
      const [page, hosts] = await Promise.all([ask({ ...query, limit: PAGE }, 'tasks'), ask({}, 'hosts')]);
      return { ...page, hosts: hosts.hosts };
    },
    render({ total, tasks, hosts }, { run }, { parameters }) {
      // What is typed replaces the address: going back must not go letter by letter.
      const go = (change, isTyped = false) => {
        const address = tasksHref(run.run, { ...parameters, offset: undefined, ...change });
        if (isTyped) location.replace(address);
        else location.hash = address;
      };
      return [
        filterBar(run, hosts, parameters, go),
        h('div.card.flush', { 'data-key': 'tasks' },
          h('div.scroll', null, table(run, tasks, parameters)),
          tasks.length > 0 ? null : h('p.empty', null, total === 0 ? 'No task is like that.' : 'There is no such page.'),
          pager(run, total, parameters)),
      ]; // prettier-ignore
    },
  };
}

let typing;

function filterBar(run, hosts, parameters, go) {
  const chosen = (parameters.state ?? '').split(',').filter(Boolean);
  const toggle = (state) =>
    go({
      state: chosen.includes(state) ? chosen.filter((each) => each !== state).join(',') : [...chosen, state].join(','),
    });
  const names = (list) => list.map(({ name }) => name).filter((name) => name !== null).toSorted(); // prettier-ignore
  const isFiltered = filters.slice(0, 8).some((key) => parameters[key] !== undefined);
  return h('form.filters', { 'data-key': 'filters', role: 'search', onsubmit: (event) => event.preventDefault() },
    h('input', {
      type: 'search', placeholder: 'Number, app, host, error, file', 'aria-label': 'Text to look for', value: parameters.text ?? '',
      oninput: ({ currentTarget: { value } }) => {
        clearTimeout(typing);
        typing = setTimeout(() => go({ text: value }, true), TYPING_MS);
      },
    }),
    select('app', 'All apps', names(run.apps), parameters.app, go),
    run.executors.filter(({ name }) => name !== null).length > 1 ? select('executor', 'All executors', names(run.executors), parameters.executor, go) : null,
    hosts.length > 0 ? select('host', 'All hosts', hosts, parameters.host, go) : null,
    ['executor', 'error', 'block', 'manager'].map((key) => parameters[key] === undefined || (key === 'executor' && run.executors.length > 1) ? null
      : h('button.token', { 'data-key': `token-${key}`, type: 'button', title: `Without this ${key}`, onclick: () => go({ [key]: undefined }) }, `${key} ${parameters[key]}`)),
    h('div.chips', { role: 'group', 'aria-label': 'States' }, ordered(new Set([...Object.keys(run.counts), ...chosen])).map((state) =>
      h('button', { 'data-key': state, type: 'button', 'aria-pressed': String(chosen.includes(state)), onclick: () => toggle(state) },
        chip(state), h('b', null, count(run.counts[state] ?? 0))))),
    isFiltered ? h('a.quiet', { href: tasksHref(run.run, { sort: parameters.sort, order: parameters.order }) }, 'Clear') : null); // prettier-ignore
}

function select(key, all, values, value, go) {
  const list = value === undefined || values.includes(value) ? values : [...values, value];
  return h('select', { 'data-key': `select-${key}`, 'aria-label': key, value: value ?? '', onchange: ({ currentTarget }) => go({ [key]: currentTarget.value }) },
    h('option', { value: '' }, all), list.map((name) => h('option', { 'data-key': name, value: name }, name))); // prettier-ignore
}

function table(run, tasks, parameters) {
  const sort = parameters.sort ?? 'task';
  const order = parameters.order ?? 'asc';
  const header = ({ key, label, kind, title }) => {
    const isSort = key === sort;
    const next = isSort ? (order === 'asc' ? 'desc' : 'asc') : descending.has(key) ? 'desc' : 'asc';
    return h('th', { class: kind, scope: 'col', title, 'aria-sort': isSort ? (order === 'asc' ? 'ascending' : 'descending') : undefined },
      h('a', { href: tasksHref(run.run, { ...parameters, offset: undefined, sort: key, order: next }) }, label)); // prettier-ignore
  };
  return h(
    'table.list.tasks',
    null,
    h('thead', null, h('tr', null, columns.map(header))),
    h(
      'tbody',
      null,
      tasks.map((task) => row(run, task)),
    ),
  );
}

function row(run, task) {
  const message = task.error === null ? null : (task.message ?? task.error);
  return h('tr', { 'data-key': task.task },
    h('td.num', null, h('a', { href: taskHref(run.run, task.task) }, task.task)),
    h('td', null, task.app === null ? unknown : h('a.name', { href: taskHref(run.run, task.task), tabindex: -1 }, task.app)),
    h('td', null, chip(task.state)),
    h('td.low', null, task.executor ?? unknown),
    h('td', null, task.host ?? unknown),
    h(task.tries > 1 ? 'td.num.warn' : 'td.num', null, task.tries),
    h('td.num', { title: exact(task.invoked) }, clock(task.invoked)),
    h('td.num', null, duration(task.waited)),
    h('td.num', null, duration(task.queued)),
    h('td.num', null, duration(task.ran)),
    h('td.num', null, duration(task.total)),
    h('td.num', null, bytes(task.memory_peak)),
    h('td.num.low', null, task.cpu_time === null ? unknown : duration(task.cpu_time * 1e6)),
    h('td.wide', null, message === null ? '' : h(isFailure(task.state) ? 'code.cut.bad' : 'code.cut', { title: message }, message)),
  ); // prettier-ignore
}

function pager(run, total, parameters) {
  const offset = Number(parameters.offset ?? 0);
  const last = Math.max(0, Math.floor((total - 1) / PAGE) * PAGE);
  const to = (label, at, isOn) =>
    h(
      'a',
      {
        href: isOn ? tasksHref(run.run, { ...parameters, offset: at === 0 ? undefined : at }) : undefined,
        'aria-disabled': isOn ? undefined : 'true',
      },
      label,
    );
  const from = total === 0 ? 0 : Math.min(offset + 1, total);
  return h('nav.pager', { 'aria-label': 'Pages' },
    h('span', null, `${count(from)}–${count(Math.min(offset + PAGE, total))} of ${count(total)}`),
    to('First', 0, offset > 0), to('Previous', Math.max(0, offset - PAGE), offset > 0),
    to('Next', offset + PAGE, offset + PAGE < total), to('Last', last, offset < last)); // prettier-ignore
}
