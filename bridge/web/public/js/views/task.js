/** One task: what became of it, try by try, and what it has to do with others. */
import { get, runPath } from '../api.js';
import { copyButton, h } from '../dom.js';
import { bytes, clock, count, duration, exact, unknown } from '../format.js';
import { taskHref, tasksHref } from '../route.js';
import { chip, isFailure, meaning, swatch } from '../states.js';
import { flowSection } from './flow.js';
import { resourceCharts } from './resources.js';
import { trail } from './run.js';
import { nowOf, serverClock } from './runs.js';
import { waterfall } from './waterfall.js';

export function taskView({ redraw }) {
  const flow = flowSection(redraw);
  const zoom = {
    row: undefined,
    choose(row) {
      zoom.row = row;
      redraw();
    },
  };
  return {
    trail: (data, route) => [
      ...trail(data?.run, route.run),
      { text: `${data?.task?.app ?? 'task'} ${route.task}`, href: taskHref(route.run, route.task) },
    ],
    concerns: (runs, route) => runs.has(route.run),
    ticks: ({ task, run }) => task?.final === false && run.status === 'running',
    async load(route, signal) {
      const [task, told, run, info] = await Promise.all([
        get(runPath(route.run, 'tasks', route.task), {}, signal).catch(untold),
        get(runPath(route.run, 'tasks', route.task, 'flow'), {}, signal),
        get(runPath(route.run), {}, signal),
        get('info', {}, signal),
      ]);
      return { ...serverClock(run), ...task, id: { run: route.run, task: route.task }, flow: told, info };
    },
    render(data) {
      const { task, run, phases } = data;
      if (task === undefined) return [bareHead(data.id), ...flow.render(data.flow, data.id)].filter(Boolean);
      // What goes on goes on until now, in a run that is over or silent until the last word about it.
      const now = run.status === 'running' ? Math.max(nowOf(data), run.last_seen) : run.last_seen;
      return [
        head(task, run, data.info),
        task.fail_history === null ? null : section('error', isFailure(task.state) ? 'Why it failed' : 'Why a try failed',
          h('pre.error', null, task.fail_history)),
        section('waterfall', 'What took how long', waterfall(task, phases, now, zoom)),
        task.attempts.length === 0 ? null : h('section.card.flush', { 'data-key': 'tries' }, h('h2', null, 'Tries'), tries(task)),
        flow.render(data.flow, data.id),
        lanes(task),
        resourceCharts(task.samples),
        neighbours(task, run.run),
        files(task),
      ].flat().filter(Boolean); // prettier-ignore
    },
  };
}

/** Of a task that only records of something else than Parsl name there are lines, and no states: it has a flow alone. */
function untold(error) {
  if (error.status !== 404) throw error;
}

function bareHead({ task }) {
  return h('section.runhead', { 'data-key': 'head' },
    h('div.head', null, h('h1', null, 'Task ', h('span.muted', null, String(task)))),
    h('p.muted', null, 'Neither Parsl nor its monitoring told of this task: there are only records that name it.')); // prettier-ignore
}

function section(key, title, ...content) {
  return h('section.card', { 'data-key': key }, h('h2', null, title), content);
}

function head(task, run, info) {
  const jaeger = info.jaeger_url === null ? null : `${info.jaeger_url.replace(/\/+$/, '')}/trace/${task.trace_id}`;
  const item = (label, value, title) =>
    value === null || value === undefined
      ? null
      : h('div', { title, 'data-key': label }, h('dt', null, label), h('dd', null, value));
  const total = task.returned === null || task.invoked === null ? null : task.returned - task.invoked;
  return h('section.runhead', { 'data-key': 'head' },
    h('div.head', null,
      h('h1', null, task.app ?? 'Task', ' ', h('span.muted', null, String(task.task))), chip(task.state), h('span.muted', null, meaning[task.state])),
    h('dl.facts', null,
      item('Invoked', clock(task.invoked, 3), exact(task.invoked)),
      item('Returned', task.returned === null ? null : clock(task.returned, 3), exact(task.returned)),
      item('Took', total === null ? null : duration(total)),
      item('Executor', task.executor),
      item('Host', task.host === null ? null : h('a', { href: tasksHref(run.run, { host: task.host }) }, task.host)),
      item('Block', task.block),
      item('Manager', task.manager === null ? null : h('span.mono', null, task.manager)),
      item('Failed tries', task.fail_count === 0 ? null : count(task.fail_count)),
      item('Memoisation', task.hashsum === null ? null : h('span.mono', null, task.hashsum)),
      item('Trace', [h('span.mono', null, task.trace_id), copyButton(task.trace_id, 'the trace id'),
        jaeger === null ? null : h('a', { href: jaeger, target: '_blank', rel: 'noopener' }, 'Jaeger')]))); // prettier-ignore
}

const difference = (a, b) => (a === null || b === null ? null : b - a);

