/** Failures, grouped by the type of the error and the app. */
import { h } from '../dom.js';
import { count } from '../format.js';
import { taskHref, tasksHref } from '../route.js';

export function failuresTab() {
  return {
    load: async (_route, ask) => (await ask({}, 'failures')).failures,
    render: (failures, { run }) =>
      failures.length === 0
        ? [h('p.empty', { 'data-key': 'none' }, 'Nothing has failed.')]
        : [h('section.card.flush', { 'data-key': 'failures' }, groups(failures, run.run, false))],
  };
}

export function groups(failures, run, isShort) {
  const head = [
    ['Error'],
    ['App'],
    ['Tasks failed', 'num'],
    ['Tries failed', 'num'],
    ['Hosts', 'num'],
    ['Latest', 'wide'],
  ];
  return h('div.scroll', null, h('table.list.failures', null,
    h('thead', null, h('tr', null, head.map(([label, kind]) => h(kind ? `th.${kind}` : 'th', { scope: 'col' }, label)))),
    h('tbody', null, failures.map(({ error, app, tasks, tries, hosts, task, message }) =>
      h('tr', { 'data-key': `${error} ${app}` },
        h('td', null, h('a.name', { href: tasksHref(run, { error, app: app ?? undefined }) }, error === '_OTHER' ? 'other' : error)),
        h('td', null, app ?? h('span.muted', null, 'not told')),
        h(tasks > 0 ? 'td.num.bad' : 'td.num', null, count(tasks)),
        h('td.num', null, count(tries)),
        h('td.num', null, count(hosts)),
        h('td.wide', null, h('a', { href: taskHref(run, task) }, `task ${task}`), ' ', isShort ? h('code.cut', { title: message }, message) : text(message))))))); // prettier-ignore
}

function text(message) {
  if (message.length <= 160 && !message.includes('\n')) return h('code', null, message);
  return h(
    'details',
    null,
    h('summary', null, h('code', null, `${message.slice(0, 140).split('\n', 1)[0]}…`)),
    h('pre', null, message),
  );
}
