import multiprocessing
import multiprocessing.queues
import os
import pickle
import threading
import time
import unittest

from parsl.monitoring.message_type import MessageType

from parsl_otel import outbox as module
from parsl_otel.outbox import Outbox
from tests.apps import put_many
from tests.helpers import messages

SPAWN = multiprocessing.get_context('spawn')


class TestOutbox(unittest.TestCase):
    def setUp(self):
        self.batches, self.workflows = [], []
        self.outbox = Outbox(self.batches.append, lambda run_dir: None, 100_000, self.facts)

    def facts(self, workflow):
        self.workflows.append(workflow)
        return b'{"fact": 1}'

    def close(self):
        self.outbox.close(time.monotonic() + 10)
        return [message for batch in self.batches for message in messages(b''.join(batch.frames))]

    def test_passes_on_what_parsl_puts_in_order_and_as_protocol_4(self):
        self.outbox.start()
        sent = [(MessageType.TASK_INFO, {'task_id': 1}), (MessageType.BLOCK_INFO, [{'block_id': '0'}])]
        for message in sent:
            self.outbox.put(message)
        self.assertEqual(self.close(), sent)
        self.assertEqual(self.batches[0].frames[0][13:15], b'\x80\x04')

    def test_tells_of_the_run_once_when_it_hears_of_it(self):
        self.outbox.start()
        self.outbox.put((MessageType.WORKFLOW_INFO, {'run_id': 'a'}))
        self.outbox.put((MessageType.WORKFLOW_INFO, {'run_id': 'a', 'time_completed': 1}))
        self.assertEqual(self.close()[0], {'fact': 1})
        self.assertEqual(self.workflows, [{'run_id': 'a'}])

    def test_is_a_real_queue_in_another_process_and_loses_nothing_of_it(self):
        self.outbox.start()
        process = SPAWN.Process(target=put_many, args=(self.outbox, 5000))
        process.start()
        self.outbox.put(('here', {}))
        process.join()
        received = self.close()
        theirs = [message[1]['n'] for message in received if message[0] != 'here']
        self.assertTrue(theirs == list(range(5000)), f'{len(theirs)} of 5000, or in another order')
        self.assertEqual(len(received), 5001)

    def test_takes_messages_from_a_forked_child(self):
        self.outbox.start()
        process = multiprocessing.get_context('fork').Process(target=put_many, args=(self.outbox, 3))
        process.start()
        process.join()
        self.assertEqual([message[1]['n'] for message in self.close()], [0, 1, 2])

    def test_does_not_hang_on_a_writer_that_never_ends(self):
        self.outbox.start()
        done = SPAWN.Event()
        process = SPAWN.Process(target=put_many, args=(self.outbox, 10, done))
        process.start()
        while not self.batches:
            time.sleep(0.01)
        began = time.monotonic()
        self.assertEqual(len(self.close()), 10)
        self.assertLess(time.monotonic() - began, 5)
        done.set()
        process.join()

    def test_never_waits_and_counts_what_it_can_not_hold(self):
        self.outbox = Outbox(self.batches.append, lambda run_dir: None, 10, self.facts)
        for number in range(25):  # Nobody collects yet.
            self.outbox.put(('x', number))
        self.assertEqual(self.outbox.dropped, 15)
        self.outbox.start()
        self.assertEqual(self.close(), [('x', number) for number in range(10)])
        self.outbox.put(('too', 'late'))
        self.assertEqual((self.outbox.dropped, self.outbox.late), (15, 1))

    def test_goes_on_after_a_message_that_can_not_be_sent(self):
        self.outbox.start()
        self.outbox.put((MessageType.TASK_INFO, {'odd': threading.Lock()}))
        self.outbox.put(None)
        self.outbox.put((MessageType.TASK_INFO, {}))
        self.assertEqual(self.close(), [(MessageType.TASK_INFO, {})])
        self.assertEqual(self.outbox.dropped, 2)

    def test_cuts_batches_by_count_and_by_bytes(self):
        for number in range(module.BATCH_MESSAGES_MAX + 1):
            self.outbox.put(('x', {'n': number}))
        self.outbox.put(('x', b'.' * module.BATCH_BYTES_MAX))
        self.outbox.put(('x', {}))
        self.outbox.start()
        self.close()
        self.assertEqual([len(batch.frames) for batch in self.batches], [module.BATCH_MESSAGES_MAX, 2, 1])
        self.assertEqual(len({batch.id for batch in self.batches}), 3)

    def test_takes_bytes_as_they_are(self):
        self.outbox.start()
        self.outbox.put_bytes(3, pickle.dumps('bytes'))
        self.assertEqual(self.close(), ['bytes'])

    def test_closes_its_pipe(self):
        self.outbox.start()
        before = len(os.listdir('/proc/self/fd')) if os.path.isdir('/proc/self/fd') else 0
        self.close()
        if before:
            self.assertEqual(len(os.listdir('/proc/self/fd')), before - 2)
