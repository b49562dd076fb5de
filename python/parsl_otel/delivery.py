"""Delivery: batches to the bridge, in a thread of its own, for as long as it takes, and into the spool what it will not take.

    200                             the bridge has it on disk: forget it
    413                             too large: send its two halves; a single frame that is too large goes to the spool
    429, 503, other 5xx, no answer  keep it, wait, send it again under the same batch id
    401, 403                        the bridge was started again? read the connection file once more; then as below
    any other                       the bridge will never take it: say so once, to the spool

What waits here is bounded by count and bytes. Past that, batches go to the spool: neither the workflow nor this process's memory
pays for a bridge that is away.
"""
from __future__ import annotations

import threading
import time
from collections import deque
from typing import Callable, Deque, List, Optional, Set

from parsl_otel.bridge import Answer, Bridge, Unreachable
from parsl_otel.capture import Batch, halves
from parsl_otel.connection import Connection, ConnectionFileError
from parsl_otel.say import logger, say
from parsl_otel.spool import Spool

REQUEST_TIMEOUT_S = 10.0
PROBE_TIMEOUT_S = 1.0
BACK_OFF_MIN_S, BACK_OFF_MAX_S = 0.2, 5.0


class Delivery:
    """Single use: start, then offer and announce from any thread, then stop."""

    def __init__(self, read_connection: Callable[[], Connection], spool: Spool, messages_max: int, bytes_max: int) -> None:
        self._read_connection = read_connection
        self._spool = spool
        self._messages_max = messages_max
        self._bytes_max = bytes_max
        self._changed = threading.Condition()
        self._batches: Deque[Batch] = deque()
        self._messages = 0
        self._bytes = 0
        self._run_dirs: Deque[str] = deque()
        self._run_dirs_due = 0.0
        self._told_dirs: List[str] = []
        self._refused_dirs: List[str] = []
        self._announced: Set[str] = set()
        self._deadline: Optional[float] = None
        self._given_up = False
        self._bridge: Optional[Bridge] = None
        self._complaints: Set[str] = set()
        self.trouble: Optional[str] = None
        """Why nothing can be delivered at the moment."""
        self._thread = threading.Thread(target=self._run, name='parsl-otel-delivery', daemon=True)

    def start(self) -> Optional[Connection]:
        """Look for the bridge once, warn if there is none, begin. Returns how to reach the bridge, if it is there."""
        try:
            connection = self._read_connection()
            bridge = Bridge(connection)
            if bridge.reachable(PROBE_TIMEOUT_S):
                self._bridge = bridge
            else:
                self._away(f'nobody listens at {connection.url}, which {connection.path} names')
        except ConnectionFileError as error:
            self._away(str(error))
        self._thread.start()
        return self._bridge.connection if self._bridge is not None else None

    def offer(self, batch: Batch) -> None:
        """Deliver this, soon or late. Never waits for the bridge."""
        with self._changed:
            fits = self._messages + len(batch.frames) <= self._messages_max and self._bytes + batch.size <= self._bytes_max
            if fits and not self._given_up:
                self._add(batch, first=False)
                self._changed.notify_all()
                return
        self._spool.write(batch.frames)

    def announce(self, run_dir: str) -> None:
        """Have the bridge read the maildir of this run directory."""
        with self._changed:
            if run_dir not in self._announced:
                self._announced.add(run_dir)
                self._run_dirs.append(run_dir)
                self._changed.notify_all()

    def stop(self, deadline: float) -> List[str]:
        """Deliver what is here until the deadline (time.monotonic()), spool the rest. Returns run directories nobody was told of."""
        with self._changed:
            self._deadline = deadline
            self._run_dirs_due = 0.0  # One last time, now.
            self._changed.notify_all()
        self._thread.join(max(0.0, deadline - time.monotonic()))
        with self._changed:
            self._given_up = True
            self._changed.notify_all()
            left = list(self._batches)
            self._batches.clear()
            unknown = [*self._run_dirs, *self._refused_dirs]
            bridge = self._bridge
        if self._thread.is_alive() and bridge is not None:
            self.trouble = self.trouble or f'{bridge.connection.url}: no answer in time'
            bridge.abort()
            self._thread.join(1.0)
        for batch in left:
            self._spool.write(batch.frames)
        return unknown

    def _run(self) -> None:
        pause = BACK_OFF_MIN_S
        while self._wait_for_work():
            asked_to_wait = self._attempt()
            if asked_to_wait is None:
                pause = BACK_OFF_MIN_S
            elif not self._wait(max(pause, min(asked_to_wait, BACK_OFF_MAX_S))):
                break
            else:
                pause = min(2 * pause, BACK_OFF_MAX_S)
        if self._bridge is not None:
            self._bridge.close()

    def _wait_for_work(self) -> bool:
        with self._changed:
            while not self._given_up:
                now = time.monotonic()
                if self._batches or (self._run_dirs and now >= self._run_dirs_due):
                    return True
                if self._deadline is not None:
                    return False
                self._changed.wait(self._run_dirs_due - now if self._run_dirs else None)
            return False

    def _wait(self, seconds: float) -> bool:
        """Pause after a failure. False: there is no point in another attempt."""
        with self._changed:
            stopping = self._deadline is not None
            if stopping and self._bridge is None:
                return False  # Nobody there: the user should not wait at exit for a bridge that was never started.
            self._changed.wait_for(lambda: self._given_up or (self._deadline is not None and not stopping), timeout=seconds)
            return not self._given_up and (self._deadline is None or time.monotonic() < self._deadline)

    def _attempt(self) -> Optional[float]:
        """One request. None: done with it, whatever became of it; else keep it and wait at least so many seconds."""
        with self._changed:
            run_dir = self._run_dirs[0] if self._run_dirs and time.monotonic() >= self._run_dirs_due else None
            batch = self._batches[0] if self._batches and run_dir is None else None
            deadline = self._deadline
        if run_dir is None and batch is None:
            return None
        timeout = REQUEST_TIMEOUT_S if deadline is None else max(0.1, min(REQUEST_TIMEOUT_S, deadline - time.monotonic()))
        try:
            bridge = self._bridge = self._bridge or Bridge(self._read_connection())
            answer = bridge.post_run_dir(run_dir, timeout) if run_dir else bridge.post_batch(batch, timeout)  # type: ignore[arg-type]
        except ConnectionFileError as error:
            self._away(str(error))
            return 0.0
        except Unreachable as error:
            self._away(str(error))
            if error.nobody:
                self._bridge = None  # It may come back somewhere else: read the connection file again.
            return 0.0
        return self._settle(answer, bridge, run_dir, batch)

    def _settle(self, answer: Answer, bridge: Bridge, run_dir: Optional[str], batch: Optional[Batch]) -> Optional[float]:
        status = answer.status
        if status in (408, 429) or status >= 500:
            if run_dir is not None:
                # Messages must not queue behind a bridge that can not watch one more directory now.
                self._run_dirs_due = time.monotonic() + max(BACK_OFF_MAX_S, answer.retry_after)
                logger.info('The bridge does not watch %s yet: %s', run_dir, answer)
                return None
            self._away(f'{bridge.connection.url} answered {answer}', loud=False)
            return answer.retry_after
        if status in (401, 403) and self._new_token(bridge):
            return 0.0
        if status < 300:
            self._back(bridge)
        elif status == 413 and batch is not None and len(batch.frames) > 1:
            with self._changed:
                if self._take(batch):
                    for half in reversed(halves(batch)):
                        self._add(half, first=True)
            return None
        else:
            self._complain(f'the bridge at {bridge.connection.url} answered {answer}')
        with self._changed:
            if run_dir is not None and run_dir in self._run_dirs:
                self._run_dirs.remove(run_dir)
                (self._told_dirs if status < 300 else self._refused_dirs).append(run_dir)
            mine = batch is not None and self._take(batch)
        if mine and batch is not None and status >= 300:
            self._spool.write(batch.frames)
        return None

    def _add(self, batch: Batch, first: bool) -> None:
        if first:
            self._batches.appendleft(batch)
        else:
            self._batches.append(batch)
        self._messages += len(batch.frames)
        self._bytes += batch.size

    def _take(self, batch: Batch) -> bool:
        """Remove the first batch, unless stop() has taken everything already."""
        if not self._batches or self._batches[0] is not batch:
            return False
        self._batches.popleft()
        self._messages -= len(batch.frames)
        self._bytes -= batch.size
        return True

    def _new_token(self, bridge: Bridge) -> bool:
        try:
            connection = self._read_connection()
        except ConnectionFileError:
            return False
        if (connection.url, connection.token) == (bridge.connection.url, bridge.connection.token):
            return False
        bridge.close()
        self._bridge = Bridge(connection)
        return True

    def _away(self, reason: str, loud: bool = True) -> None:
        if self._given_up:
            return  # stop() has ended the request; what it died of is not the reason.
        if self.trouble is None:
            text = f'no monitoring for now: {reason}. The workflow runs on; messages are kept until the bridge takes them.'
            if loud and 'away' not in self._complaints:
                self._complaints.add('away')
                say(text)
            else:
                logger.warning(text)
        self.trouble = reason

    def _back(self, bridge: Bridge) -> None:
        if self.trouble is None and not bridge.reconnected:
            return
        if self.trouble is not None:
            logger.info('The bridge takes messages again')
        self.trouble, bridge.reconnected = None, False
        with self._changed:
            # It may be another bridge than before, one that knows of no directory yet. Telling twice does no harm.
            self._run_dirs.extend(self._told_dirs)
            self._told_dirs.clear()

    def _complain(self, reason: str) -> None:
        self.trouble = reason
        if reason not in self._complaints:
            self._complaints.add(reason)
            say(f'{reason}. Messages that it does not take go to the spool.')
