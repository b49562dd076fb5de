import inspect
import unittest
from unittest import mock

from parsl.monitoring import remote

from parsl_otel.unsampled import unsampled
from tests.apps import double, fail

NAMES = list(inspect.signature(remote.send_first_message).parameters)[2:]
HOW = {'monitor_resources': False, 'sleep_dur': 30, **{name: f'the {name}' for name in NAMES}}
REST = tuple(f'the {name}' for name in NAMES)
IDS = {'_parsl_monitoring_task_id': 7, '_parsl_monitoring_try_id': 1}


class TestUnsampled(unittest.TestCase):
    def run_with(self, function, *args):
        """Call it with Parsl's senders replaced by a list."""
        sent = []
        with mock.patch.object(remote, 'send_first_message', lambda *args: sent.append(('first', *args))), \
                mock.patch.object(remote, 'send_last_message', lambda *args: sent.append(('last', *args))):
            try:
                return function(*args, **IDS), sent
            except ValueError as error:
                return error, sent

    def test_reports_start_and_end_as_parsl_does(self):
        for app, args in ((double, [4]), (fail, [])):
            function = unsampled({'f': app, **HOW})
            result, sent = self.run_with(function, *args)
            self.assertEqual(sent, [('first', 1, 7, *REST), ('last', 1, 7, *REST)])
            self.assertEqual((function.__name__, result == 8), (app.__name__, app is double))

    def test_leaves_it_to_parsl_where_resources_are_sampled(self):
        self.assertIsNone(unsampled({'f': double, **HOW, 'monitor_resources': True}))
        self.assertIsNotNone(unsampled({'f': double, **HOW, 'monitor_resources': True, 'sleep_dur': 0}))

    def test_leaves_it_to_parsl_in_a_release_unlike_all_we_know(self):
        self.assertIsNone(unsampled({'f': double, 'monitor_resources': False}))
        with mock.patch.object(remote, 'send_first_message', lambda message: None):
            self.assertIsNone(unsampled({'f': double, **HOW}))
