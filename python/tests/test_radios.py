import hmac
import os
import pickle
import socket
import unittest

from parsl_otel import hook
from parsl_otel.connection import Udp
from parsl_otel.hub import EXECUTORS_HAVE_RADIOS
from tests.helpers import TempDirTest

if EXECUTORS_HAVE_RADIOS:
    import parsl.monitoring.radios.filesystem as filesystem
    from parsl.monitoring.radios.filesystem import FilesystemRadio
    from parsl.monitoring.radios.htex import HTEXRadio
    from parsl.monitoring.radios.udp import UDPRadio

    from parsl_otel import OTelFilesystemRadio, OTelHTEXRadio, OTelMultiprocessingQueueRadio, OTelUDPRadio


class Queue:
    """As much of an outbox as a radio sees."""

    def __init__(self, udp=None):
        self.udp, self.announced, self.messages = udp, [], []
        self.announce, self.put = self.announced.append, self.messages.append


@unittest.skipUnless(EXECUTORS_HAVE_RADIOS, 'this release of Parsl has no radios to configure')
class TestRadios(TempDirTest):
    def receiver(self, radio, queue):
        receiver = radio.create_receiver(run_dir=self.dir, resource_msgs=queue)
        self.assertIsNotNone(hook.tracer_of(self.dir))
        return receiver

    def test_udp_signs_with_the_key_of_the_connection_file(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiving:
            receiving.bind(('127.0.0.1', 0))
            receiving.settimeout(10)
            radio = OTelUDPRadio()
            receiver = self.receiver(radio, Queue(Udp('127.0.0.1', receiving.getsockname()[1], b'key', 'sha256')))
            on_the_worker = pickle.loads(pickle.dumps(radio))
            on_the_worker.create_sender().send(('tag', {}))
            datagram = receiving.recv(2048)
        self.assertIs(type(on_the_worker), UDPRadio)
        self.assertEqual(datagram[:32], hmac.digest(b'key', datagram[32:], 'sha256'))
        self.assertEqual(pickle.loads(datagram[32:]), ('tag', {}))
        receiver.shutdown()
        self.assertIsNone(hook.tracer_of(self.dir))

    def test_udp_takes_the_address_that_the_workers_see(self):
        radio = OTelUDPRadio(address='login1')
        self.receiver(radio, Queue(Udp('0.0.0.0', 4381, b'key', 'sha512'))).shutdown()
        self.assertEqual((radio.address, radio.port), ('login1', 4381))

    def test_filesystem_tells_the_bridge_and_starts_no_receiver_that_would_empty_the_directory(self):
        radio, queue = OTelFilesystemRadio(), Queue()
        receiver = self.receiver(radio, queue)
        on_the_worker = pickle.loads(pickle.dumps(radio))
        on_the_worker.create_sender().send(('tag', {}))
        receiver.shutdown()
        self.assertIs(type(on_the_worker), FilesystemRadio)
        self.assertEqual(queue.announced, [self.dir])
        self.assertEqual(len(os.listdir(os.path.join(self.dir, 'monitor-fs-radio', 'new'))), 1)
        self.assertFalse(os.path.exists(os.path.join(self.dir, 'monitoring_filesystem_radio.log')))

    def test_filesystem_is_received_by_parsl_under_another_hub(self):
        started, real = [], filesystem.FilesystemRadioReceiver
        self.addCleanup(setattr, filesystem, 'FilesystemRadioReceiver', real)
        filesystem.FilesystemRadioReceiver = lambda *args: started.append(args) or unittest.mock.Mock()
        self.receiver(OTelFilesystemRadio(), object()).shutdown()
        self.assertEqual(len(started), 1)

    def test_the_queue_radios_are_those_of_parsl(self):
        self.receiver(OTelHTEXRadio(), Queue()).shutdown()
        self.assertIs(type(pickle.loads(pickle.dumps(OTelHTEXRadio()))), HTEXRadio)
        radio, queue = OTelMultiprocessingQueueRadio(), Queue()
        receiver = self.receiver(radio, queue)
        radio.create_sender().send(('tag', {}))
        receiver.shutdown()
        self.assertEqual(queue.messages, [('tag', {})])

    def test_no_secret_is_printed(self):
        radio = OTelUDPRadio()
        self.receiver(radio, Queue(Udp('127.0.0.1', 1, b'secret', 'sha512'))).shutdown()
        self.assertNotIn('secret', repr(radio))


@unittest.skipIf(EXECUTORS_HAVE_RADIOS, 'this release of Parsl has radios')
class TestNoRadios(unittest.TestCase):
    def test_says_what_to_do_instead(self):
        with self.assertRaisesRegex(ImportError, '2025.06.30'):
            from parsl_otel import OTelUDPRadio  # noqa: F401
