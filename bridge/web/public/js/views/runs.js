/** All runs, the newest first. */
import { get } from '../api.js';
import { h } from '../dom.js';
import { ago, count, dateTime, duration, exact, unknown } from '../format.js';
import { runHref } from '../route.js';
import { bar, sums } from '../states.js';
import { connectCards } from './connect.js';

const labels = { running: 'running', silent: 'silent', completed: 'completed', unfinished: 'no end seen' };

/** The server's clock, by which a run is as old as it is. */
export const serverClock = (data) => ({ ...data, skew: data.now - Date.now() * 1000 });
export const nowOf = ({ skew }) => Date.now() * 1000 + skew;

export function statusChip(run, now) {
  const title = {
    running: 'The submit process has spoken in the last three minutes.',
    silent: `No word from the submit process since ${exact(run.silent_since)}. It may have died, or its tasks take long.`,
    completed: 'The end of the run was told.',
    unfinished: 'The bridge was told to close the run, but its end was never told.',
  }[run.status];
  const text = run.status === 'silent' ? `silent for ${duration(now - run.silent_since)}` : labels[run.status];
  return h(`span.status.${run.status}`, { title }, text);
}

/** From the begin to the end, or to now, or, where nobody knows, to the last word. */
export function runDuration(run, now) {
  const start = run.began ?? run.first_seen;
  const end = run.completed ?? (run.status === 'running' ? Math.max(now, run.last_seen) : run.last_seen);
  return end - start;
}

export const runName = (run) => run.workflow ?? run.run.slice(0, 8);

export function runsView({ redraw }) {
  let text = '';
  return {
    trail: () => [{ text: 'Runs', href: '#/' }],
    concerns: () => true,
    ticks: ({ runs }) => runs.some(({ status }) => status === 'running' || status === 'silent'),
    async load(_route, signal) {
      const [data, info] = await Promise.all([get('runs', {}, signal), get('info', {}, signal)]);
      return { ...serverClock(data), info };
    },
    render(data) {
      if (data.runs.length === 0) return [h('div.narrow', { 'data-key': 'none' }, connectCards(data.info, true))];
      const words = text.toLowerCase().split(/\s+/);
      const of = (run) => [run.workflow, run.run, run.user, run.host, run.rundir, run.status].join(' ').toLowerCase();
      const runs = data.runs.filter((run) => words.every((word) => of(run).includes(word)));
      const search = h('input', {
        type: 'search', placeholder: 'Name, user, host, directory', 'aria-label': 'Filter runs', value: text,
        oninput: ({ currentTarget }) => { text = currentTarget.value; redraw(); },
      }); // prettier-ignore
      return [
        h(
          'div.head',
          { 'data-key': 'head' },
          h('h1', null, 'Runs'),
          h('span.muted', null, count(data.runs.length)),
          h('span.grow'),
          search,
        ),
        h('div.card.flush', { 'data-key': 'runs' }, table(runs, nowOf(data))),
      ];
    },
  };
}

function table(runs, now) {
  const head = [
    ['Run'], ['State'], ['Started'], ['Duration', 'num'], ['Progress', 'wide'], ['Done', 'num'], ['Failed', 'num'], ['Active', 'num'],
    ['Tasks', 'num'], ['User', 'low'], ['Parsl', 'low'],
  ]; // prettier-ignore
  return h('div.scroll', null, h('table.list', null,
    h('thead', null, h('tr', null, head.map(([label, kind]) => h(kind ? `th.${kind}` : 'th', { scope: 'col' }, label)))),
    h('tbody', null, runs.map((run) => row(run, now))))); // prettier-ignore
}

function row(run, now) {
  const { done, failed, active } = sums(run.counts);
  const start = run.began ?? run.first_seen;
  return h('tr', { 'data-key': run.run },
    h('td', null, h('a.name', { href: runHref(run.run) }, runName(run)), run.workflow === null ? null : h('span.id', { title: run.run }, run.run.slice(0, 8))),
    h('td', null, statusChip(run, now)),
    h('td.num.left', { title: exact(start) === '' ? undefined : `${exact(start)} (${ago(now - start)})` }, dateTime(start)),
    h('td.num', null, duration(runDuration(run, now))),
    h('td.wide', null, bar(run.counts, run.tasks)),
    h('td.num', null, count(done)),
    h(failed > 0 ? 'td.num.bad' : 'td.num', null, count(failed)),
    h('td.num', null, count(active)),
    h('td.num', null, count(run.tasks)),
    h('td.low', { title: run.host ?? undefined }, run.user ?? unknown),
    h('td.low', null, run.parsl_version ?? unknown),
  ); // prettier-ignore
}
