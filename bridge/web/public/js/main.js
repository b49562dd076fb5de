/**
 * The page: an address becomes a view, a view loads what it shows and draws it, and both happen again when the run
 * changed. One load at a time, and never more than a fifth of the time spent loading: a page left open on a large run
 * must not keep the bridge busy.
 */
import { follow } from './api.js';
import { h, morph } from './dom.js';
import { parseRoute } from './route.js';
import { connectView } from './views/connect.js';
import { recordsView } from './views/records.js';
import { runView } from './views/run.js';
import { runsView } from './views/runs.js';
import { taskView } from './views/task.js';

const views = { runs: runsView, run: runView, task: taskView, records: recordsView, connect: connectView };
/** A run falls silent without a word: that is seen only by asking again. */
const ASK_AGAIN_MS = 30_000;
const PAUSE_MIN_MS = 250;

const main = document.getElementById('main');
const crumbs = document.getElementById('crumbs');
const link = document.getElementById('link');

/** What is shown now: {route, view, data, error}. */
let shown = { route: {}, view: undefined, data: undefined, error: undefined };
let loading;
let isStale = false;
let timer;
let lastCost = 0;
let isLinked = true;

function navigate() {
  const route = parseRoute(location.hash);
  const isSame = route.view === shown.route.view && route.run === shown.route.run && route.task === shown.route.task;
  const isTab = isSame && route.tab === shown.route.tab;
  shown = isSame
    ? { ...shown, route }
    : { route, view: views[route.view]({ redraw: draw, reload: () => reload() }), data: undefined, error: undefined };
  loading?.abort();
  loading = undefined;
  if (!isTab) {
    scrollTo(0, 0);
    // Not at the first view: there a reader begins at the top of the page.
    if (shown.wasShown) main.focus({ preventScroll: true });
  }
  draw();
  reload();
}

/** Loads what the view shows; what comes while a load goes on waits for its end. */
async function reload() {
  clearTimeout(timer);
  timer = undefined;
  if (loading !== undefined) {
    isStale = true;
    return;
  }
  const abort = new AbortController();
  loading = abort;
  isStale = false;
  const { view, route } = shown;
  const began = performance.now();
  try {
    const data = await view.load(route, abort.signal);
    if (abort.signal.aborted) return;
    shown = { ...shown, data, error: undefined };
  } catch (error) {
    if (abort.signal.aborted) return;
    shown = { ...shown, error };
  }
  lastCost = performance.now() - began;
  loading = undefined;
  draw();
  if (isStale) schedule();
}

function schedule() {
  if (loading !== undefined) isStale = true;
  else timer ??= setTimeout(reload, Math.max(PAUSE_MIN_MS, 4 * lastCost));
}

function draw() {
  const { view, data, error, route } = shown;
  const gone = error?.status === 404;
  const content = data === undefined || gone ? [] : view.render(data, route);
  const notice = error === undefined ? [] : [h('p.notice.bad', { role: 'alert' }, trouble(error))];
  const wait = data === undefined && error === undefined ? [h('p.empty.wait', null, 'Loading…')] : [];
  morph(main, [...notice, ...wait, ...content]);
  const trail = view.trail(data, route);
  morph(crumbs, trail.map(({ text, href }, index) => h('a', { href, 'aria-current': index === trail.length - 1 ? 'page' : undefined }, text))); // prettier-ignore
  document.title = [...trail.map(({ text }) => text).toReversed(), 'parsl-otel'].join(' · ');
  if (data !== undefined) shown.wasShown = true;
  drawLink();
}

function trouble(error) {
  if (error.status === undefined) return 'The bridge does not answer. What is shown is what was last known.';
  return [h('b', null, `${error.message}.`), error.hint ? ` Hint: ${error.hint}.` : ''];
}

function drawLink() {
  link.dataset.state = isLinked ? 'on' : 'off';
  link.textContent = isLinked ? 'live' : 'not connected';
  link.title = isLinked ? 'The page follows what the bridge takes in.' : 'The bridge does not answer; trying again.';
}

follow(
  (runs) => {
    if (runs === undefined || shown.view.concerns(runs, shown.route)) schedule();
  },
  (linked) => {
    isLinked = linked;
    drawLink();
  },
);
addEventListener('hashchange', navigate);
setInterval(() => document.visibilityState === 'visible' && schedule(), ASK_AGAIN_MS);
// Clocks that go on: the time since a run began, since a try started.
setInterval(() => shown.data !== undefined && shown.view.ticks?.(shown.data) === true && draw(), 1000);
navigate();
