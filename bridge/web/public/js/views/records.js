/**
 * Log records over all runs at once, narrowed down by the values that occur. What is chosen stands in the address; a value leads
 * on with a click, and out of an opened record every value leads to the records that have the same.
 */
import { get } from '../api.js';
import { h } from '../dom.js';
import { clock, count, day, exact } from '../format.js';
import { recordsHref, taskHref } from '../route.js';
import { firstLine, instantOf, levelClass, opener, recordDetails, saidBy, sourceOf, timeText } from './record.js';

const PAGE = 100;
const TYPING_MS = 250;
const VALUES_SHOWN = 12;
/** Beyond, the bridge stops counting. */
const COUNTED_MAX = 10_000;
const others = new Set(['text', 'from', 'to', 'limit', 'offset']);

/** From the whole to the part: how Parsl's things lie in each other. */
const facets = [
  ['parsl.dfk', 'Run'], ['source.log', 'Log'], ['level', 'Level'], ['parsl.task', 'Task'], ['parsl.try', 'Try'], ['parsl.app_name', 'App'],
  ['parsl.executor', 'Executor'], ['parsl.executor_task', 'Executor task'], ['parsl.block', 'Block'], ['parsl.manager', 'Manager'],
  ['parsl.worker', 'Worker'], ['log.template', 'Template'], ['parsl.phase', 'Phase'],
]; // prettier-ignore
const labels = Object.fromEntries(facets);

export function recordsView({ redraw, reload }) {
  const open = new Set(['parsl.dfk', 'source.log', 'level']);
  const whole = new Set();
  const opened = new Set();
  const added = new Set();
  const toggle = (set, key) => {
    if (!set.delete(key)) set.add(key);
  };
  const page = { open, whole, opened, added, toggle, redraw, reload, keys: undefined };
  return {
    trail: () => [{ text: 'Records', href: recordsHref({}) }],
    concerns: (runs, { query }) => {
      const chosen = query.getAll('parsl.dfk');
      return chosen.length === 0 || chosen.some((run) => runs.has(run));
    },
    async load({ query }, signal) {
      for (const key of conditionsOf(query).keys()) if (!labels[key]) added.add(key);
      const asked = new URLSearchParams(query);
      const without = (...keys) => {
        const rest = new URLSearchParams(query);
        for (const key of ['offset', ...keys]) rest.delete(key);
        return rest;
      };
      asked.set('limit', String(PAGE));
      const facetsOpen = [...open];
      // Which other keys there are is asked of all that match: the page does not wait for it.
      get('records/keys', without(), signal).then(
        ({ keys }) => {
          page.keys = keys;
          redraw();
        },
        () => {}, // Gone on to another address, or the load itself fails and says so.
      );
      const [found, { runs }, ...values] = await Promise.all([
        get('records', asked, signal),
        get('runs', {}, signal),
        ...facetsOpen.map((key) => get(`records/values/${encodeURIComponent(key)}`, without(key), signal)),
      ]);
      return { ...found, runs, values: new Map(facetsOpen.map((key, k) => [key, values[k].values])) };
    },
    render(data, { query }) {
      const names = new Map(
        data.runs.map((run) => [run.run, [run.workflow, run.run.slice(0, 8)].filter(Boolean).join(' ')]),
      );
      return [
        head(data, query, names),
        h('div.records', { 'data-key': 'records' },
          h('aside', { 'aria-label': 'Narrow down' }, sidebar(data, query, names, page)),
          h('section.card.flush', { 'data-key': 'list' }, h('div.scroll', null, table(data, query, names, page)),
            data.records.length > 0 ? null : h('p.empty', null, data.total === 0 ? nothing(query) : 'There is no such page.'),
            pager(data.total, query))),
      ]; // prettier-ignore
    },
  };
}

/** Keys with the values chosen for each. */
function conditionsOf(query) {
  const conditions = new Map();
  for (const [key, value] of query) if (!others.has(key)) conditions.set(key, [...(conditions.get(key) ?? []), value]);
  return conditions;
}