function tries(task) {
  const head = [
    ['Try', 'num'], ['State'], ['Executor'], ['Host'], ['Block', 'num'], ['Launched', 'num'], ['Queued', 'num'], ['Ran', 'num'],
    ['Returning', 'num'], ['CPU', 'num'], ['Memory', 'num'], ['Read', 'num'], ['Written', 'num'], ['Error', 'wide'],
  ]; // prettier-ignore
  return h('div.scroll', null, h('table.list', null,
    h('thead', null, h('tr', null, head.map(([label, kind]) => h(kind ? `th.${kind}` : 'th', { scope: 'col' }, label)))),
    h('tbody', null, task.attempts.map((attempt) => h('tr', { 'data-key': attempt.try },
      h('td.num', null, attempt.try),
      h('td', null, attempt.state === null ? unknown : chip(attempt.state)),
      h('td', null, attempt.executor ?? unknown),
      h('td', { title: attempt.manager === null ? undefined : `manager ${attempt.manager}` }, attempt.host ?? unknown),
      h('td.num', null, attempt.block ?? unknown),
      h('td.num', { title: exact(attempt.launched) }, clock(attempt.launched, 3)),
      h('td.num', null, duration(difference(attempt.launched, attempt.running))),
      h('td.num', null, duration(difference(attempt.running, attempt.running_ended))),
      h('td.num', null, duration(difference(attempt.running_ended, attempt.returned))),
      h('td.num', null, attempt.cpu_time === null ? unknown : duration(attempt.cpu_time * 1e6)),
      h('td.num', null, bytes(attempt.memory_peak)),
      h('td.num', null, bytes(attempt.read_bytes)),
      h('td.num', null, bytes(attempt.write_bytes)),
      h('td.wide', null, attempt.fail_history === null ? '' : h('code.cut.bad', { title: attempt.fail_history }, attempt.fail_history))))))); // prettier-ignore
}

/** Both lanes side by side, never in one list: they are told by two clocks that race. */
function lanes(task) {
  const told = task.attempts.flatMap(({ try: number, states }) =>
    JSON.parse(states).map(([lane, state, at]) => ({ number, lane, state, at })),
  );
  if (told.length === 0) return null;
  const lane = (name, title) => {
    const list = told.filter((each) => each.lane === name);
    return h('div', null, h('h3', null, title), list.length === 0 ? h('p.muted', null, 'Nothing was told.') : h('div.scroll', null, h('table.list.tight', null,
      h('tbody', null, list.map(({ number, state, at }, k) => h('tr', { 'data-key': `${number} ${state} ${at}` },
        h('td.num.muted', null, k === 0 || list[k - 1].number !== number ? `try ${number}` : ''),
        h('td', { title: meaning[state] }, swatch(state), state),
        h('td.num', { title: exact(at) }, clock(at, 6)),
        h('td.num.muted', { title: 'Since the task was invoked' }, task.invoked === null ? '' : `+${duration(at - task.invoked)}`))))))); // prettier-ignore
  };
  return h('section.card', { 'data-key': 'lanes' }, h('h2', null, 'States as they were told'),
    h('div.lanes', null, lane('submit', 'By the submit side'), lane('execution', 'By the worker'))); // prettier-ignore
}

function neighbours(task, run) {
  const link = ({ task: other, app, state }) => h('a.neighbour', { 'data-key': other, href: taskHref(run, other), title: state ?? 'nothing else is known of it' },
    state === null ? null : swatch(state), `${app ?? 'task'} ${other}`); // prettier-ignore
  const group = (label, { total, links }) => total === 0 ? null : h('div', { 'data-key': label }, h('dt', null, label, ' ', h('span.muted', null, count(total))),
    h('dd', null, links.map(link), links.length < total ? h('span.muted', null, `and ${count(total - links.length)} more`) : null)); // prettier-ignore
  const groups = [
    group('Depends on', task.dependencies),
    group('Needed by', task.dependents),
    group('Joins', task.joined),
    group('Joined by', task.joined_by),
    task.memo === null ? null : group('Result taken from', { total: 1, links: [task.memo] }),
    group('Result used again by', task.memo_users),
  ].filter(Boolean);
  return groups.length === 0 ? null : section('neighbours', 'Other tasks', h('dl.neighbours', null, groups));
}

function files(task) {
  const facts = [['stdout', task.stdout], ['stderr', task.stderr], ['Inputs', task.inputs], ['Outputs', task.outputs]].filter(([, value]) => value !== null && value !== '' && value !== '[]'); // prettier-ignore
  if (facts.length === 0) return null;
  return section('files', 'Files', h('table.facts', null, facts.map(([label, value]) =>
    h('tr', { 'data-key': label }, h('th', { scope: 'row' }, label), h('td', null, h('code', null, value), copyButton(value, label)))))); // prettier-ignore
}
