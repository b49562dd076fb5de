/**
 * Curves over time, drawn as SVG that stretches with its box, with axes in HTML so that their text does not. Colours
 * are classes, so that a change of theme needs no drawing. Under the pointer, or with the arrow keys, a line tells
 * the values of one instant.
 */
import { h, svg } from './dom.js';
import { clock, count, day, duration } from './format.js';

const WIDTH = 1000;
const HEIGHT = 100;

/**
 * `series`: from bottom to top, {label, colour, values, hatched}. `line`: one curve over them, {label, values}.
 * `steps`: a value holds for its interval instead of being joined to the next.
 * `stacked: false` draws each series as a line of its own. `unit`: what a thousand is to the format, 1024 for bytes.
 */
export function chart({
  name,
  times,
  series,
  line,
  steps = false,
  stacked = true,
  format = count,
  unit = 1,
  height = 'tall',
  origin = times[0],
}) {
  if (times.length === 0) return h('p.empty', null, 'Nothing yet.');
  const end = steps ? times.at(-1) + (times[1] - times[0]) : times.at(-1);
  const span = Math.max(1, end - times[0]);
  const x = (time) => ((time - times[0]) / span) * WIDTH;
  const layers = stacked
    ? stack(series)
    : series.map((each) => ({ ...each, low: each.values.map(() => 0), high: each.values }));
  const top = niceTop(Math.max(0, ...layers.flatMap(({ high }) => high), ...(line?.values ?? [])), unit);
  const y = (value) => HEIGHT - (value / top) * HEIGHT;
  const xs = steps ? [...times.map(x), WIDTH] : times.map(x);
  const shapes = layers.map((layer) =>
    stacked
      ? svg('path', {
          class: `f-${layer.colour}${layer.hatched ? ' hatched' : ''}`,
          d: area(xs, layer.low, layer.high, y, steps),
        })
      : svg('path', { class: `l-${layer.colour} curve`, d: outline(xs, layer.high, y, steps) }),
  );
  const rows = [...layers.toReversed(), ...(line === undefined ? [] : [{ ...line, colour: 'line' }])];
  return h(
    `div.chart.${height}`,
    null,
    h('div.yaxis', { 'aria-hidden': 'true' }, yTicks(top, format)),
    plot({ name, times, end, rows, format, origin, steps }, [
      svg('svg', { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none', 'aria-hidden': 'true' }, [
        [0.25, 0.5, 0.75].map((part) => svg('line.grid', { x1: 0, x2: WIDTH, y1: part * HEIGHT, y2: part * HEIGHT })),
        shapes,
        line === undefined ? null : svg('path.line', { d: outline(xs, line.values, y, steps) }),
      ]),
    ]),
    h('div.xaxis', { 'aria-hidden': 'true' }, xTicks(times[0], end)),
  );
}

function stack(series) {
  let low = series[0]?.values.map(() => 0) ?? [];
  return series.map((each) => {
    const layer = { ...each, low, high: each.values.map((value, k) => low[k] + Math.max(0, value)) };
    low = layer.high;
    return layer;
  });
}

const round = (value) => Math.round(value * 100) / 100;

function outline(xs, values, y, steps) {
  let path = '';
  let gap = true;
  values.forEach((value, k) => {
    if (value === null) {
      gap = true;
      return;
    }
    path += `${gap ? 'M' : 'L'}${round(xs[k])} ${round(y(value))}`;
    if (steps) path += `H${round(xs[k + 1])}`;
    gap = false;
  });
  return path;
}

function area(xs, low, high, y, steps) {
  const up = outline(xs, high, y, steps);
  let down = '';
  for (let k = low.length - 1; k >= 0; k -= 1) {
    if (steps) down += `L${round(xs[k + 1])} ${round(y(low[k]))}H${round(xs[k])}`;
    else down += `L${round(xs[k])} ${round(y(low[k]))}`;
  }
  return up === '' ? '' : `${up}${down}Z`;
}

/** The least round number that is not below `value`, with round quarters; for bytes in units of 1024. */
function niceTop(value, unit) {
  if (!(value > 0)) return 4;
  const scale = unit === 1 ? 1 : unit ** Math.floor(Math.log(value) / Math.log(unit));
  const power = 10 ** Math.floor(Math.log10(value / scale));
  const step =
    [1, 1.2, 1.6, 2, 2.4, 3.2, 4, 6, 8, 10].find((factor) => factor * power >= (value / scale) * 0.999) ?? 10;
  return step * power * scale;
}

function yTicks(top, format) {
  return [1, 0.5, 0].map((part) => h('span', { style: { top: `${(1 - part) * 100}%` } }, format(top * part)));
}

const STEPS_S = [
  0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200,
  10_800, 21_600, 43_200, 86_400, 172_800, 604_800, 1_209_600, 2_592_000, 7_776_000, 31_536_000,
];

