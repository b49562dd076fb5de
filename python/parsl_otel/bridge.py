"""Requests to the bridge: one kept-alive HTTP connection, every wait bounded.

http.client and not urllib: no proxy of the environment is ever asked about a bridge on the loopback, and the socket can be shut
from another thread, which is the only way to cut a wait short.
"""
from __future__ import annotations

import errno
import gzip
import http.client
import json
import socket
from typing import Dict, NamedTuple, Optional
from urllib.parse import urlsplit

from parsl_otel.capture import Batch
from parsl_otel.connection import Connection

TROUBLE = (OSError, http.client.HTTPException, ValueError)   # ValueError: a token that no header can hold.
CAPTURE_TYPE = 'application/vnd.parsl-otel.capture'


class Unreachable(Exception):
    """No answer: nobody listens, the connection broke, or the time was up."""

    def __init__(self, reason: str, nobody: bool) -> None:
        super().__init__(reason)
        self.nobody = nobody
        """True if there was no connection at all, so that waiting longer is of no use."""


class Answer(NamedTuple):
    """Status and what matters of the rest."""

    status: int
    retry_after: float
    text: str

    def __str__(self) -> str:
        return f'{self.status} {self.text}'.strip()


class Bridge:
    """One bridge, as its connection file describes it. Used by one thread; only abort() may come from another."""

    def __init__(self, connection: Connection) -> None:
        url = urlsplit(connection.url)
        self.connection = connection
        self._https = url.scheme == 'https'
        self._host = url.hostname or '127.0.0.1'
        self._port = url.port
        self._base = url.path.rstrip('/')
        self._far = self._host not in ('127.0.0.1', 'localhost', '::1')
        self._http: Optional[http.client.HTTPConnection] = None
        self._aborted = False
        self.reconnected = False
        """True once a kept connection was found broken: the bridge may have been started again meanwhile."""

    def reachable(self, timeout: float) -> bool:
        """Does anybody listen there?"""
        try:
            socket.create_connection((self._host, self._port or (443 if self._https else 80)), timeout).close()
            return True
        except OSError:
            return False

    def post_batch(self, batch: Batch, timeout: float) -> Answer:
        """Hand over a batch. 200 means that the bridge has it on disk."""
        body = b''.join(batch.frames)
        headers = {'Content-Type': CAPTURE_TYPE, 'Parsl-Otel-Batch': batch.id}
        if self._far:
            body = gzip.compress(body, 1)
            headers['Content-Encoding'] = 'gzip'
        return self._post('/v1/records', body, headers, timeout)

    def post_run_dir(self, run_dir: str, timeout: float) -> Answer:
        """Ask the bridge to read the maildir of a run directory."""
        return self._post('/v1/run_dirs', json.dumps({'run_dir': run_dir}).encode(), {'Content-Type': 'application/json'}, timeout)

    def abort(self) -> None:
        """End a request that is waiting in another thread."""
        self._aborted = True
        http_ = self._http
        sock = http_.sock if http_ is not None else None
        if sock is not None:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # It ended by itself.

    def close(self) -> None:
        """Give the connection back. A later request opens a new one."""
        if self._http is not None:
            self._http.close()
            self._http = None

    def _post(self, path: str, body: bytes, headers: Dict[str, str], timeout: float) -> Answer:
        headers = {**headers, 'Authorization': f'Bearer {self.connection.token}'}
        kept = self._http is not None
        try:
            return self._once(path, body, headers, timeout)
        except TROUBLE as error:
            self.close()
            if not kept or self._aborted or isinstance(error, socket.timeout):
                raise self._unreachable(error) from error
        # A server may close a kept connection at any time. That is no trouble yet; the batch id makes the repeat harmless.
        self.reconnected = True
        try:
            return self._once(path, body, headers, timeout)
        except TROUBLE as error:
            self.close()
            raise self._unreachable(error) from error

    def _once(self, path: str, body: bytes, headers: Dict[str, str], timeout: float) -> Answer:
        if self._http is None:
            make = http.client.HTTPSConnection if self._https else http.client.HTTPConnection
            self._http = make(self._host, self._port, timeout=timeout)
        self._http.timeout = timeout
        if self._http.sock is not None:
            self._http.sock.settimeout(timeout)
        self._http.request('POST', self._base + path, body, headers)
        response = self._http.getresponse()
        text = response.read(65536)
        if response.isclosed() is False:
            self.close()  # More text than we care to read.
        return Answer(response.status, _seconds(response.getheader('Retry-After')), text[:300].decode(errors='replace').strip())

    def _unreachable(self, error: Exception) -> Unreachable:
        reason = 'no answer in time' if isinstance(error, socket.timeout) else str(error) or type(error).__name__
        return Unreachable(f'{self.connection.url}: {reason}', nobody=_nobody(error))


def _nobody(error: Exception) -> bool:
    return (isinstance(error, (ConnectionRefusedError, socket.gaierror))
            or (isinstance(error, OSError) and error.errno in (errno.EHOSTUNREACH, errno.ENETUNREACH)))


def _seconds(retry_after: Optional[str]) -> float:
    try:
        return max(0.0, float(retry_after or 0))
    except ValueError:
        return 0.0  # A date: our own back-off will do.
