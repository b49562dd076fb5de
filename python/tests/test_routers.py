import pickle
import socket
import time
import unittest

import zmq
from parsl.monitoring.message_type import MessageType

from parsl_otel.routers import LOOPBACK, Routers


class TestRouters(unittest.TestCase):
    def exchange(self, run_id, *, over_zmq=(), over_udp=()):
        received = []
        routers = Routers(LOOPBACK, None, None, lambda channel, payload: received.append((channel, payload)), run_id)
        routers.start()
        context = zmq.Context()
        sender = context.socket(zmq.DEALER)
        sender.connect(f'tcp://{LOOPBACK}:{routers.zmq_port}')
        for payload in over_zmq:
            sender.send(payload)
        scheme, address, port = (part.strip('/') for part in routers.url.split(':'))  # As Parsl's UDP radio reads it.
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            for payload in over_udp:
                udp.sendto(payload, (address, int(port)))
        give_up = time.monotonic() + 10
        while len(received) < len(over_zmq) + len(over_udp) and time.monotonic() < give_up:
            time.sleep(0.01)
        routers.close(time.monotonic() + 10)
        sender.close()
        context.term()
        self.assertEqual(scheme, 'udp')
        return received

    def test_passes_on_bytes_as_they_came(self):
        one, other = pickle.dumps((MessageType.NODE_INFO, {})), pickle.dumps((MessageType.RESOURCE_INFO, {}))
        self.assertEqual(self.exchange(None, over_zmq=[one]), [(3, one)])
        self.assertEqual(self.exchange(None, over_udp=[other, b'noise']), [(3, other), (3, b'noise')])

    def test_puts_the_run_id_into_node_messages_that_lack_it(self):
        sent = [(MessageType.NODE_INFO, {'uid': 'm'}), (MessageType.RESOURCE_INFO, {'run_id': 'run', 'n': 1})]
        received = self.exchange('run', over_zmq=[*map(pickle.dumps, sent), b'noise'])
        self.assertEqual([pickle.loads(payload) for _, payload in received[:2]],
                         [(MessageType.NODE_INFO, {'uid': 'm', 'run_id': 'run'}), sent[1]])
        self.assertEqual(received[2], (3, b'noise'))
