/**
 * Every recording folded, against what its workflow knows that it did (expect.json), against Parsl's own database
 * (fixtures/monitoring_db), and against the messages as Python decoded them.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';

import { taskId } from '../../bridge/core/ids.ts';
import type { Span } from '../../bridge/core/signal.ts';
import { StatusCode } from '../../bridge/core/signal.ts';
import { namedZone, parseLocalTime } from '../../bridge/core/time.ts';
import { fold, only, pointValue, recorded, where } from '../helpers/engine.ts';
import type { ExpectedRun, ExpectedTask } from '../helpers/fixtures.ts';
import { decodedMessages, expected, recordings } from '../helpers/fixtures.ts';

type Row = readonly [
  task: number, attempt: number, launched: string | null, running: string | null, ended: string | null,
  returned: string | null, executor: string, block: string | null, host: string | null,
]; // prettier-ignore
const databases = JSON.parse(
  readFileSync(new URL('../fixtures/monitoring_db/tries.json', import.meta.url), 'utf8'),
) as Record<string, Record<string, readonly Row[]>>;

interface Joined {
  readonly task: number;
  readonly app: string;
  readonly state: string;
  readonly inner: readonly (readonly [task: number, app: string, state: string])[];
}

/** What one TASK_INFO said. */
type Message = Record<string, string | number | boolean | null>;

function taskMessages(name: string, run: string): Message[] {
  return decodedMessages(name).flatMap(({ msg }) => {
    const [tag, body] = (Array.isArray(msg) && Array.isArray(msg[0]) ? msg[0] : msg) as [string, Message];
    return tag === 'TASK_INFO' && body['run_id'] === run ? [body] : [];
  });
}

/** All tasks that a run is known to have had, joined ones and those inside them included. */
function tasksOf(run: ExpectedRun): Pick<ExpectedTask, 'task' | 'app' | 'state'>[] {
  const { count, app, state } = (run.tasks_all ?? { count: 0 }) as { count: number; app: string; state: string };
  const alike = Array.from({ length: count }, (_, task) => ({ task, app, state }));
  const joined = (run.joined as readonly Joined[]).flatMap(({ inner, ...outer }) => [
    outer,
    ...inner.map(([task, app, state]) => ({ task, app, state })),
  ]);
  const all = new Map([...(run.tasks ?? []), ...alike, ...joined].map((task) => [task.task, task]));
  return [...all.values()].sort((a, b) => a.task - b.task);
}

const linked = (span: Span, kind: string): unknown[] =>
  span.links
    .filter(({ attributes }) => attributes['parsl.link'] === kind)
    .map(({ attributes }) => attributes['parsl.task']);

