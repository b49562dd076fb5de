/** The typical task, from its log lines: which steps, in which order, how long each takes and how that is spread. */
import { h, svg } from '../dom.js';
import { count, duration } from '../format.js';
import { href, recordsHref, taskHref } from '../route.js';

export function lifelineTab() {
  return {
    load: ({ parameters }, ask) => ask({ app: parameters.app }, 'lifeline'),
    render(answer, { run }, { parameters }) {
      if (answer.tries === 0 && parameters.app === undefined)
        return [h('p.empty', { 'data-key': 'none' }, 'No log line names a task of this run. Its run directory has them: give it to the receiver run_dir, or to ingest.')]; // prettier-ignore
      return [
        head(answer, run, parameters.app),
        h('section.card.flush', { 'data-key': 'steps' }, h('h2', null, 'Common sequence ', h('span.muted', null, 'steps that at least half of the tries have')),
          steps(answer, run)),
        h('section.card', { 'data-key': 'signatures' }, h('h2', null, 'Different sequences ', h('span.muted', null, count(answer.distinct))), signatures(answer, run)),
        rare(answer, run),
        answer.cut === 0 ? null : h('p.muted', { 'data-key': 'cut' }, `${count(answer.cut)} lines beyond the limit were left out.`),
      ].filter(Boolean); // prettier-ignore
    },
  };
}

function head({ tries, untried, records, total }, run, app) {
  const never = untried === 0 ? '' : ` (${count(untried)} of them tasks that were never tried)`;
  const names = run.apps.map(({ name }) => name).filter((name) => name !== null).toSorted(); // prettier-ignore
  return h('div.filters', { 'data-key': 'head' },
    h('select', {
      'aria-label': 'App', value: app ?? '',
      onchange: ({ currentTarget }) => (location.hash = href(['runs', run.run, 'lifeline'], { app: currentTarget.value })),
    }, h('option', { value: '' }, 'All apps'), names.map((name) => h('option', { 'data-key': name, value: name }, name))),
    h('span.muted', null, `${count(tries)} tries${never}, ${count(records)} lines; from first line to last: median ${duration(total.median)}, 95 % within ${duration(total.p95)}`)); // prettier-ignore
}

const who = ({ log, thread }) => (thread === '' ? log : `${log} (${thread})`);
const kinds = ['parsl', 'interchange', 'manager', 'worker'];
const swatch = ({ log }) => h(`i.swatch.b-log-${kinds.includes(log) ? log : 'other'}`, { 'aria-hidden': 'true' });

function steps({ steps: list, tries, bins }, { run }) {
  const columns = [
    ['After', 'num', 'Median time since the try’s first line'], ['95 %', 'num'], ['Took', 'num', 'Median time since the step before it in the same try'], ['95 %', 'num'],
    ['How long it took', '', `From left to right: ${bins.map((edge) => duration(edge)).join(', ')} and more`], ['Tries', 'num'],
    ['In place', 'num', 'Of the tries that have it, in how many it stands at this place'], ['Source'], ['Step', 'wide'],
  ]; // prettier-ignore
  const longest = Math.max(1, ...list.map(({ took }) => took.median));
  return h('div.scroll', null, h('table.list.tight', null,
    h('thead', null, h('tr', null, columns.map(([label, kind, title]) => h(kind ? `th.${kind}` : 'th', { scope: 'col', title }, label)))),
    h('tbody', null, list.map((step, k) => h('tr', { 'data-key': `${k} ${step.template}` },
      h('td.num', null, duration(step.offset.median)),
      h('td.num.muted', null, duration(step.offset.p95)),
      h(step.took.median === longest ? 'td.num.most' : 'td.num', null, duration(step.took.median)),
      h('td.num.muted', null, duration(step.took.p95)),
      h('td', null, histogram(step, bins)),
      h('td.num', null, share(step.tries, tries)),
      h('td.num', null, share(step.in_order, step.tries)),
      h('td', null, swatch(step), who(step)),
      h('td.wide', null, h('a.cut', { href: recordsHref({ 'parsl.dfk': run, 'source.log': step.log, 'log.template': step.template }), title: `${step.template}: its records` }, step.template))))))); // prettier-ignore
}

const share = (part, whole) =>
  whole === 0 ? '' : `${part < whole && part / whole > 0.99 ? '>99' : Math.round((100 * part) / whole)} %`;

/** A bar for each bin, as high as its share of the fullest. */
function histogram({ histogram: counts, took }, bins) {
  const most = Math.max(1, ...counts);
  const width = 100 / bins.length;
  const used = counts.map((value, k) => (value === 0 ? '' : `${duration(bins[k])} and more: ${count(value)}`)).filter(Boolean); // prettier-ignore
  return h('span.histogram', { role: 'img', 'aria-label': `median ${duration(took.median)}; ${used.join(', ')}`, title: used.join('\n') },
    svg('svg', { viewBox: '0 0 100 16', preserveAspectRatio: 'none', 'aria-hidden': 'true' },
      counts.map((value, k) => value === 0 ? null : svg('rect', { x: k * width + 0.3, width: width - 0.6, y: 16 - Math.max(1.5, (16 * value) / most), height: Math.max(1.5, (16 * value) / most) })))); // prettier-ignore
}

function signatures({ signatures: list, tries }, { run }) {
  return list.map(({ tries: of, task, steps: sequence }, k) => h('details', { 'data-key': k },
    h('summary', null, `${share(of, tries)}: ${count(of)} of ${count(tries)} tries, ${count(sequence.length)} steps `, h('a', { href: taskHref(run, task) }, `such as task ${task}`)),
    h('ol.sequence', null, sequence.map((step) => h('li', null, swatch(step), who(step), ' ', h('code', null, step.template)))))); // prettier-ignore
}

function rare({ rare: list, tries }, { run }) {
  if (list.length === 0) return null;
  return h('section.card', { 'data-key': 'rare' }, h('h2', null, 'Steps that fewer tries have'),
    h('ul.rare', null, list.map((step) => h('li', { 'data-key': `${step.log} ${step.thread} ${step.template}` }, h('span.num', null, share(step.tries, tries)), ' ', swatch(step), who(step), ' ',
      h('a', { href: recordsHref({ 'parsl.dfk': run, 'source.log': step.log, 'log.template': step.template }) }, h('code', null, step.template)))))); // prettier-ignore
}
