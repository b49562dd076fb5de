/**
 * The plots by which priorities are judged: a line per task, running by kind, completions, blocks against tasks; and the two lanes
 * of states and the queues apart. A kind is the app, or the value of any other key.
 */
import { chart, legend, xTicks } from '../chart.js';
import { h, svg } from '../dom.js';
import { clock, count, duration } from '../format.js';
import { href, taskHref } from '../route.js';
import { colour, meaning, ordered } from '../states.js';

const keys = [['app', 'app'], ['executor', 'executor'], ['host', 'host'], ['block', 'block'], ['manager', 'manager'], ['state', 'final state']]; // prettier-ignore
const POINTS = 200;
const mean = (value) => (Number.isInteger(value) ? String(value) : value.toFixed(value < 10 ? 2 : 1));

export function plotsTab() {
  return {
    async load({ parameters }, ask) {
      const [plots, lanes] = await Promise.all([
        ask({ by: parameters.by, points: POINTS }, 'plots'),
        ask({ points: POINTS }, 'lanes'),
      ]);
      return { plots, lanes };
    },
    render({ plots, lanes }, { run }, { parameters }) {
      return [
        chooser(plots.by, run, parameters),
        plots.lines === null ? null : card('lines', 'Each task on its worker', plots.ran > plots.lines.length ? `${count(plots.lines.length)} of ${count(plots.ran)} tries` : `${count(plots.ran)} tries`,
          lines(plots, run), kinds(plots)),
        h('div.grid', { 'data-key': 'curves' },
          curves('running', 'Running', 'mean number on workers', plots, plots.running, run),
          curves('completed', 'Done', 'tasks that ended well', plots, plots.completed, run),
          blocks(plots, run),
          queue(plots, run)),
        h('div.grid', { 'data-key': 'lanes' },
          lane('submit', 'Tasks by the submit side’s word', lanes.times, lanes.submit, run),
          lane('execution', 'Tries by the workers’ word', lanes.times, lanes.execution, run),
          lanes.queues.map((each) => queueCard(each, lanes.times, run))),
        ...laneNotes(lanes).map((text) => h('p.muted', { 'data-key': text }, text)),
        ...[...plots.missing, ...lanes.missing].map((text) => h('p.muted', { 'data-key': text }, text)),
      ].filter(Boolean); // prettier-ignore
    },
  };
}

function card(key, title, aside, ...content) {
  return h('section.card', { 'data-key': key }, h('h2', null, title, ' ', aside === null ? null : h('span.muted', null, aside)), content); // prettier-ignore
}

function chooser(by, run, parameters) {
  const go = (value) =>
    (location.hash = href(['runs', run.run, 'plots'], { ...parameters, by: value === 'app' ? undefined : value }));
  const isOther = !keys.some(([key]) => key === by);
  return h('form.filters', { 'data-key': 'by', onsubmit: (event) => {
    event.preventDefault();
    const value = new FormData(event.currentTarget).get('key').trim();
    if (value !== '') go(value);
  } },
    h('span', null, 'Coloured by'),
    h('select', { 'aria-label': 'Coloured by', value: by, onchange: ({ currentTarget }) => go(currentTarget.value) },
      keys.map(([key, label]) => h('option', { value: key, 'data-key': key }, label)), isOther ? h('option', { value: by, 'data-key': by }, by) : null),
    h('input', { type: 'text', name: 'key', placeholder: 'or any key of the records', 'aria-label': 'Any key of the records', value: isOther ? by : '', maxlength: 200 }),
    h('button', { type: 'submit' }, 'Colour')); // prettier-ignore
}

const kinds = ({ kinds: list }) => legend(list.map((kind, k) => ({ key: kind, label: kind, colour: `k${k}` })));

