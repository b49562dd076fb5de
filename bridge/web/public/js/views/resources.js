/** What a task's tries used, from the samples that came: memory, and processors from the growth of CPU time. */
import { chart } from '../chart.js';
import { h } from '../dom.js';
import { bytes } from '../format.js';

const cores = (value) => (value === 0 ? '0' : value < 10 ? value.toFixed(2) : value.toFixed(1));

export function resourceCharts(samples) {
  const tries = Map.groupBy(samples, (sample) => sample.try);
  const charts = [...tries].flatMap(([number, list]) => (list.length < 2 ? [] : ofTry(number, list)));
  return charts.length === 0 ? null : h('div.grid', { 'data-key': 'resources' }, charts);
}

function ofTry(number, list) {
  const times = list.map(({ time }) => time);
  const card = (title, values, format, colour, unit) =>
    values.filter((value) => value !== null).length < 2 ? null : h('section.card', { 'data-key': `${title} ${number}` },
      h('h2', null, title, ' ', h('span.muted', null, `try ${number}`)),
      chart({ name: `${title} of try ${number} over time`, times, height: 'short', format, unit, stacked: false, series: [{ label: title.toLowerCase(), colour, values }] })); // prettier-ignore
  return [
    card('Resident memory', list.map(({ memory }) => memory), bytes, 'running', 1024),
    card('Cores used', rates(list), cores, 'joining'),
  ].filter(Boolean); // prettier-ignore
}

/** CPU seconds a second between two samples; a count that fell says nothing (a process was counted no more). */
function rates(list) {
  return list.map((sample, k) => {
    const before = list[k - 1];
    if (before === undefined || sample.cpu_time === null || before.cpu_time === null || sample.time <= before.time)
      return null;
    const rate = (sample.cpu_time - before.cpu_time) / ((sample.time - before.time) / 1e6);
    return rate < 0 ? null : rate;
  });
}