function changed(query, change) {
  const next = new URLSearchParams(query);
  next.delete('offset');
  change(next);
  return next;
}

const without = (query, key, value) =>
  changed(query, (next) => {
    const left = next.getAll(key).filter((each) => each !== value);
    next.delete(key);
    for (const each of left) next.append(key, each);
  });
const including = (query, key, value) => changed(query, (next) => next.append(key, value));

const nothing = (query) =>
  query.size === 0
    ? 'No log record yet. A run directory has them: give it to the receiver run_dir or to ingest; or send JSON lines.'
    : 'No record is like that.';

let typing;

function head({ total }, query, names) {
  const tokens = [...conditionsOf(query)].flatMap(([key, values]) => values.map((value) => [key, value]));
  const moment = ['from', 'to'].filter((key) => query.has(key));
  return h('div', { 'data-key': 'head' },
    h('div.head', null, h('h1', null, 'Records'),
      h('span.muted', { role: 'status' }, `${count(Math.min(total, COUNTED_MAX))}${total >= COUNTED_MAX ? ' or more' : ''}`), h('span.grow')),
    h('form.filters', { role: 'search', onsubmit: (event) => event.preventDefault() },
      h('input', {
        type: 'search', placeholder: 'Text in the message', 'aria-label': 'Text to look for', value: query.get('text') ?? '',
        oninput: ({ currentTarget: { value } }) => {
          clearTimeout(typing);
          typing = setTimeout(() => location.replace(recordsHref(changed(query, (next) => (value === '' ? next.delete('text') : next.set('text', value))))), TYPING_MS);
        },
      }),
      tokens.map(([key, value]) => h('a.token', { 'data-key': `${key} ${value}`, href: recordsHref(without(query, key, value)), title: `Without this ${key}` },
        h('span.muted', null, labels[key] ?? key), ' ', key === 'parsl.dfk' ? (names.get(value) ?? value) : value)),
      moment.map((key) => h('a.token', { 'data-key': key, href: recordsHref(changed(query, (next) => next.delete(key))), title: 'Without this bound' },
        h('span.muted', null, key === 'from' ? 'not before' : 'not after'), ' ', exact(Number(query.get(key))))),
      query.size > 0 ? h('a.quiet', { href: recordsHref({}) }, 'Clear') : null)); // prettier-ignore
}

function sidebar(data, query, names, page) {
  const { values } = data;
  const { keys = [] } = page;
  const known = new Set(page.keys ?? facets.map(([key]) => key));
  const chosen = conditionsOf(query);
  const shown = [...facets, ...[...page.added].map((key) => [key, key])].filter(
    ([key]) => known.has(key) || chosen.has(key),
  );
  const more = keys.filter((key) => !labels[key] && !page.added.has(key) && key !== 'time' && key !== 'message');
  return [
    shown.map(([key, label]) => facet(key, label, values.get(key), chosen.get(key) ?? [], query, names, page)),
    more.length === 0 ? null : h('select', {
      'data-key': 'more', 'aria-label': 'Narrow down by another key', value: '',
      onchange: ({ currentTarget }) => {
        page.added.add(currentTarget.value);
        page.open.add(currentTarget.value);
        currentTarget.value = '';
        page.reload();
      },
    }, h('option', { value: '' }, `${count(more.length)} more keys…`), more.map((key) => h('option', { 'data-key': key, value: key }, key))),
  ]; // prettier-ignore
}

