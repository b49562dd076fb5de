"""A real workflow, small and complete, for the end-to-end suite: it knows what it asks of Parsl, does it, and writes it down.

    python workflow.py --radio htex|udp|filesystem|threads [--encrypted] --connection-file F --run-dir D --expect OUT.json

Two diamonds of dependencies, an app that fails twice and then succeeds, one that always fails and has dependents, a join, memoised
repeats, a bash app, and on every executor a task that writes down the trace context it finds in its environment. Runs on every
release of Parsl that the plugin supports; what differs between releases is in executors() and nowhere else.

OUT.json has the shape of the recorded runs' expect.json, for the one run: per task its id, app, final state, tries (Parsl's
numbering: 1 also where nothing was launched), launched (tries that an executor was given), executor and depends; per join what it
started and what it waited for; per observer the file with the variables it saw. Every line is first compared with Parsl's own task
records; a difference ends the script with status 1.
"""
import argparse
import json
import os
import platform
import sys
import time

import parsl
from parsl.app.app import bash_app, join_app, python_app
from parsl.config import Config
from parsl.executors import HighThroughputExecutor, ThreadPoolExecutor
from parsl.providers import LocalProvider

import parsl_otel
from parsl_otel import OTelMonitoringHub
from parsl_otel.hub import EXECUTORS_HAVE_RADIOS

RETRIES = 2
FINAL = ('exec_done', 'memo_done', 'failed', 'dep_fail')


def prepare(number):
    return list(range(number))


def left(values):
    return sum(values)


def right(values):
    import time
    time.sleep(0.3)
    return len(values)


def combine(one, other):
    return one + other


def flaky(counter):
    """Fails until it has been tried twice, which the size of a file tells."""
    import os
    with open(counter, 'ab') as file:
        file.write(b'x')
    if os.path.getsize(counter) <= 2:
        raise RuntimeError('not yet')
    return [1, 2, 3]


def broken(reason):
    raise ValueError(reason)


def square(number):
    return number * number


def describe(word, stdout=None, stderr=None):
    return f'echo "{word} $TRACEPARENT"'


def observe(path):
    """What an application sees of the trace it is part of."""
    import json
    import os
    names = ['TRACEPARENT', 'PARSL_OTEL_RUN_ID', 'PARSL_OTEL_TASK_ID', 'PARSL_OTEL_TRY_ID']
    with open(path, 'w') as file:
        json.dump({name: os.environ.get(name) for name in names}, file)
    return path


class Expectations:
    """What was asked for, task by task."""

    def __init__(self):
        self.tasks = []
        self.futures = []

    def add(self, app, executor, future, state='exec_done', tries=1, launched=None, depends=()):
        self.futures.append(future)
        self.tasks.append({'task': future.tid, 'app': app, 'state': state, 'tries': tries,
                           'launched': tries if launched is None else launched, 'executor': executor,
                           'depends': [other.tid for other in depends]})
        return future

    def wait(self):
        """Until Parsl itself has done with every task; the result of an app is there a little earlier."""
        for future in self.futures:
            future.exception()
            while future.task_record['status'].name not in FINAL:
                time.sleep(0.01)

    def differences(self):
        for future, task in zip(self.futures, self.tasks):
            record = future.task_record
            failures = {'failed': task['launched'], 'dep_fail': record['fail_count']}.get(task['state'], task['tries'] - 1)
            wanted = (task['app'], task['state'], failures)
            seen = (record['func_name'], record['status'].name, record['fail_count'])
            if wanted != seen:
                yield f'task {task["task"]}: asked for {wanted}, Parsl has {seen}'


def executors(radio, encrypted):
    """The executors, with their radio set as this release of Parsl wants it."""
    # Parsl starts its own programs by name; they must be those of this interpreter's environment.
    programs = os.path.dirname(sys.executable)
    os.environ['PATH'] = programs + os.pathsep + os.environ['PATH']
    threads = ThreadPoolExecutor(label='threads', max_threads=4)
    if radio == 'threads':
        return [threads]
    options = {}
    if EXECUTORS_HAVE_RADIOS and radio != 'htex':
        kind = {'udp': 'OTelUDPRadio', 'filesystem': 'OTelFilesystemRadio'}[radio]
        options['remote_monitoring_radio'] = getattr(parsl_otel, kind)()
    provider = LocalProvider(init_blocks=1, min_blocks=1, max_blocks=1, worker_init=f'export PATH={programs}:$PATH')
    htex = HighThroughputExecutor(label='htex', address='127.0.0.1', max_workers_per_node=2, cores_per_worker=0.1,
                                  encrypted=encrypted, provider=provider, **options)
    if not EXECUTORS_HAVE_RADIOS:
        htex.radio_mode = radio
        # Worker pools of these releases sometimes miss that they are connected, and give up (the probe looks too late).
        htex.address_probe_timeout = 5
        htex.launch_cmd = f'for attempt in 1 2 3 4 5; do {htex.launch_cmd} && break; done'
    return [htex, threads]