/** One horizontal line a try, from its start on a worker to its end, in order of start. */
function lines({ lines: list, kinds: names }, run) {
  const start = Math.min(...list.map(({ from }) => from));
  const end = Math.max(start + 1, ...list.map(({ to }) => to));
  const height = Math.min(420, Math.max(90, 2 * list.length));
  const x = (time) => Math.round((100_000 * (time - start)) / (end - start)) / 100;
  const paths = names.map((_, kind) =>
    list.map((line, k) => (line.kind !== kind ? '' : `M${x(line.from)} ${k + 0.5}H${Math.max(x(line.to), x(line.from) + 0.4)}`)).join('')); // prettier-ignore
  const at = ({ currentTarget, clientY }) => {
    const { top, height: tall } = currentTarget.getBoundingClientRect();
    return list[Math.max(0, Math.min(list.length - 1, Math.floor(((clientY - top) / tall) * list.length)))];
  };
  const tell = ({ task, try: number, kind, from, to, inferred }) =>
    `task ${task}, try ${number}: ${names[kind]}, ${clock(from, 3)} for ${duration(to - from)}${inferred ? ' (its end is inferred)' : ''}`;
  return h('div.chart.tasklines', null, h('div.yaxis', { 'aria-hidden': 'true' }, h('span', null, 'first'), h('span', null, 'last')),
    h('div.plot', {
      role: 'img', 'aria-label': `${count(list.length)} tries in order of start, each a line from start to end`, style: { height: `${height}px` },
      onpointermove: (event) => { event.currentTarget.title = tell(at(event)); },
      onclick: (event) => { location.hash = taskHref(run.run, at(event).task); },
    },
      svg('svg', { viewBox: `0 0 1000 ${list.length}`, preserveAspectRatio: 'none', 'aria-hidden': 'true' },
        paths.map((d, k) => (d === '' ? null : svg(`path.l-k${k}`, { d, style: { 'stroke-width': `${Math.max(1, Math.min(6, height / list.length - 0.5))}px` } }))))),
    h('div.xaxis', { 'aria-hidden': 'true' }, xTicks(start, end))); // prettier-ignore
}

function curves(key, title, aside, { times, kinds: names }, values, run) {
  if (values === null) return null;
  const series = names.map((label, k) => ({ label, colour: `k${k}`, values: values[k] }));
  return card(key, title, aside,
    chart({ name: `${title} by kind over time`, times, series, steps: true, format: key === 'running' ? mean : count, origin: run.began ?? run.first_seen }),
    legend(series.map(({ label, colour: name }) => ({ key: label, label, colour: name })))); // prettier-ignore
}

function blocks({ times, blocks: curvesOf, tasks }, run) {
  if (curvesOf === null) return null;
  const series = [
    { label: 'blocks running', colour: 'running', values: curvesOf.running },
    { label: 'blocks pending', colour: 'pending', values: curvesOf.pending },
  ];
  const under = tasks.queued.map((value, k) => value + tasks.running[k]);
  const most = Math.max(1, ...under);
  return card('blocks', 'Blocks against tasks', `above blocks, below tasks that are with executors: ${mean(most)} at most`,
    chart({ name: 'Blocks over time', times, series, steps: true, format: mean, height: 'short', origin: run.began ?? run.first_seen }),
    chart({ name: 'Tasks with executors over time', times, series: [{ label: 'tasks with executors', colour: 'launched', values: under }], steps: true, format: mean, height: 'short', origin: run.began ?? run.first_seen }),
    legend([...series, { label: 'tasks with executors', colour: 'launched' }].map(({ label, colour: name }) => ({ key: label, label, colour: name })))); // prettier-ignore
}

function queue({ times, tasks }, run) {
  return card('queue', 'Queue', 'tries with an executor that no worker has yet',
    chart({ name: 'Queued tries over time', times, series: [{ label: 'queued', colour: 'launched', values: tasks.queued }], steps: true, format: mean, origin: run.began ?? run.first_seen })); // prettier-ignore
}

function lane(key, title, times, states, run) {
  const names = ordered(Object.keys(states));
  if (names.length === 0) return null;
  const series = names.map((state) => ({ label: state, colour: colour(state), values: states[state] }));
  return card(key, title, null,
    chart({ name: title, times, series, origin: run.began ?? run.first_seen }),
    legend(names.toReversed().map((state) => ({ key: state, label: state, colour: colour(state), title: meaning[state] })))); // prettier-ignore
}

/** Queues of which logs tell when each try came and went. */
const queues = { interchange_queue: 'In the interchange’s queue', manager_queue: 'Waiting for a worker' };

function queueCard({ metric, label, values }, times, run) {
  const title = queues[metric] ?? metric;
  const name = label === '' ? title : `${title} ${label}`;
  return card(`queue ${name}`, name, metric in queues ? 'tries, as the logs tell' : 'as records tell',
    chart({ name, times, series: [{ label: metric, colour: 'running', values }], stacked: false, height: 'short', origin: run.began ?? run.first_seen })); // prettier-ignore
}

function laneNotes({ inferred, raced, unplaced }) {
  return [
    inferred === 0 ? '' : `${count(inferred)} tries never told their end on a worker: their return stands in.`,
    raced === 0
      ? ''
      : `${count(raced)} tries were on a worker before the submit side had told of the launch: two clocks race.`,
    unplaced === 0 ? '' : `${count(unplaced)} tasks are in no curve of the submit side: no time of theirs is known.`,
  ].filter(Boolean);
}
