import os
import threading
import time

from parsl_otel import capture
from parsl_otel.connection import read
from parsl_otel.delivery import Delivery
from parsl_otel.spool import Spool
from tests.helpers import TempDirTest


def note(number):
    return capture.frame(14, 1.0, b'{"n": %d}' % number)


def some(*numbers):
    return capture.batch([note(number) for number in numbers])


def ns(*numbers):
    return [{'n': number} for number in numbers]


class TestDelivery(TempDirTest):
    def delivery(self, bridge, messages_max=1000, bytes_max=1 << 20):
        self.spool = Spool(lambda: [bridge.spool_dir], lambda: 'run', 1 << 20)
        delivery = Delivery(lambda: read(bridge.connection_file), self.spool, messages_max, bytes_max)
        delivery.start()
        return delivery

    def stop(self, delivery, timeout=10.0):
        unknown = delivery.stop(time.monotonic() + timeout)
        self.spool.close()
        return unknown

    def test_delivers_in_order_with_token_type_and_batch_id(self):
        bridge = self.bridge()
        delivery = self.delivery(bridge)
        batches = [some(1, 2), some(3)]
        for batch in batches:
            delivery.offer(batch)
        self.stop(delivery)
        self.assertEqual(bridge.received(), ns(1, 2, 3))
        for batch, (path, head, _) in zip(batches, bridge.requests):
            self.assertEqual((path, head['Authorization'], head['Content-Type'], head['Parsl-Otel-Batch']),
                             ('/v1/records', 'Bearer token', 'application/vnd.parsl-otel.capture', batch.id))
        self.assertEqual(bridge.spooled(), [])

    def test_sends_again_under_the_same_id_while_the_bridge_is_busy(self):
        bridge = self.bridge(lambda request, number: (503, 429, 200)[min(number, 3) - 1])
        delivery = self.delivery(bridge)
        delivery.offer(some(1))
        bridge.wait_for(3)
        self.stop(delivery)
        self.assertEqual(len({head['Parsl-Otel-Batch'] for _, head, _ in bridge.requests}), 1)
        self.assertEqual((bridge.received(), bridge.spooled()), (ns(1), []))

    def test_sends_again_under_the_same_id_when_the_answer_was_lost(self):
        bridge = self.bridge(lambda request, number: None if number == 2 else 200)
        delivery = self.delivery(bridge)
        delivery.offer(some(1))
        delivery.offer(some(2))
        self.stop(delivery)
        ids = [head['Parsl-Otel-Batch'] for _, head, _ in bridge.requests]
        self.assertEqual((len(ids), ids[1]), (3, ids[2]))
        self.assertEqual((bridge.received(), bridge.spooled()), (ns(1, 2), []))

    def test_splits_what_is_too_large_and_spools_a_single_message_that_is(self):
        bridge = self.bridge(lambda request, number: 413 if b'"n": 4' in request[2] or len(request[2]) > 60 else 200)
        delivery = self.delivery(bridge)
        delivery.offer(some(1, 2, 3, 4, 5))
        self.stop(delivery)
        taken = [body for _, _, body in bridge.requests if not (b'"n": 4' in body or len(body) > 60)]
        self.assertEqual(b''.join(taken), b''.join(map(note, [1, 2, 3, 5])))
        self.assertEqual(bridge.spooled(), ns(4))

    def test_spools_what_the_bridge_refuses_and_goes_on(self):
        bridge = self.bridge(lambda request, number: 400 if b'"n": 1' in request[2] else 200)
        delivery = self.delivery(bridge)
        delivery.offer(some(1))
        delivery.offer(some(2))
        self.stop(delivery)
        self.assertEqual(bridge.spooled(), ns(1))
        self.assertIn(ns(2)[0], bridge.received())

    def test_reads_the_connection_file_again_when_its_token_is_refused(self):
        bridge = self.bridge(lambda request, number: 200 if request[1]['Authorization'] == 'Bearer new' else 401)
        delivery = self.delivery(bridge)
        bridge.write_connection(token='new')
        delivery.offer(some(1))
        self.stop(delivery)
        self.assertEqual([head['Authorization'] for _, head, _ in bridge.requests], ['Bearer token', 'Bearer new'])
        self.assertEqual(bridge.spooled(), [])

    def test_spools_when_the_token_is_refused_for_good(self):
        bridge = self.bridge(lambda request, number: 401)
        delivery = self.delivery(bridge)
        delivery.offer(some(1))
        self.stop(delivery)
        self.assertEqual(bridge.spooled(), ns(1))

    def test_does_not_wait_at_the_end_for_a_bridge_that_is_not_there(self):
        bridge = self.bridge()
        bridge.close()
        delivery = self.delivery(bridge)
        delivery.offer(some(1))
        began = time.monotonic()
        self.stop(delivery, timeout=60)
        self.assertLess(time.monotonic() - began, 10)
        self.assertEqual(bridge.spooled(), ns(1))

    def test_finds_a_bridge_that_is_started_later(self):
        bridge = self.bridge()
        os.rename(bridge.connection_file, bridge.connection_file + '.later')
        delivery = self.delivery(bridge)
        delivery.offer(some(1))
        self.assertIsNotNone(delivery.trouble)
        os.rename(bridge.connection_file + '.later', bridge.connection_file)
        bridge.wait_for(1)
        self.stop(delivery)
        self.assertEqual((bridge.received(), bridge.spooled(), delivery.trouble), (ns(1), [], None))

    def test_keeps_its_deadline_when_the_bridge_hangs(self):
        release = threading.Event()
        self.addCleanup(release.set)
        bridge = self.bridge(lambda request, number: release.wait(30) and 200)
        delivery = self.delivery(bridge)
        delivery.offer(some(1))
        delivery.offer(some(2))
        bridge.wait_for(1)
        began = time.monotonic()
        self.stop(delivery, timeout=0.3)
        self.assertLess(time.monotonic() - began, 5)
        self.assertEqual(bridge.spooled(), ns(1, 2))
        self.assertIn('no answer', delivery.trouble)

    def test_spools_at_once_what_does_not_fit_into_memory(self):
        bridge = self.bridge(lambda request, number: 503)
        delivery = self.delivery(bridge, messages_max=2)
        delivery.offer(some(1, 2))
        delivery.offer(some(3))
        self.assertEqual(self.spool.kept, 1)
        self.stop(delivery, timeout=0.1)
        self.assertEqual(bridge.spooled(), ns(3, 1, 2))

        delivery = self.delivery(self.bridge(), bytes_max=30)
        delivery.offer(some(1, 2))
        self.assertEqual(self.spool.kept, 2)
        self.stop(delivery)

    def test_announces_a_run_directory_once_and_keeps_trying_beside_the_messages(self):
        bridge = self.bridge(lambda request, number: 503 if number == 1 else 200)
        delivery = self.delivery(bridge)
        delivery.announce('/the/run')
        delivery.announce('/the/run')
        bridge.wait_for(1)
        delivery.offer(some(1))
        bridge.wait_for(2)
        self.assertEqual(self.stop(delivery), [])
        self.assertEqual([path for path, _, _ in bridge.requests], ['/v1/run_dirs', '/v1/records', '/v1/run_dirs'])
        self.assertEqual(bridge.requests[-1][2], b'{"run_dir": "/the/run"}')

    def test_announces_again_to_a_bridge_that_was_away(self):
        bridge = self.bridge(lambda request, number: None if number in (2, 3) else 200)
        delivery = self.delivery(bridge)
        delivery.announce('/the/run')
        bridge.wait_for(1)
        delivery.offer(some(1))
        bridge.wait_for(5)
        self.assertEqual(self.stop(delivery), [])
        self.assertEqual([path for path, _, _ in bridge.requests], ['/v1/run_dirs', *3 * ['/v1/records'], '/v1/run_dirs'])

    def test_says_which_run_directories_the_bridge_did_not_take(self):
        bridge = self.bridge(lambda request, number: 400 if request[0] == '/v1/run_dirs' else 200)
        delivery = self.delivery(bridge)
        delivery.announce('/the/run')
        delivery.offer(some(1))
        self.assertEqual(self.stop(delivery), ['/the/run'])
        self.assertEqual(bridge.received(), ns(1))
