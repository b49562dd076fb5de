import os
import subprocess
import sys
import threading
import unittest
from unittest import mock

import dill

from parsl_otel.environment import VARIABLES, task_environment, traced
from parsl_otel.ids import traceparent
from tests.apps import look

IDS = {'_parsl_monitoring_task_id': 7, '_parsl_monitoring_try_id': 1}
EXPECTED = {'TRACEPARENT': traceparent('run', 7, 1), 'PARSL_OTEL_RUN_ID': 'run', 'PARSL_OTEL_TASK_ID': '7', 'PARSL_OTEL_TRY_ID': '1'}
NOTHING = dict.fromkeys(VARIABLES)


class TestEnvironment(unittest.TestCase):
    def test_a_task_finds_its_variables_and_leaves_none(self):
        self.assertEqual(traced(look, 'RUN')(**IDS), EXPECTED)
        self.assertEqual(look(), NOTHING)

    def test_an_outer_trace_is_put_back_even_after_an_exception(self):
        def fail(**ids):
            raise KeyError(os.environ['TRACEPARENT'])
        with mock.patch.dict(os.environ, TRACEPARENT='outer'):
            with self.assertRaisesRegex(KeyError, EXPECTED['TRACEPARENT']):
                traced(fail, 'run')(**IDS)
            self.assertEqual(look(), {**NOTHING, 'TRACEPARENT': 'outer'})

    def test_two_tasks_in_one_process_never_see_each_others_variables(self):
        together, apart, seen = threading.Barrier(2), threading.Barrier(2), {}

        def meet(**ids):
            together.wait()
            seen[ids['_parsl_monitoring_task_id']] = (look()['TRACEPARENT'], task_environment()['PARSL_OTEL_TASK_ID'])
            apart.wait()

        threads = [threading.Thread(target=traced(meet, 'run'), kwargs={**IDS, '_parsl_monitoring_task_id': task}) for task in (1, 2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(seen, {1: (None, '1'), 2: (None, '2')})
        self.assertEqual(look(), NOTHING)
        self.assertEqual(task_environment(), {})

    def test_a_worker_without_the_plugin_can_run_it(self):
        script = f'import sys; sys.modules["parsl_otel"] = None; import dill; print(dill.loads(bytes.fromhex(sys.argv[1]))(**{IDS}))'
        done = subprocess.run([sys.executable, '-c', script, dill.dumps(traced(look, 'run')).hex()], capture_output=True, text=True,
                              env={**os.environ, 'PYTHONPATH': os.path.dirname(os.path.dirname(__file__))})
        self.assertEqual((done.stdout.strip(), done.stderr), (str(EXPECTED), ''))
