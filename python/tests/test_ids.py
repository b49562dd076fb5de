import json
import os
import unittest

from parsl_otel import ids

VECTORS = os.path.join(os.path.dirname(__file__), '..', '..', 'test', 'vectors', 'ids.json')

RECIPES = {
    'run': lambda v: ids.run_ids(v['run_id']),
    'task': lambda v: ids.task_ids(v['run_id'], v['task']),
    'try': lambda v: ids.try_ids(v['run_id'], v['task'], v['try']),
    'phase': lambda v: ids.phase_ids(v['run_id'], v['task'], v['try'], v['name']),
    'executor': lambda v: ids.executor_ids(v['run_id'], v['label']),
    'block': lambda v: ids.block_ids(v['run_id'], v['label'], v['block']),
    'manager': lambda v: ids.manager_ids(v['run_id'], v['label'], v['manager']),
}


class TestIds(unittest.TestCase):
    def test_are_those_of_the_shared_vectors(self):
        with open(VECTORS, encoding='utf-8') as file:
            vectors = json.load(file)
        for vector in vectors:
            with self.subTest(vector):
                self.assertEqual(RECIPES[vector['what']](vector), (vector['trace_id'], vector['span_id']))
        self.assertEqual({vector['what'] for vector in vectors}, set(RECIPES))

    def test_traceparent_names_the_running_phase_of_a_try(self):
        trace_id, span_id = ids.phase_ids('RUN', 7, 1, 'running')
        self.assertEqual(ids.traceparent('run', 7, 1), f'00-{trace_id}-{span_id}-01')
