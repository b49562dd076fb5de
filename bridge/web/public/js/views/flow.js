/** One task's story: what every log and the monitoring said of it, in order of time, and what each step took. */
import { h } from '../dom.js';
import { clock, count, duration, exact } from '../format.js';
import { recordsHref } from '../route.js';
import { firstLine, levelClass, opener, recordDetails } from './record.js';

/** Lines shown before a reader asks for all. */
const SHOWN = 400;
const kinds = ['parsl', 'interchange', 'manager', 'worker', 'monitoring'];

export function flowSection(redraw) {
  const opened = new Set();
  const hidden = new Set();
  let isAll = false;
  const toggle = (set, key) => {
    if (!set.delete(key)) set.add(key);
    redraw();
  };
  return {
    render({ lines, total, phases, notes, start }, task) {
      const fromLogs = lines.some(({ record }) => record !== null);
      const shown = lines.filter(({ log }) => !hidden.has(log));
      const logs = [...new Set(lines.map(({ log }) => log))];
      const rows = isAll ? shown : shown.slice(0, SHOWN);
      return [
        stepBars(phases, start),
        h('section.card.flush', { 'data-key': 'flow' },
          h('h2', null, 'What all logs say ', h('span.muted', null, count(total)),
            fromLogs ? h('a.more', { href: recordsHref({ 'parsl.dfk': task.run, 'parsl.task': task.task }) }, 'As records') : null),
          !fromLogs ? null : h('div.chips.inset', { role: 'group', 'aria-label': 'Logs' }, logs.map((log) =>
            h('button', { type: 'button', 'data-key': log, 'aria-pressed': String(!hidden.has(log)), onclick: () => toggle(hidden, log) },
              h(`i.swatch.b-log-${kind(log)}`), log, h('b', null, count(lines.filter((line) => line.log === log).length))))),
          !fromLogs ? null : h('div.scroll', null, table(rows, opened, (key) => toggle(opened, key))),
          shown.length > rows.length ? h('p.inset', null, h('button', { type: 'button', onclick: () => { isAll = true; redraw(); } }, `Show all ${count(shown.length)} lines`)) : null,
          notes.map((note) => h('p.muted.inset', null, note))),
      ]; // prettier-ignore
    },
  };
}

const kind = (log) => (kinds.includes(log) ? log : 'other');

function table(lines, opened, toggle) {
  const isRetried = lines.some((line) => (line.try ?? 0) > 0);
  const head = [
    ['', ''],
    ['Since the first', 'num'],
    ...(isRetried ? [['Try', 'num']] : []),
    ['Source'],
    ['Message', 'wide'],
  ];
  return h('table.list.tight.flow', null,
    h('thead', null, h('tr', null, head.map(([label, kind]) => h(kind ? `th.${kind}` : 'th', { scope: 'col' }, label || h('span.sr', null, 'Keys'))))),
    h('tbody', null, lines.flatMap((line, k) => {
      const key = `${line.path} ${line.line} ${line.time} ${k}`;
      const isOpen = opened.has(key);
      return [
        h('tr', { 'data-key': key },
          h('td', null, line.record === null ? null : opener(isOpen, () => toggle(key), firstLine(line.message))),
          h('td.num', { title: exact(line.time) }, line.offset === null ? 'no time' : `+${(line.offset / 1e6).toFixed(6)}`),
          isRetried ? h('td.num', null, line.try ?? '') : null,
          h('td', { title: line.thread }, h(`i.swatch.b-log-${kind(line.log)}`, { 'aria-hidden': 'true' }), line.source),
          h('td.wide', null, h(`code.cut${levelClass(line.level)}`, { title: line.message }, firstLine(line.message)))),
        isOpen ? h('tr.opened', { 'data-key': `${key} open` }, h('td', { colspan: isRetried ? 5 : 4 }, recordDetails(line.record))) : null,
      ];
    }))); // prettier-ignore
}

const names = {
  submit: 'out of the submit side',
  interchange_queue: 'in the interchange’s queue',
  manager_queue: 'at the manager',
  worker: 'at the worker',
  result: 'result on its way back',
};

/** Steps that log lines tell, try by try; nothing where no log tells any. */
function stepBars(phases, start) {
  const steps = phases.filter(({ told_by, start: from, end }) => told_by === 'logs' && from !== null && end !== null);
  if (steps.length === 0) return null;
  const tries = Map.groupBy(steps, (step) => step.try);
  return h('section.card', { 'data-key': 'steps' }, h('h2', null, 'Step by step ', h('span.muted', null, 'as the logs tell')),
    h('div.scroll', null, h('table.list.tight.steps', null,
      h('thead', null, h('tr', null, [['Try', 'num'], ['Step'], ['From', 'num'], ['Took', 'num'], ['', 'wide']].map(([label, kind]) => h(kind ? `th.${kind}` : 'th', { scope: 'col' }, label || h('span.sr', null, 'Drawn'))))),
      h('tbody', null, [...tries].flatMap(([number, list]) => {
        const first = Math.min(...list.map((step) => step.start));
        const span = Math.max(1, Math.max(...list.map((step) => step.end)) - first);
        return list.map((step, k) => {
          const left = (100 * (step.start - first)) / span;
          const width = (100 * (step.end - step.start)) / span;
          return h('tr', { 'data-key': `${number} ${step.name} ${step.spell}` },
            h('td.num.muted', null, k === 0 ? number : ''),
            h('td', null, names[step.name] ?? step.name, step.spell === 1 ? null : h('span.muted', null, ` again (${step.spell})`)),
            h('td.num', { title: clock(step.start, 6) }, start === null ? '' : `+${duration(step.start - start)}`),
            h('td.num', { title: step.start_inferred || step.end_inferred ? 'One end was not told: what comes before or after stands in.' : undefined }, duration(step.end - step.start), step.start_inferred || step.end_inferred ? h('span.muted', null, ' inferred') : null),
            h('td.wide', null, h('div.track.small', { 'aria-hidden': 'true' }, h(`div.bar-phase.b-step-${step.name}`, { style: { left: `${left}%`, width: `${width}%` } }))));
        });
      }))))); // prettier-ignore
}
