/** Where a run ran: workers over time, blocks, managers. */
import { h } from '../dom.js';
import { bytes, clock, count, dateTime, duration, exact, percent, unknown } from '../format.js';
import { tasksHref } from '../route.js';
import { nowOf } from './runs.js';
import { workerCharts } from './worker_chart.js';

const MINUTE = 60e6;

export function workersTab() {
  return {
    async load(_route, ask) {
      const [workers, blocks] = await Promise.all([ask({}, 'workers'), ask({}, 'blocks')]);
      return { workers, ...blocks };
    },
    render({ workers, blocks, managers }, data) {
      const { run } = data;
      const end = run.completed ?? (run.status === 'running' ? nowOf(data) : run.last_seen);
      return [
        h('div.grid', { 'data-key': 'charts' }, workerCharts(workers)),
        blocks.length === 0 ? null : section('Blocks', blocks.length, blockTable(blocks, managers, run, end)),
        managers.length === 0 ? null : section('Managers', managers.length, managerTable(managers, run)),
        blocks.length + managers.length > 0 ? null : h('p.empty', { 'data-key': 'none' }, 'No executor of this run has told of blocks or managers.'),
      ]; // prettier-ignore
    },
  };
}

function section(title, number, content) {
  return h(
    'section.card.flush',
    { 'data-key': title },
    h('h2', null, title, ' ', h('span.muted', null, count(number))),
    content,
  );
}

function list(head, rows) {
  return h('div.scroll', null, h('table.list', null,
    h('thead', null, h('tr', null, head.map(([label, kind, title]) => h(kind ? `th.${kind}` : 'th', { scope: 'col', title }, label)))),
    h('tbody', null, rows))); // prettier-ignore
}

/** A block is up from RUNNING on; before, it waits for the batch system. */
function upFrom({ states }) {
  return JSON.parse(states).find(([state]) => state === 'RUNNING')?.[1] ?? null;
}

function blockTable(blocks, managers, { run }, end) {
  const head = [
    ['Block'], ['Executor'], ['Job'], ['State'], ['Asked for', 'num'], ['Waited', 'num', 'For the batch system'], ['Up', 'num'],
    ['Managers', 'num'], ['Tries', 'num'], ['Busy', 'num', 'Time with a try on a worker, of all worker time'],
  ]; // prettier-ignore
  return list(head, blocks.map((block) => {
    const up = upFrom(block);
    const until = block.ended ?? end;
    const own = managers.filter((manager) => manager.block === block.block && (manager.executor ?? block.executor) === block.executor);
    const time = own.reduce((sum, manager) => sum + workerTime(manager), 0);
    const isUnused = up !== null && block.tries === 0 && until - up > 5 * MINUTE;
    return h('tr', { 'data-key': `${block.executor} ${block.block}` },
      h('td', null, h('a.name', { href: tasksHref(run, { executor: block.executor, block: block.block }) }, block.block)),
      h('td', null, block.executor),
      h('td.mono', null, block.job ?? unknown),
      h('td', null, h('span.block', { 'data-state': block.state }, block.state), isUnused ? h('span.status.silent', { title: 'Up for more than five minutes, and nothing ran on it.' }, 'never used') : null),
      h('td.num', { title: exact(block.first_seen) }, clock(block.first_seen)),
      h('td.num', null, up === null ? (block.ended === null ? duration(end - block.first_seen) : unknown) : duration(up - block.first_seen)),
      h('td.num', null, up === null ? unknown : duration(until - up)),
      h('td.num', null, count(block.managers)),
      h('td.num', null, count(block.tries)),
      h('td.num', null, percent(block.busy_time, time)));
  })); // prettier-ignore
}

/** Worker time that a manager offered. */
function workerTime({ workers, until, registered }) {
  return workers === null ? 0 : workers * Math.max(0, until - registered);
}

function managerTable(managers, run) {
  const head = [
    ['Host'], ['Manager'], ['Block', 'num'], ['State'], ['Workers', 'num'], ['Holds', 'num', 'Executor tasks that it holds now'],
    ['Tries', 'num'], ['Busy', 'num', 'Time with a try on a worker, of all worker time'], ['Cores', 'num'], ['Memory', 'num'],
    ['Registered', 'num'], ['Last heard', 'num'],
  ]; // prettier-ignore
  const isOver = run.completed !== null;
  return list(head, managers.map((manager) => {
    const { state } = manager;
    return h('tr', { 'data-key': manager.manager },
      h('td', null, manager.host === null ? unknown : h('a.name', { href: tasksHref(run.run, { host: manager.host }) }, manager.host)),
      h('td.mono', null, manager.manager),
      h('td.num', null, manager.block ?? unknown),
      h('td', null, h('span.block', { 'data-state': state, title: manager.left === null ? undefined : `left ${exact(manager.left)}` }, state)),
      h('td.num', null, count(manager.workers)),
      h('td.num', null, isOver ? unknown : count(manager.held)),
      h('td.num', null, count(manager.tries)),
      h('td.num', null, manager.busy_time === null ? unknown : percent(manager.busy_time, workerTime(manager))),
      h('td.num', null, count(manager.cpus)),
      h('td.num', null, bytes(manager.memory)),
      h('td.num', { title: exact(manager.registered) }, clock(manager.registered)),
      h('td.num', { title: dateTime(manager.last_seen) }, clock(manager.last_seen)));
  })); // prettier-ignore
}
