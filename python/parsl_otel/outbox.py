"""The outbox: what stands in for Parsl's monitoring queue.

The submit process puts its messages into memory: no pickling, no pipe, no lock that a slow reader could hold. Other processes (the
ZMQ router of the high throughput executor, receivers of Parsl's own radios) are handed a real multiprocessing queue, because that
is what the outbox becomes when it is pickled. Bytes from there are forwarded as they came; they are never unpickled here.

A collector thread turns both into batches. Only it pickles and only it may wait for a disk, so put() can not.
"""
from __future__ import annotations

import multiprocessing
import os
import pickle
import threading
import time
from queue import Empty, SimpleQueue
from typing import Any, Callable, List, Optional, Tuple, Union

from parsl_otel import capture
from parsl_otel.capture import Batch
from parsl_otel.connection import Udp
from parsl_otel.say import logger

PICKLE_PROTOCOL = 4
LINGER_S = 0.05             # Wake up at most so often: every message on its own would take the interpreter lock from the workflow.
BATCH_MESSAGES_MAX = 1_000
BATCH_BYTES_MAX = 1 << 20
COLLECT_TIMEOUT_S = 30.0    # At the end: that much for pickling what is in memory. Only a disk that hangs can take longer.
IDLE_S = 1.0                # At the end: how long a writer that is still open may stay silent before we stop listening to it.

_Item = Tuple[int, float, Any]


class Outbox:
    """Single use: start, put from any thread or process, close."""

    def __init__(self, offer: Callable[[Batch], None], announce: Callable[[str], None], messages_max: int,
                 facts_of: Callable[[Any], bytes]) -> None:
        self._offer = offer
        self._messages_max = messages_max
        self._facts_of: Optional[Callable[[Any], bytes]] = facts_of
        self._pid = os.getpid()
        self._incoming: 'SimpleQueue[Optional[_Item]]' = SimpleQueue()
        self._shared: Any = multiprocessing.get_context('spawn').Queue()
        self._last_read = 0.0
        self._closed = False
        self.dropped = 0
        """Messages that came faster than this process could put them away."""
        self.late = 0
        """Messages after close(): Parsl's own queue refuses them too."""
        self.announce = announce
        self.udp: Optional[Udp] = None
        """How workers reach the bridge by UDP; None if there is no bridge."""
        self._reader = threading.Thread(target=self._read_shared, name='parsl-otel-reader', daemon=True)
        self._collector = threading.Thread(target=self._collect, name='parsl-otel-collector', daemon=True)

    def __reduce_ex__(self, protocol: Any) -> Any:
        return self._shared.__reduce_ex__(1)  # From protocol 2 on, pickle insists on the class of the object it was given.

    def start(self) -> None:
        """Begin to collect."""
        self._reader.start()
        self._collector.start()

    def put(self, message: Any, block: bool = True, timeout: Optional[float] = None) -> None:
        """Take a message of Parsl. Never waits and never raises; the arguments are those of a queue."""
        if os.getpid() != self._pid:
            self._shared.put(message)
        else:
            self._take(capture.MESSAGE, message)

    send = put  # Older releases know this object as a radio.

    def put_bytes(self, channel: int, payload: bytes) -> None:
        """Take a message that is already bytes."""
        self._take(channel, payload)

    def close(self, deadline: float) -> None:
        """Collect what has been put, by whomever, until all writers are closed or the deadline (time.monotonic())."""
        self._shared._writer.close()  # Ours. The reader sees the end of file when the last of the others is gone too.
        self._last_read = time.monotonic()
        while self._reader.is_alive() and time.monotonic() < min(deadline, self._last_read + IDLE_S):
            self._reader.join(0.05)
        if self._reader.is_alive():
            logger.warning('A process still holds the monitoring queue open. What it sends from now on is not kept.')
        else:
            self._shared._reader.close()
        self._closed = True
        self._incoming.put(None)
        self._collector.join(COLLECT_TIMEOUT_S)
        if self._collector.is_alive():
            self.dropped += self._incoming.qsize()

    def _take(self, channel: int, payload: Any) -> None:
        if self._closed:
            self.late += 1
        elif self._incoming.qsize() >= self._messages_max:
            self.dropped += 1
        else:
            self._incoming.put((channel, time.time(), payload))

    def _read_shared(self) -> None:
        try:
            while True:
                payload = self._shared._reader.recv_bytes()
                self._last_read = time.monotonic()
                self.put_bytes(capture.MESSAGE, payload)
        except (EOFError, OSError):
            pass  # All writers are closed, and everything they wrote has been read.

    def _collect(self) -> None:
        more = True
        while more:
            item = self._incoming.get()
            if item is not None:
                time.sleep(LINGER_S)
            more = self._collect_some(item)

    def _collect_some(self, item: Optional[_Item]) -> bool:
        """Batch up `item` and all that has come with it. False at the end mark."""
        frames: List[bytes] = []
        size = 0
        while item is not None:
            encoded = self._encode(*item)
            frames += encoded
            size += sum(map(len, encoded))
            if len(frames) >= BATCH_MESSAGES_MAX or size >= BATCH_BYTES_MAX:
                self._offer(capture.batch(frames))
                frames, size = [], 0
            try:
                item = self._incoming.get_nowait()
            except Empty:
                break
        if frames:
            self._offer(capture.batch(frames))
        return item is not None

    def _encode(self, channel: int, arrived: float, payload: Union[bytes, Any]) -> List[bytes]:
        if isinstance(payload, bytes):
            return [capture.frame(channel, arrived, payload)]
        frames: List[bytes] = []
        try:
            # The first of these is the only place where Parsl says under which id the run goes.
            if self._facts_of is not None and getattr(payload[0], 'name', None) == 'WORKFLOW_INFO':
                facts_of, self._facts_of = self._facts_of, None
                frames.append(capture.frame(capture.RECORDS, arrived, facts_of(payload[1])))
            frames.append(capture.frame(channel, arrived, pickle.dumps(payload, PICKLE_PROTOCOL)))
        except Exception as error:  # Whatever an odd message does, its neighbours must go on.
            self.dropped += 1
            logger.error('A monitoring message can not be sent: %r', error)
        return frames