function facet(key, label, values, chosen, query, names, page) {
  const isOpen = page.open.has(key);
  const absent = chosen.filter((value) => !(values ?? []).some((each) => String(each.value) === value));
  const list = [...absent.map((value) => ({ value, records: null })), ...(values ?? [])];
  const shown = page.whole.has(key) ? list : list.slice(0, VALUES_SHOWN);
  const text = (value) => (key === 'parsl.dfk' ? (names.get(value) ?? value) : String(value));
  return h('details.facet', {
    'data-key': key, open: isOpen,
    ontoggle: ({ currentTarget }) => {
      if (currentTarget.open === page.open.has(key)) return;
      page.toggle(page.open, key);
      page.reload();
    },
  },
    h('summary', { title: key }, label, chosen.length > 0 ? h('b', null, ` ${chosen.length}`) : null),
    !isOpen ? null : values === undefined ? h('p.muted', null, 'Loading…') : h('ul', null, shown.map(({ value, records }) => {
      const isChosen = chosen.includes(String(value));
      return h('li', { 'data-key': String(value) },
        h('a', { href: recordsHref(isChosen ? without(query, key, String(value)) : including(query, key, String(value))), 'aria-current': isChosen ? 'true' : undefined, title: text(value) },
          h('span.value', null, text(value)), h('small', null, records === null ? '' : count(records))));
    })),
    list.length > shown.length ? h('button.quiet', { type: 'button', onclick: () => { page.whole.add(key); page.redraw(); } }, `All ${count(list.length)}`) : null,
  ); // prettier-ignore
}

function table({ records }, query, names, page) {
  const isOneRun = query.getAll('parsl.dfk').length === 1;
  const head = [
    [''],
    ['Time'],
    ...(isOneRun ? [] : [['Run']]),
    ['Source'],
    ['Task', 'num'],
    ['Level', 'low'],
    ['Message', 'wide'],
  ];
  return h('table.list.tight.flow', null,
    h('thead', null, h('tr', null, head.map(([label, kind]) => h(kind ? `th.${kind}` : 'th', { scope: 'col' }, label || h('span.sr', null, 'Keys'))))),
    h('tbody', null, records.flatMap((record, k) => {
      const id = `${record['source.input']} ${record['source.path']} ${record['source.line'] ?? k} ${record['source.copy'] ?? ''} ${record.time}`;
      const isOpen = page.opened.has(id);
      const at = instantOf(record);
      const run = record['parsl.dfk'];
      const task = record['parsl.task'];
      const toggle = () => {
        page.toggle(page.opened, id);
        page.redraw();
      };
      return [
        h('tr', { 'data-key': id },
          h('td', null, opener(isOpen, toggle, firstLine(saidBy(record)))),
          h('td.num.left', { title: exact(at) }, at === null ? timeText(at) : isOneRun ? timeText(at) : `${day(at)} ${clock(at, 3)}`),
          isOneRun ? null : h('td', null, run === undefined ? '' : (names.get(run) ?? run.slice(0, 8))),
          h('td', null, sourceOf(record)),
          h('td.num', null, task === undefined || run === undefined ? '' : h('a', { href: taskHref(run, task) }, task)),
          h(`td.low${levelClass(record.level)}`, null, record.level ?? ''),
          h('td.wide', null, h(`code.cut${levelClass(record.level)}`, { title: saidBy(record) }, firstLine(saidBy(record))))),
        isOpen ? h('tr.opened', { 'data-key': `${id} open` }, h('td', { colspan: head.length }, recordDetails(record))) : null,
      ];
    }))); // prettier-ignore
}

function pager(total, query) {
  const offset = Number(query.get('offset') ?? 0);
  const to = (label, at, isOn) =>
    h('a', {
      href: isOn ? recordsHref(changed(query, (next) => (at === 0 ? next.delete('offset') : next.set('offset', String(at))))) : undefined,
      'aria-disabled': isOn ? undefined : 'true',
    }, label); // prettier-ignore
  const from = total === 0 ? 0 : Math.min(offset + 1, total);
  const last = Math.max(0, Math.floor((total - 1) / PAGE) * PAGE);
  return h('nav.pager', { 'aria-label': 'Pages' },
    h('span', null, `${count(from)}–${count(Math.min(offset + PAGE, total))} of ${count(total)}${total >= COUNTED_MAX ? ' or more' : ''}`),
    to('First', 0, offset > 0), to('Previous', Math.max(0, offset - PAGE), offset > 0),
    to('Next', offset + PAGE, offset + PAGE < total), to('Newest', last, offset < last && total < COUNTED_MAX)); // prettier-ignore
}
