import inspect
import unittest

import parsl.dataflow.dflow as dflow

from parsl_otel import hook
from tests.apps import double, look

BEFORE = getattr(dflow, 'monitor_wrapper', None), dflow.DataFlowKernel.add_executors


def wrapper(**how):
    """Like Parsl's monitor_wrapper: a new function each time, task and try as keyword arguments."""
    def wrapped(*args, **kwargs):
        ids = kwargs.pop('_parsl_monitoring_task_id'), kwargs.pop('_parsl_monitoring_try_id')
        return ids, how['f'](*args, **kwargs)
    ids = {'_parsl_monitoring_task_id': how['x_task_id'], '_parsl_monitoring_try_id': how['x_try_id']}
    return wrapped, how['args'], {**how['kwargs'], **ids}


def how(**changes):
    return {'f': double, 'args': (4,), 'kwargs': {}, 'x_task_id': 1, 'x_try_id': 0, 'run_id': 'run', 'run_dir': '/run', 'sleep_dur': 30,
            'monitor_resources': True, 'radio_mode': 'htex', **changes}


class TestTracer(unittest.TestCase):
    def test_makes_one_function_per_app_and_executor_however_many_tasks_there_are(self):
        tracer = hook.Tracer()
        first, args, kwargs = tracer.wrap(wrapper, **how())
        self.assertEqual(first(*args, **kwargs), ((1, 0), 8))
        again, args, kwargs = tracer.wrap(wrapper, **how(x_task_id=2, x_try_id=1, args=(5,)))
        self.assertIs(again, first)
        self.assertEqual(again(*args, **kwargs), ((2, 1), 10))
        self.assertIsNot(tracer.wrap(wrapper, **how(radio_mode='udp'))[0], first)
        self.assertIsNot(tracer.wrap(wrapper, **how(f=look))[0], first)

    def test_does_not_keep_every_function_it_ever_saw(self):
        tracer = hook.Tracer()
        first = tracer.wrap(wrapper, **how())[0]
        for number in range(hook.APPS_MAX):
            tracer.wrap(wrapper, **how(f=lambda number=number: number))
        self.assertEqual(len(tracer._kept), hook.APPS_MAX)
        self.assertIsNot(tracer.wrap(wrapper, **how())[0], first)

    def test_leaves_an_app_alone_whose_task_it_can_not_tell(self):
        function, args, kwargs = hook.Tracer().wrap(lambda **how: (double, how['args'], how['kwargs']), **how())
        self.assertEqual((function, args, kwargs), (double, (4,), {}))


class TestAttach(unittest.TestCase):
    def test_parsl_is_as_it_was_when_the_last_run_has_ended(self):
        hook.attach('/a')
        hook.attach('/a')
        hook.attach('/b')
        self.assertIs(hook.tracer_of('/a'), hook.tracer_of('/a'))
        self.assertIsNot(hook.tracer_of('/a'), hook.tracer_of('/b'))
        for run_dir in ('/a', '/b', '/a'):
            self.assertIsNot(dflow.DataFlowKernel.add_executors, BEFORE[1])
            hook.detach(run_dir)
        self.assertEqual((getattr(dflow, 'monitor_wrapper', None), dflow.DataFlowKernel.add_executors), BEFORE)
        self.assertIsNone(hook.tracer_of('/a'))

    @unittest.skipIf(BEFORE[0] is None, 'this release of Parsl asks the hub')
    def test_other_runs_get_what_parsl_makes(self):
        hook.attach('/ours')
        self.addCleanup(hook.detach, '/ours')
        known = {'f': double, 'args': (), 'kwargs': {}, 'x_task_id': 1, 'x_try_id': 0, 'run_id': 'run'}
        rest = {name: known.get(name) for name in inspect.signature(BEFORE[0]).parameters}
        theirs = dflow.monitor_wrapper(**{**rest, 'run_dir': '/theirs'})[0]
        ours = dflow.monitor_wrapper(**{**rest, 'run_dir': '/ours'})[0]
        self.assertIs(theirs.__wrapped__, double)
        self.assertIs(ours.__wrapped__.__wrapped__, double)
