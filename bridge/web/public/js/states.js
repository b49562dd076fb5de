/** Parsl's states: in what order they are stacked, what they mean, and how they are shown. */
import { h } from './dom.js';
import { count } from './format.js';

/** From the bottom of a chart to its top: what is over, what goes on, what waits. */
export const states = [
  'exec_done',
  'memo_done',
  'failed',
  'dep_fail',
  'fail_retryable',
  'joining',
  'running_ended',
  'running',
  'launched',
  'pending',
  'unsched',
];

export const meaning = {
  exec_done: 'executed, and ended well',
  memo_done: 'the result was known from an earlier task',
  failed: 'failed for good',
  dep_fail: 'not run, because a task it depends on failed',
  fail_retryable: 'a try failed, another will follow',
  joining: 'waits for the tasks that it started',
  running_ended: 'the worker is done, the result is on its way back',
  running: 'on a worker',
  launched: 'given to the executor, no worker has it yet',
  pending: 'waits for other tasks, or to be launched',
  unsched: 'not looked at yet',
};

const known = new Set(states);

/** States of a set of counts in the charts' order, unknown ones last. */
export function ordered(names) {
  return [...names].sort((a, b) => place(a) - place(b));
}

function place(state) {
  const index = states.indexOf(state);
  return index < 0 ? states.length : index;
}

/** The part of a class name that stands for a state's colour. */
export function colour(state) {
  return known.has(state) ? state : 'other';
}

export function swatch(state) {
  return h(`i.swatch.b-${colour(state)}`, { 'aria-hidden': 'true' });
}

export function chip(state) {
  return h('span.state', { title: meaning[state] }, swatch(state), state);
}

export const isFailure = (state) => state === 'failed' || state === 'dep_fail';

/** Sums that a line of text can hold: done, failed, on the way, waiting. */
export function sums(counts) {
  const of = (...names) => names.reduce((sum, name) => sum + (counts[name] ?? 0), 0);
  return {
    done: of('exec_done', 'memo_done'),
    failed: of('failed', 'dep_fail'),
    active: of('launched', 'running', 'running_ended', 'joining', 'fail_retryable'),
    running: of('running'),
    waiting: of('pending', 'unsched'),
  };
}

/** One bar of all states, each as wide as its share; its title and its text alternative tell the numbers. */
export function bar(counts, total) {
  const shown = ordered(Object.keys(counts)).filter((state) => counts[state] > 0);
  const text = shown.map((state) => `${state} ${count(counts[state])}`).join(', ');
  return h(
    'span.bar',
    { role: 'img', 'aria-label': text === '' ? 'no tasks' : text, title: text },
    // SVG takes no part in the title of its parent, spans do.
    shown.map((state) =>
      h(`i.b-${colour(state)}`, {
        'data-key': state,
        style: { 'flex-grow': String(counts[state] / Math.max(1, total)) },
      }),
    ),
  );
}