def diamonds(expected, work, count):
    """prepare, then left and right, then combine."""
    ends = []
    for number in range(count):
        top = expected.add('prepare', work, python_app(prepare, executors=[work])(5 + number))
        one = expected.add('left', work, python_app(left, executors=[work])(top), depends=[top])
        other = expected.add('right', 'threads', python_app(right, executors=['threads'])(top), depends=[top])
        ends.append(expected.add('combine', work, python_app(combine, executors=[work])(one, other), depends=[one, other]))
    return ends


def failures(expected, work, run_dir, end):
    """Failures that are repaired by trying again, failures that are not, and those who waited for them."""
    fails_twice = expected.add('flaky', work, python_app(flaky, executors=[work])(os.path.join(run_dir, 'flaky')), tries=3)
    expected.add('left', work, python_app(left, executors=[work])(fails_twice), depends=[fails_twice])
    fails = expected.add('broken', work, python_app(broken, executors=[work])('always'), state='failed', tries=3)
    waits = expected.add('left', work, python_app(left, executors=[work])(fails), 'dep_fail', launched=0, depends=[fails])
    expected.add('combine', 'threads', python_app(combine, executors=['threads'])(waits, end), 'dep_fail', launched=0,
                 depends=[waits, end])


def memoised(expected, work):
    """Two that are computed, and three repeats that are not."""
    remembers = python_app(square, executors=[work], cache=True)
    for number in (3, 4):
        expected.add('square', work, remembers(number)).result()
    for number in (3, 3, 4):
        expected.add('square', work, remembers(number), state='memo_done', launched=0)


def joined(expected, work):
    """A task that starts two more and ends when the second of them has."""
    inner = []

    def outer(number):
        first = expected.add('prepare', work, python_app(prepare, executors=[work])(number))
        second = expected.add('left', work, python_app(left, executors=[work])(first), depends=[first])
        inner.extend([first, second])
        return second

    future = expected.add('outer', '_parsl_internal', join_app(outer)(4))
    assert future.result() == 6
    return [{'task': future.tid, 'app': 'outer', 'state': 'exec_done', 'joins': [inner[1].tid],
             'inner': [[task.tid, app, 'exec_done'] for task, app in zip(inner, ('prepare', 'left'))]}]


def observers(expected, labels, run_dir):
    """One task at a time: the threads of a process share one environment."""
    seen = []
    for label in labels:
        path = os.path.join(run_dir, f'environment-{label}.json')
        future = expected.add('observe', label, python_app(observe, executors=[label])(path))
        future.result()
        seen.append({'task': future.tid, 'try': 0, 'executor': label, 'file': path})
        output = os.path.join(run_dir, f'describe-{label}.txt')
        future = expected.add('describe', label, bash_app(describe, executors=[label])('hello', stdout=output))
        future.result()
        seen.append({'task': future.tid, 'try': 0, 'executor': label, 'stdout': output})
    return seen


def run(arguments):
    run_dir = os.path.abspath(arguments.run_dir)
    os.makedirs(run_dir, exist_ok=True)
    pool = executors(arguments.radio, arguments.encrypted)
    labels = [executor.label for executor in pool]
    kernel = parsl.load(Config(
        executors=pool, retries=RETRIES, strategy='none', run_dir=os.path.join(run_dir, 'runinfo'),
        monitoring=OTelMonitoringHub(connection_file=arguments.connection_file, workflow_name='diamond',
                                     resource_monitoring_interval=arguments.interval)))
    expected = Expectations()
    try:
        ends = diamonds(expected, labels[0], 2)
        failures(expected, labels[0], run_dir, ends[0])
        memoised(expected, labels[0])
        joins = joined(expected, labels[0])
        expected.wait()
        seen = observers(expected, labels, run_dir)
        expected.wait()
        # Parsl ends its worker pools at once, with the last of their monitoring messages still in their hands.
        time.sleep(1)
    finally:
        kernel.cleanup()
        parsl.clear()
    differences = list(expected.differences())
    outcome = {
        'parsl': parsl.__version__, 'python': platform.python_version(), 'radio': arguments.radio, 'encrypted': arguments.encrypted,
        'interval': arguments.interval,
        'runs': [{'run_id': kernel.run_id, 'rundir': kernel.run_dir, 'workflow_name': 'diamond', 'retries': RETRIES,
                  'executors': [[executor.label, type(executor).__name__] for executor in pool],
                  'tasks': sorted(expected.tasks, key=lambda task: task['task']), 'joined': joins, 'observed': seen}],
    }
    with open(arguments.expect, 'w') as file:
        json.dump(outcome, file, indent=1)
    for difference in differences:
        print(difference, file=sys.stderr)
    return 1 if differences else 0


def main():
    parser = argparse.ArgumentParser(description='The workflow of the end-to-end suite.')
    parser.add_argument('--radio', choices=['htex', 'udp', 'filesystem', 'threads'], required=True)
    parser.add_argument('--encrypted', action='store_true', help='encrypt the traffic of the high throughput executor')
    parser.add_argument('--connection-file', required=True)
    parser.add_argument('--run-dir', required=True)
    parser.add_argument('--expect', required=True, help='where to write what was done')
    parser.add_argument('--interval', type=float, default=1.0, help='of resource monitoring, in seconds')
    return run(parser.parse_args())


if __name__ == '__main__':
    sys.exit(main())
