/**
 * What a task's time went into: waiting, then, try by try, queued, running, on the way back. What was observed is
 * solid; where one end was not told and a bound stands in, the bar is hatched; what still goes on fades out.
 */
import { xTicks } from '../chart.js';
import { h } from '../dom.js';
import { clock, duration } from '../format.js';

const colours = {
  pending: 'pending',
  queued: 'launched',
  running: 'running',
  returning: 'running_ended',
  joining: 'joining',
  try: 'try',
};
const labels = {
  pending: 'pending',
  queued: 'queued',
  running: 'running',
  returning: 'returning',
  joining: 'joining',
};

/** `zoom`: {row, choose}; the chosen row alone decides what stretch of time is shown. */
export function waterfall(task, phases, now, zoom) {
  if (phases.length === 0) return h('p.empty', null, 'No time of this task is known.');
  const rows = [
    { label: 'task', title: '', phases: phases.filter(({ name }) => name === 'pending') },
    ...task.attempts.map((attempt) => ({
      label: `try ${attempt.try}`,
      title: [attempt.executor, attempt.host, attempt.block === null ? null : `block ${attempt.block}`]
        .filter(Boolean)
        .join(' · '),
      phases: phases.filter((phase) => phase.try === attempt.try),
    })),
  ].filter((row) => row.phases.length > 0);
  const inView = rows.find(({ label }) => label === zoom.row)?.phases ?? phases;
  const start = Math.min(...inView.map((phase) => phase.start));
  const end = Math.max(start + 1, ...inView.map((phase) => phase.end ?? now));
  const scale = { start, span: end - start };
  const names = [...new Set(phases.map(({ name }) => name))].filter((name) => name !== 'try');
  const isInferred = phases.some((phase) => phase.name !== 'try' && (phase.start_inferred || phase.end_inferred));
  const isOpen = phases.some((phase) => phase.end === null);
  return h('div.waterfall', null,
    rows.map((row) => h('div.lane', { 'data-key': row.label },
      h('button.label', {
        type: 'button', 'aria-pressed': String(row.label === zoom.row), title: row.label === zoom.row ? 'Show all again' : 'Show this stretch of time alone',
        onclick: () => zoom.choose(row.label === zoom.row ? undefined : row.label),
      }, row.label, h('small', null, row.title)),
      h('div.track', null, row.phases.map((phase) => segment(phase, scale, now))))),
    h('div.lane.axis', { 'aria-hidden': 'true', 'data-key': 'axis' }, h('div.label'), h('div.xaxis', null, xTicks(start, end))),
    h('ul.legend', { 'data-key': 'legend' },
      names.map((name) => h('li', { 'data-key': name }, h('span', null, h(`i.swatch.b-${colours[name]}`), labels[name]))),
      h('li', { 'data-key': 'observed' }, h('span', null, h('i.swatch.b-plain'), 'observed')),
      isInferred ? h('li', { 'data-key': 'inferred' }, h('span', null, h('i.swatch.b-plain.hatched'), 'one end inferred')) : null,
      isOpen ? h('li', { 'data-key': 'open' }, h('span', null, h('i.swatch.b-plain.open'), 'goes on')) : null),
    table(phases, Math.min(...phases.map((phase) => phase.start)), now)); // prettier-ignore
}

function segment(phase, { start, span }, now) {
  const end = phase.end ?? now;
  const isInferred = phase.start_inferred || phase.end_inferred;
  const style = { left: `${(100 * (phase.start - start)) / span}%`, width: `${(100 * (end - phase.start)) / span}%` };
  const flags = `${isInferred ? ' hatched' : ''}${phase.end === null ? ' open' : ''}`;
  const wide = (end - phase.start) / span > 0.12 && phase.name !== 'try';
  return h(`div.bar-${phase.name === 'try' ? 'try' : 'phase'}`, {
    class: `b-${colours[phase.name]}${flags}`, style, title: phase.name === 'try' ? undefined : text(phase, end), 'data-key': phase.name,
  }, wide ? h('span', null, duration(end - phase.start)) : null); // prettier-ignore
}

function text(phase, end) {
  const notes = [
    phase.start_inferred ? 'its start is inferred: the launch stands in' : null,
    phase.end_inferred ? 'its end is inferred: the return stands in' : null,
    phase.end === null ? 'it goes on' : null,
  ].filter(Boolean);
  const bounds = `${clock(phase.start, 6)} to ${phase.end === null ? 'now' : clock(end, 6)}`;
  return `${labels[phase.name]}, ${duration(end - phase.start)}: ${bounds}${notes.length > 0 ? ` (${notes.join('; ')})` : ''}`;
}

/** The same as numbers, for those who cannot see the bars and those who want to copy them. */
function table(phases, start, now) {
  const how = (phase) =>
    phase.end === null ? 'goes on'
    : phase.start_inferred && phase.end_inferred ? 'both ends inferred'
    : phase.start_inferred ? 'start inferred'
    : phase.end_inferred ? 'end inferred'
    : 'observed'; // prettier-ignore
  return h('details', { 'data-key': 'numbers' }, h('summary', null, 'As numbers'), h('table.list.tight', null,
    h('thead', null, h('tr', null, ['Try', 'Phase', 'From', 'For', 'Known'].map((label, k) => h(k === 0 || k === 2 || k === 3 ? 'th.num' : 'th', { scope: 'col' }, label)))),
    h('tbody', null, phases.filter(({ name }) => name !== 'try').map((phase) => h('tr', null,
      h('td.num', null, phase.try ?? ''), h('td', null, labels[phase.name]), h('td.num', null, `+${duration(phase.start - start)}`),
      h('td.num', null, duration((phase.end ?? now) - phase.start)), h('td', null, how(phase))))))); // prettier-ignore
}