/** Round times of the reader's clock, seven at most. */
export function xTicks(start, end) {
  const step = (STEPS_S.find((s) => (end - start) / (s * 1e6) <= 7) ?? STEPS_S.at(-1)) * 1e6;
  const zone = new Date(start / 1000).getTimezoneOffset() * 60e6;
  const ticks = [];
  for (let local = Math.ceil((start - zone) / step) * step; local + zone <= end; local += step)
    ticks.push(local + zone);
  return ticks.map((time) => {
    const part = (time - start) / Math.max(1, end - start);
    const edge = part < 0.07 ? '.first' : part > 0.93 ? '.last' : '';
    return h(`span${edge}`, { style: { left: `${part * 100}%` } }, tickText(time, step));
  });
}

function tickText(time, step) {
  if (step >= 86_400e6) return day(time).slice(5);
  if (step >= 60e6) return clock(time).slice(0, 5);
  return clock(time, step >= 1e6 ? 0 : 3);
}

/** The drawing, with a line under the pointer and what it tells. */
function plot({ name, times, end, rows, format, origin, steps }, drawing) {
  const cursor = h('div.cursor', { hidden: true });
  const tip = h('div.tip', { hidden: true });
  // Told only when moved by keys: a pointer's every step would be too much to hear.
  const spoken = h('span.sr', { 'aria-live': 'polite' });
  const layer = h('div.over', { 'data-keep': '' }, cursor, tip, spoken);
  const nearest = (part) => {
    const time = times[0] + part * (end - times[0]);
    let after = times.findIndex((each) => each > time);
    if (after < 0) after = times.length;
    if (after === 0) return 0;
    const before = after - 1;
    return !steps && after < times.length && times[after] - time < time - times[before] ? after : before;
  };
  const show = (box, index, speak) => {
    // After an update the layer that is on the page is the older one: it kept its children.
    const [line, text, voice] = box.querySelector('.over').children;
    const part = (times[index] - times[0] + (steps ? (times[1] - times[0]) / 2 : 0)) / Math.max(1, end - times[0]);
    line.hidden = false;
    text.hidden = false;
    line.style.left = `${part * 100}%`;
    text.classList.toggle('left', part > 0.6);
    text.style.left = part > 0.6 ? 'auto' : `${part * 100}%`;
    text.style.right = part > 0.6 ? `${(1 - part) * 100}%` : 'auto';
    const lines = rows.filter(({ values }) => values[index] !== null && (values[index] !== 0 || rows.length < 4));
    text.replaceChildren(
      h('b', null, `${clock(times[index])}  +${duration(times[index] - origin)}`),
      h('table', null, lines.map(({ label, colour, values }) =>
        h('tr', null, h('td', null, h(`i.swatch.b-${colour}`), label), h('td.num', null, format(values[index]))))),
    ); // prettier-ignore
    box.dataset.index = String(index);
    if (speak)
      voice.textContent = `${clock(times[index])}: ${lines.map((row) => `${row.label} ${format(row.values[index])}`).join(', ')}`;
  };
  const hide = (box) => {
    for (const part of [...box.querySelector('.over').children].slice(0, 2)) part.hidden = true;
    delete box.dataset.index;
  };
  return h(
    'div.plot',
    {
      tabindex: 0,
      role: 'img',
      'aria-label': `${name}. Arrow keys tell the values.`,
      onpointermove: ({ currentTarget, clientX }) => {
        const { left, width } = currentTarget.getBoundingClientRect();
        show(currentTarget, nearest((clientX - left) / width), false);
      },
      onpointerleave: ({ currentTarget }) => hide(currentTarget),
      onblur: ({ currentTarget }) => hide(currentTarget),
      onkeydown: (event) => {
        const by = { ArrowLeft: -1, ArrowRight: 1, PageUp: -20, PageDown: 20, Home: -1e9, End: 1e9 }[event.key];
        if (by === undefined) return;
        event.preventDefault();
        const from = Number(event.currentTarget.dataset.index ?? times.length - 1);
        show(event.currentTarget, Math.max(0, Math.min(times.length - 1, from + by)), true);
      },
    },
    drawing,
    layer,
  );
}

/** A legend whose entries show and hide their series. */
export function legend(entries, hidden, toggle) {
  return h(
    'ul.legend',
    null,
    entries.map(({ key, label, colour, title, hatched }) =>
      h(
        'li',
        { 'data-key': key },
        toggle === undefined
          ? h('span', { title }, h(`i.swatch.b-${colour}${hatched ? '.hatched' : ''}`), label)
          : h('button', { type: 'button', title, 'aria-pressed': String(!hidden.has(key)), onclick: () => toggle(key) },
              h(`i.swatch.b-${colour}`), label), // prettier-ignore
      ),
    ),
  );
}