for (const name of recordings()) {
  describe(`model: recording ${name}`, () => {
    const expectation = expected(name);
    const zone = namedZone(expectation.tz, 'config');
    const { spans, metrics, counts } = fold(recorded(name));
    const nanos = (text: string): bigint => {
      const local = parseLocalTime(text) ?? NaN;
      return BigInt(local - (zone?.offset(local) ?? NaN)) * 1000n;
    };

    it('loses nothing and leaves nothing out', () => {
      assert.deepEqual(counts, { late: 0, unattributed: 0, evicted: 0, negativePhases: 0, metricsWithoutValue: 0 });
    });

    for (const run of expectation.runs) {
      const ofRun = where(spans, { 'parsl.dfk': run.run_id });
      const tasks = where(ofRun, { 'parsl.span': 'task' });
      const span = (task: number): Span => only(tasks, { 'parsl.task': task });
      const tries = where(ofRun, { 'parsl.span': 'try' });
      const triesOf = (task: number): Span[] => where(tries, { 'parsl.task': task });
      const messages = taskMessages(name, run.run_id);

      describe(`run ${run.run_id.slice(0, 8)}`, () => {
        it('has one trace a task, with its app and its final state', () => {
          const known = tasksOf(run);
          const shown = tasks.map(({ name, attributes }) => [
            attributes['parsl.task'],
            name,
            attributes['parsl.task_state'],
          ]);
          const states = known.map(({ task, app, state }) => [
            task, app, state ?? (messages.findLast((message) => message['task_id'] === task)?.['task_status_name'] ?? ''),
          ]); // prettier-ignore
          assert.deepEqual(shown, states);
          assert.equal(new Set(tasks.map(({ traceId }) => traceId)).size, known.length);
          for (const { traceId, spanId, attributes } of tasks)
            assert.deepEqual({ traceId, spanId }, taskId(run.run_id, Number(attributes['parsl.task'])));
        });

        it('has one span for each try that was launched, and none for others', () => {
          const launched = messages.filter((message) => message['task_status_name'] === 'launched');
          assert.deepEqual(
            tries
              .map(({ attributes }) => `${String(attributes['parsl.task'])}/${String(attributes['parsl.try'])}`)
              .sort(),
            launched.map((message) => `${String(message['task_id'])}/${String(message['try_id'])}`).sort(),
          );
          for (const { task, state, tries: known, tries_observed } of run.tasks ?? []) {
            if (state === 'memo_done' || state === 'dep_fail' || state === null) continue;
            assert.equal(triesOf(task).length, known ?? tries_observed, `task ${task}`);
            assert.equal(span(task).attributes['parsl.tries'], known ?? tries_observed);
          }
        });

        it('has the times, places and executors of Parsl’s own database', () => {
          for (const [task, attempt, launched, running, ended, returned, executor, block, host] of databases[name]?.[
            run.run_id
          ] ?? []) {
            const own = triesOf(task).find(({ attributes }) => attributes['parsl.try'] === attempt);
            if (own === undefined) continue; // Its number alone is in the database, too.
            const phase = where(ofRun, { 'parsl.task': task, 'parsl.try': attempt, 'parsl.phase': 'running' })[0];
            const isJoin = linked(span(task), 'joined').length > 0;
            const what = `task ${task} try ${attempt}`;
            const inferred = String(own.attributes['parsl.inferred'] ?? '');
            assert.equal(inferred.includes('start'), launched === null, what);
            assert.equal(inferred.includes('end'), returned === null, what);
            if (launched !== null) assert.equal(own.startTimeUnixNano, nanos(launched), what);
            if (returned !== null && !isJoin) assert.equal(own.endTimeUnixNano, nanos(returned), what);
            if (running !== null) assert.equal(phase?.startTimeUnixNano, nanos(running), what);
            if (ended !== null) assert.equal(phase?.endTimeUnixNano, nanos(ended), what);
            else if (phase !== undefined) assert.equal(phase.attributes['parsl.inferred'], 'end', what);
            assert.equal(own.attributes['parsl.executor'], executor, what);
            assert.equal(own.attributes['parsl.block'] ?? null, block, what);
            if (host !== null) assert.equal(phase?.resource.attributes['host.name'], host, what);
          }
        });

        it('lies within its run, and every try within its task', () => {
          const whole = only(ofRun, { 'parsl.span': 'run' });
          for (const { name, startTimeUnixNano: start, endTimeUnixNano: end } of ofRun)
            assert.ok(start >= whole.startTimeUnixNano && end <= whole.endTimeUnixNano, name);
          for (const own of tries) {
            const task = span(Number(own.attributes['parsl.task']));
            assert.ok(own.startTimeUnixNano >= task.startTimeUnixNano && own.endTimeUnixNano <= task.endTimeUnixNano);
            assert.deepEqual([own.traceId, own.parentSpanId], [task.traceId, task.spanId]);
          }
        });

        it('links tasks to their dependencies, joins to what they wait for, all to the run', () => {
          for (const { task, depends } of run.tasks ?? []) {
            assert.deepEqual(
              linked(span(task), 'dependency'),
              depends.toSorted((a, b) => a - b),
              `task ${task}`,
            );
            for (const { attributes, ...ids } of span(task).links.filter(
              (link) => link.attributes['parsl.task'] !== undefined,
            ))
              assert.deepEqual(ids, taskId(run.run_id, Number(attributes['parsl.task'])));
          }
          for (const { task, inner } of run.joined as readonly Joined[])
            assert.deepEqual(linked(span(task), 'joined'), [inner.at(-1)?.[0]]);
          const root = only(ofRun, { 'parsl.span': 'run' });
          for (const { links } of tasks)
            assert.deepEqual([links[0]?.traceId, links[0]?.spanId], [root.traceId, root.spanId]);
        });

        it('links memoised results to the first task of the run that computed them', () => {
          for (const hit of where(tasks, { 'parsl.task_state': 'memo_done' })) {
            const hash = messages.find(
              (message) => message['task_id'] === hit.attributes['parsl.task'] && message['task_hashsum'],
            )?.['task_hashsum'];
            const sources = messages.filter(
              (message) => message['task_status_name'] === 'exec_done' && message['task_hashsum'] === hash,
            );
            const first = sources.sort((a, b) =>
              String(a['task_time_returned']) < String(b['task_time_returned']) ? -1 : 1,
            )[0];
            // A result from a checkpoint has no task in this run.
            assert.deepEqual(linked(hit, 'memo_source'), first === undefined ? [] : [first['task_id']]);
            assert.equal(hit.attributes['parsl.task_hashsum'], hash);
          }
        });

        it('shows failures with the text that Parsl told, and nothing else as a failure', () => {
          for (const task of tasks) {
            const state = String(task.attributes['parsl.task_state']);
            const isFailed = state === 'failed' || state === 'dep_fail';
            assert.equal(task.status.code, isFailed ? StatusCode.ERROR : StatusCode.UNSET);
            const told = messages.filter(
              (message) =>
                message['task_id'] === task.attributes['parsl.task'] && message['task_status_name'] === state,
            );
            const history = String(
              told.map((message) => message['task_fail_history']).findLast((text) => text !== '') ?? '',
            );
            assert.equal(task.status.message, isFailed ? history : '');
            assert.equal(task.attributes['error.type'], isFailed ? history.split('(')[0] : undefined);
          }
          for (const own of tries) {
            const isFailed = ['failed', 'fail_retryable'].includes(String(own.attributes['parsl.task_state']));
            assert.equal(own.status.code, isFailed ? StatusCode.ERROR : StatusCode.UNSET);
            assert.equal(own.attributes['error.type'] !== undefined, isFailed);
          }
        });

        it('marks what never ended, and only that', () => {
          const unfinished = tasksOf(run).filter(({ state }) => state === null).map(({ task }) => task); // prettier-ignore
          const marked = where(tasks, { 'parsl.unfinished': true }).map(({ attributes }) => attributes['parsl.task']);
          assert.deepEqual(marked, unfinished);
          const isKilled = expectation['killed_submit'] !== undefined;
          const whole = only(ofRun, { 'parsl.span': 'run' });
          assert.equal(whole.attributes['parsl.unfinished'], isKilled ? true : undefined);
          for (const task of where(tasks, { 'parsl.unfinished': true }))
            assert.equal(task.attributes['parsl.inferred'], 'end');
        });

        it('counts its tasks in the states that the database has', () => {
          const counted = Object.keys(run.final_states_in_db).map((state) => [state, taskCount(run.run_id, state)]);
          // The database keeps what workers told in another column: there a running task is `launched`.
          const launched = (taskCount(run.run_id, 'launched') ?? 0) + (taskCount(run.run_id, 'running') ?? 0);
          const shown = counted.map(([state, count]) => [state, state === 'launched' ? launched : count]);
          assert.deepEqual(Object.fromEntries(shown), run.final_states_in_db);
        });
      });
    }

    function taskCount(run: string, state: string): number | undefined {
      return pointValue(metrics, 'parsl.tasks', { run, state });
    }

    if (expectation['killed_manager'] !== undefined)
      it('calls the tries that a killed manager held lost', () => {
        const retried = expectation.runs.flatMap(({ tasks = [] }) =>
          tasks.filter(({ tries_observed }) => tries_observed === 2),
        );
        assert.ok(retried.length > 0);
        const lost = where(spans, { 'parsl.span': 'try', 'error.type': 'ManagerLost' });
        assert.deepEqual(lost.map(({ attributes }) => attributes['parsl.task']), retried.map(({ task }) => task)); // prettier-ignore
        const { block } = expectation['killed_manager'] as { block: string };
        for (const { attributes } of lost)
          assert.deepEqual([attributes['parsl.try'], attributes['parsl.block']], [0, block]);
        const failed = only(spans, { 'parsl.span': 'block', 'parsl.block': block });
        assert.equal(failed.attributes['parsl.block_state'], 'FAILED');
      });

    if (expectation['memory_eater'] !== undefined && expectation.radio !== 'threads')
      it('sees the memory that one of its tasks eats', () => {
        const { task } = expectation['memory_eater'] as { task: number };
        const peak = (of: number) =>
          Number(only(spans, { 'parsl.task': of, 'parsl.phase': 'running' }).attributes['parsl.usage.memory_peak']);
        assert.ok(peak(task) - peak(0) > 50 * 2 ** 20);
      });
  });
}
