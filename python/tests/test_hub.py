import json
import os
import subprocess
import sys
import threading
import time
import unittest
from datetime import datetime
from pathlib import Path

import parsl
from parsl.app.app import python_app
from parsl.config import Config
from parsl.dataflow.dflow import DataFlowKernel
from parsl.executors import ThreadPoolExecutor

import parsl_otel
from parsl_otel import OTelMonitoringHub
from parsl_otel.hub import EXECUTORS_HAVE_RADIOS
from parsl_otel.ids import traceparent
from tests.apps import double, fail, look
from tests.helpers import TempDirTest, frames, messages


def tags(received):
    return [message[0].name for message in received if isinstance(message, tuple)]


def records(received):
    return [message for message in received if isinstance(message, dict)]


class TestHub(TempDirTest):
    def config(self, radio=None, threads=1, **options):
        executor = ThreadPoolExecutor(label='threads', max_threads=threads,
                                      **({'remote_monitoring_radio': radio} if radio is not None else {}))
        options.setdefault('connection_file', os.path.join(self.dir, 'connection.json'))
        return Config(executors=[executor], run_dir=os.path.join(self.dir, 'runinfo'), monitoring=OTelMonitoringHub(**options))

    def kernel(self, config):
        kernel = parsl.load(config)
        self.addCleanup(self.end, kernel)
        return kernel

    def end(self, kernel):
        if not kernel.cleanup_called:
            kernel.cleanup()
        if parsl.DataFlowKernelLoader._dfk is kernel:
            parsl.clear()

    def test_everything_parsl_says_reaches_the_bridge(self):
        bridge = self.bridge()
        kernel = self.kernel(self.config(workflow_name='a name', resource_monitoring_interval=0))
        self.assertEqual(python_app(double)(4).result(), 8)
        self.assertIsInstance(python_app(fail)().exception(), ValueError)
        self.end(kernel)
        received = bridge.received()
        said = tags(received)
        self.assertEqual((said[0], said[-1]), ('WORKFLOW_INFO', 'WORKFLOW_INFO'))
        content = [message[1] for message in received if isinstance(message, tuple)]
        self.assertEqual(content[0]['workflow_name'], 'a name')
        self.assertEqual({message['task_status_name'] for message in content if 'task_status_name' in message},
                         {'pending', 'launched', 'exec_done', 'failed'})
        self.assertEqual(sum(1 for message in content if message.get('first_msg')), 2)
        self.assertEqual(sum(1 for message in content if message.get('last_msg')), 2)
        self.assertEqual((os.listdir(bridge.spool_dir), self.said()), ([], []))

    def test_the_bridge_is_told_of_zone_directory_and_radios(self):
        bridge = self.bridge()
        kernel = self.kernel(self.config())
        self.end(kernel)
        facts = {key: value for record in records(bridge.received()) for key, value in record.items()}
        self.assertEqual(facts['parsl.dfk'], kernel.run_id)
        self.assertEqual(facts['parsl.utc_offset'], datetime.now().astimezone().utcoffset().total_seconds())
        self.assertEqual(facts['parsl.workflow_info.rundir'], os.path.abspath(kernel.run_dir))
        self.assertEqual(facts['parsl_otel.version'], parsl_otel.__version__)
        self.assertEqual(facts['parsl_otel.radio.threads'], 'multiprocessing' if EXECUTORS_HAVE_RADIOS else 'udp')

    def test_a_task_has_its_trace_context_in_its_environment(self):
        self.bridge()
        kernel = self.kernel(self.config())
        seen = [python_app(look)().result() for _ in range(2)]
        self.end(kernel)
        for task, variables in enumerate(seen):
            self.assertEqual(variables, {'TRACEPARENT': traceparent(kernel.run_id, task, 0), 'PARSL_OTEL_RUN_ID': kernel.run_id,
                                         'PARSL_OTEL_TASK_ID': str(task), 'PARSL_OTEL_TRY_ID': '0'})

    def test_without_a_bridge_the_workflow_runs_and_the_spool_has_all_of_it(self):
        kernel = self.kernel(self.config())
        self.assertEqual(python_app(double)(4).result(), 8)
        self.end(kernel)
        spool = Path(kernel.run_dir, 'parsl-otel-spool', f'{kernel.run_id}-{os.getpid()}.capture')
        kept = messages(spool.read_bytes())
        self.assertEqual((tags(kept)[0], tags(kept)[-1]), ('WORKFLOW_INFO', 'WORKFLOW_INFO'))
        self.assertEqual(len(records(kept)), 3)
        first, last = self.said()
        self.assertIn('there is no connection file', first)
        self.assertIn(f'{len(kept)} monitoring messages could not be delivered', last)
        self.assertIn(str(spool), last)

    def test_a_bridge_that_is_stopped_finds_the_rest_in_its_spool(self):
        bridge = self.bridge()
        kernel = self.kernel(self.config())
        bridge.wait_for(1)
        bridge.close()
        os.unlink(bridge.connection_file)
        python_app(double)(4).result()
        self.end(kernel)
        self.assertIn('WORKFLOW_INFO', tags(bridge.spooled()))

    def test_a_hanging_bridge_delays_no_task_and_the_end_only_by_its_timeout(self):
        release = threading.Event()
        self.addCleanup(release.set)
        bridge = self.bridge(lambda request, number: release.wait(60) and 200)
        kernel = self.kernel(self.config(threads=4, exit_timeout=0.5))
        app = python_app(double)
        began = time.monotonic()
        self.assertEqual(sum(future.result() for future in [app(number) for number in range(200)]), 2 * sum(range(200)))
        self.assertLess(time.monotonic() - began, 20)
        began = time.monotonic()
        self.end(kernel)
        self.assertLess(time.monotonic() - began, 15)
        kept = [message[1] for message in bridge.spooled() if isinstance(message, tuple)]
        self.assertEqual(sum(1 for content in kept if content.get('first_msg')), 200)
        self.assertIn('the bridge will pick them up', self.said()[-1])

    def test_what_fits_nowhere_is_counted_and_said(self):
        kernel = self.kernel(self.config(queue_bytes_max=1000, spool_bytes_max=3000))
        for number in range(20):
            python_app(double)(number).result()
        self.end(kernel)
        self.assertRegex(self.said()[-1], r'\d+ monitoring messages are lost')

    def test_several_runs_one_after_the_other_and_at_once(self):
        bridge = self.bridge()
        first = self.kernel(self.config())
        python_app(double)(1).result()
        self.end(first)
        second = self.kernel(self.config())
        third = DataFlowKernel(self.config())
        self.addCleanup(self.end, third)
        here, there = python_app(look)().result(), python_app(look, data_flow_kernel=third)().result()
        self.end(third)
        self.end(second)
        self.assertEqual((here['PARSL_OTEL_RUN_ID'], there['PARSL_OTEL_RUN_ID']), (second.run_id, third.run_id))
        runs = [message[1]['run_id'] for message in bridge.received() if isinstance(message, tuple) and message[0].name == 'WORKFLOW_INFO']
        self.assertEqual(sorted(runs), sorted(2 * [first.run_id, second.run_id, third.run_id]))

    def test_files_of_a_radio_that_no_bridge_was_told_of_end_in_the_spool(self):
        config = self.config(radio=parsl_otel.OTelFilesystemRadio() if EXECUTORS_HAVE_RADIOS else None)
        if not EXECUTORS_HAVE_RADIOS:
            config.executors[0].radio_mode = 'filesystem'
        kernel = self.kernel(config)
        python_app(double)(4).result()
        self.end(kernel)
        spool = Path(kernel.run_dir, 'parsl-otel-spool', f'{kernel.run_id}-{os.getpid()}.capture')
        self.assertEqual([channel for channel, _, _ in frames(spool.read_bytes())].count(11), 2)
        self.assertEqual(os.listdir(os.path.join(kernel.run_dir, 'monitor-fs-radio', 'new')), [])

    def test_a_bridge_that_reads_the_files_is_left_to_it(self):
        bridge = self.bridge()
        config = self.config(radio=parsl_otel.OTelFilesystemRadio() if EXECUTORS_HAVE_RADIOS else None)
        if not EXECUTORS_HAVE_RADIOS:
            config.executors[0].radio_mode = 'filesystem'
        kernel = self.kernel(config)
        python_app(double)(4).result()
        self.end(kernel)
        self.assertEqual([json.loads(body) for path, _, body in bridge.requests if path == '/v1/run_dirs'],
                         [{'run_dir': os.path.abspath(kernel.run_dir)}])
        self.assertEqual(len(os.listdir(os.path.join(kernel.run_dir, 'monitor-fs-radio', 'new'))), 2)

    def test_a_script_that_never_cleans_up_still_delivers(self):
        bridge = self.bridge()
        script = Path(self.dir, 'script.py')
        script.write_text(
            'import parsl\n'
            'from parsl.config import Config\n'
            'from parsl.executors import ThreadPoolExecutor\n'
            'from parsl_otel import OTelMonitoringHub\n'
            '@parsl.python_app\n'
            'def app(): return 1\n'
            'parsl.load(Config(executors=[ThreadPoolExecutor()], monitoring=OTelMonitoringHub()))\n'
            'print(app().result())\n')
        root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
        done = subprocess.run([sys.executable, str(script)], cwd=self.dir, capture_output=True, text=True, timeout=60,
                              env={**os.environ, 'PARSL_OTEL_CONNECTION_FILE': bridge.connection_file, 'PYTHONPATH': root})
        self.assertEqual((done.returncode, done.stdout), (0, '1\n'), done.stderr)
        self.assertIn('WORKER_TASK_INFO' if 'WORKER_TASK_INFO' in tags(bridge.received()) else 'RESOURCE_INFO', tags(bridge.received()))

    def test_needs_no_database(self):
        script = 'import sys; sys.modules["sqlalchemy"] = None; import parsl_otel; parsl_otel.OTelMonitoringHub()'
        root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
        done = subprocess.run([sys.executable, '-c', script], capture_output=True, text=True, env={**os.environ, 'PYTHONPATH': root})
        self.assertEqual((done.returncode, done.stderr), (0, ''))

    def test_takes_the_arguments_of_parsls_hub_and_shows_them(self):
        hub = OTelMonitoringHub(hub_port=55055, workflow_name='w', logging_endpoint='sqlite:///x', monitoring_debug=True)
        self.assertIn("workflow_name='w'", repr(hub))
        self.assertEqual((hub.hub_port, hub.monitoring_debug, hub.resource_monitoring_interval), (55055, True, 30))
        hub.close()  # Never started: Parsl may fail before it comes to that.


if __name__ == '__main__':
    unittest.main()
