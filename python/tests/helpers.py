"""What the tests share: a bridge in forty lines, and the way back from frames to messages."""
from __future__ import annotations

import io
import json
import os
import pickle
import struct
import tempfile
import threading
import unittest
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Callable, List, Optional, Tuple
from unittest import mock

Request = Tuple[str, dict, bytes]


def frames(data: bytes) -> List[Tuple[int, float, bytes]]:
    """Channel, time and payload of each frame. Fails where a frame is cut."""
    found, at = [], 0
    while at < len(data):
        size, channel, arrived = struct.unpack_from('<IBd', data, at)
        at += 13
        payload = data[at:at + size]
        assert len(payload) == size, 'cut frame'
        found.append((channel, arrived, payload))
        at += size
    return found


def messages(data: bytes) -> List[Any]:
    """What the frames hold: unpickled messages, parsed records."""
    return [json.loads(payload) if channel == 14 else pickle.loads(payload) for channel, _, payload in frames(data)]


class FakeBridge:
    """Answers with what `answer` says for a request: a status, None for no answer at all, or a callable that is waited for."""

    def __init__(self, directory: str, answer: Callable[[Request, int], Any] = lambda request, number: 200) -> None:
        self.requests: List[Request] = []
        self.arrived = threading.Condition()
        self.closed = False
        bridge = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = 'HTTP/1.1'

            def log_message(self, *args: Any) -> None:
                pass

            def do_POST(self) -> None:
                if bridge.closed:  # The listening socket is closed, this one was kept.
                    self.close_connection = True
                    return
                body = self.rfile.read(int(self.headers['Content-Length']))
                request = (self.path, dict(self.headers), body)
                with bridge.arrived:
                    bridge.requests.append(request)
                    number = len(bridge.requests)
                    bridge.arrived.notify_all()
                status = answer(request, number)
                if status is None:
                    self.close_connection = True
                    return
                self.send_response(status)
                self.send_header('Content-Length', '0')
                self.end_headers()

        self.server = ThreadingHTTPServer(('127.0.0.1', 0), Handler)
        self.server.daemon_threads = True
        self.url = f'http://127.0.0.1:{self.server.server_port}'
        self.spool_dir = os.path.join(directory, 'spool')
        os.makedirs(self.spool_dir, exist_ok=True)
        self.connection_file = os.path.join(directory, 'connection.json')
        self.write_connection()
        threading.Thread(target=self.server.serve_forever, kwargs={'poll_interval': 0.02}, daemon=True).start()

    def write_connection(self, token: str = 'token', udp: Optional[dict] = None) -> None:
        with open(self.connection_file, 'w') as file:
            json.dump({'version': 1, 'pid': os.getpid(), 'http': {'url': self.url, 'token': token}, 'udp': udp,
                       'spool_dir': self.spool_dir}, file)

    def wait_for(self, count: int) -> None:
        with self.arrived:
            assert self.arrived.wait_for(lambda: len(self.requests) >= count, timeout=20), f'{len(self.requests)} of {count} requests'

    def received(self) -> List[Any]:
        """The messages of all batches, each batch once."""
        batches = {head['Parsl-Otel-Batch']: body for path, head, body in self.requests if path == '/v1/records'}
        return [message for body in batches.values() for message in messages(body)]

    def spooled(self) -> List[Any]:
        return [message for name in sorted(os.listdir(self.spool_dir))
                for message in messages(Path(self.spool_dir, name).read_bytes())]

    def close(self) -> None:
        self.closed = True
        self.server.shutdown()
        self.server.server_close()


class TempDirTest(unittest.TestCase):
    """A test with a directory of its own."""

    def setUp(self) -> None:
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.dir = os.path.realpath(directory.name)
        self.stderr = io.StringIO()
        patch = mock.patch('sys.stderr', self.stderr)
        patch.start()
        self.addCleanup(patch.stop)

    def said(self) -> List[str]:
        """What the user would read of ours."""
        return [line for line in self.stderr.getvalue().splitlines() if line.startswith('parsl-otel: ')]

    def bridge(self, answer: Callable[[Request, int], Any] = lambda request, number: 200) -> FakeBridge:
        fake = FakeBridge(self.dir, answer)
        self.addCleanup(fake.close)
        return fake
