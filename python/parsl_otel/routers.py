"""Receivers for Parsl before 2025.06.30, whose monitoring hub had to listen for everybody else.

ZMQ   pickled (MessageType, dict) from the interchange and, through it, from workers with the HTEX radio; before 2024.9 NODE_INFO
      comes without the run id, which Parsl's router put in, so here that is done too
UDP   the same pickle as a bare datagram, from thread executors and from any other executor with radio_mode 'udp'

Parsl starts processes for this; here one thread is enough, as the payloads are only passed on. From 2025.03.24 on the ZMQ side has
moved into the executor and stays silent here. Newer releases need none of this: there the UDP radio talks to the bridge itself.
"""
from __future__ import annotations

import pickle
import socket
import threading
import time
from typing import Callable, Optional, Tuple

import zmq

from parsl_otel import capture
from parsl_otel.say import logger

LOOPBACK = '127.0.0.1'
POLL_MS = 100
DRAIN_S = 0.5               # At the end: how long both sockets must have been silent.
DATAGRAM_BYTES_MAX = 65_536
UDP_BUFFER_BYTES = 4 << 20  # A burst must not be lost because this thread had to wait for the interpreter.


class Routers:
    """Single use: both sockets are bound when it is made."""

    def __init__(self, hub_address: str, udp_port: Optional[int], zmq_port_range: Optional[Tuple[int, int]],
                 put_bytes: Callable[[int, bytes], None], run_id: Optional[str]) -> None:
        self._put_bytes = put_bytes
        self._run_id = run_id
        # Unless an address was given nobody outside this machine was told of us, so nobody outside needs to be listened to.
        everywhere = hub_address != LOOPBACK
        self._context = zmq.Context()
        self._zmq = self._context.socket(zmq.DEALER)
        self._zmq.setsockopt(zmq.LINGER, 0)
        self._zmq.set_hwm(0)
        lowest, highest = zmq_port_range or (55050, 56000)
        self.zmq_port: int = self._zmq.bind_to_random_port('tcp://*' if everywhere else f'tcp://{LOOPBACK}', lowest, highest)
        self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, UDP_BUFFER_BYTES)
        self._udp.bind(('0.0.0.0' if everywhere else LOOPBACK, udp_port or 0))
        self._udp.setblocking(False)
        self.url = f'udp://{hub_address}:{self._udp.getsockname()[1]}'
        """What Parsl's UDP radio takes as its address."""
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name='parsl-otel-routers', daemon=True)

    def start(self) -> None:
        """Begin to listen."""
        self._thread.start()

    def close(self, deadline: float) -> None:
        """Take in what is still on its way, then stop listening."""
        self._stopping.set()
        self._thread.join(max(0.0, deadline - time.monotonic()))

    def _run(self) -> None:
        poller = zmq.Poller()
        poller.register(self._zmq, zmq.POLLIN)
        poller.register(self._udp, zmq.POLLIN)
        last = time.monotonic()
        try:
            while not self._stopping.is_set() or time.monotonic() - last < DRAIN_S:
                for source, _ in poller.poll(POLL_MS):
                    last = time.monotonic()
                    if source is self._zmq:
                        self._receive_zmq()
                    else:
                        self._receive_udp()
        except Exception:
            logger.exception('Monitoring messages of workers are no longer received')
        finally:
            self._udp.close()
            self._zmq.close()
            self._context.term()

    def _receive_zmq(self) -> None:
        while True:
            try:
                payload = self._zmq.recv(zmq.NOBLOCK)
            except zmq.Again:
                return
            self._put_bytes(capture.MESSAGE, self._with_run_id(payload) if self._run_id is not None else payload)

    def _receive_udp(self) -> None:
        while True:
            try:
                payload, _ = self._udp.recvfrom(DATAGRAM_BYTES_MAX)
            except BlockingIOError:
                return
            self._put_bytes(capture.MESSAGE, payload)

    def _with_run_id(self, payload: bytes) -> bytes:
        try:
            tag, content = pickle.loads(payload)
            if tag.name == 'NODE_INFO':
                content.setdefault('run_id', self._run_id)
                return pickle.dumps((tag, content), 4)
        except Exception as error:
            logger.warning('A monitoring message that is not one of Parsl: %r', error)
        return payload
