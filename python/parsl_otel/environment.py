"""What a running task finds in its environment: TRACEPARENT, PARSL_OTEL_RUN_ID, PARSL_OTEL_TASK_ID, PARSL_OTEL_TRY_ID.

A worker process runs one task at a time, a thread executor runs several in one process, and they share os.environ. There the
variables are present only while exactly one task runs: a missing TRACEPARENT costs a link, a wrong one would hang a span under
somebody else's task. `task_environment()` always answers for the calling thread.
"""
from __future__ import annotations

import os
import threading
from typing import Any, Callable, Dict, Optional, Tuple

from parsl_otel.by_value import by_value

VARIABLES = ('TRACEPARENT', 'PARSL_OTEL_RUN_ID', 'PARSL_OTEL_TASK_ID', 'PARSL_OTEL_TRY_ID')


class _ThisProcess:
    """Who runs in this process. Pickles as False: in another process a task has the environment to itself."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: Dict[int, Dict[str, str]] = {}
        self._outside: Dict[str, Optional[str]] = {}

    def __reduce__(self) -> Tuple[Any, ...]:
        return (bool, ())

    def enter(self, variables: Dict[str, str]) -> Optional[Dict[str, str]]:
        """A task begins in this thread. Returns what leave() must be given."""
        thread = threading.get_ident()
        with self._lock:
            if not self._running:
                self._outside = {name: os.environ.get(name) for name in VARIABLES}
            before = self._running.get(thread)
            self._running[thread] = variables
            self._show()
        return before

    def leave(self, before: Optional[Dict[str, str]]) -> None:
        """The task of this thread has ended."""
        thread = threading.get_ident()
        with self._lock:
            if before is None:
                self._running.pop(thread, None)
            else:
                self._running[thread] = before
            self._show()

    def current(self) -> Optional[Dict[str, str]]:
        """The variables of the task that runs in the calling thread."""
        return self._running.get(threading.get_ident())

    def _show(self) -> None:
        alone = next(iter(self._running.values())) if len(self._running) == 1 else self._outside
        for name, value in alone.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


_this_process = _ThisProcess()


def task_environment() -> Dict[str, str]:
    """The variables of the task that is running here, whatever kind of executor runs it; empty outside a task.

    Meant for apps on thread executors that start child processes: `subprocess.run(..., env={**os.environ, **task_environment()})`.
    """
    current = _this_process.current()
    if current is not None:
        return dict(current)
    return {name: os.environ[name] for name in VARIABLES if name in os.environ and 'PARSL_OTEL_TASK_ID' in os.environ}


@by_value
def _build(wrapped: Callable[..., Any], run_id: str, shared: Any) -> Callable[..., Any]:
    import functools

    @functools.wraps(wrapped)
    def traced(*args: Any, **kwargs: Any) -> Any:
        import hashlib
        import os

        # Parsl's own wrapper, called below, takes these two out again.
        task = kwargs['_parsl_monitoring_task_id']
        try_id = kwargs['_parsl_monitoring_try_id']
        trace = hashlib.sha256(f'task/{run_id}/{task}'.encode()).hexdigest()[0:32]
        span = hashlib.sha256(f'phase/{run_id}/{task}/{try_id}/running'.encode()).hexdigest()[32:48]
        variables = {'TRACEPARENT': f'00-{trace}-{span}-01', 'PARSL_OTEL_RUN_ID': run_id,
                     'PARSL_OTEL_TASK_ID': str(task), 'PARSL_OTEL_TRY_ID': str(try_id)}
        if shared:
            before = shared.enter(variables)
            try:
                return wrapped(*args, **kwargs)
            finally:
                shared.leave(before)

        outside = {name: os.environ.get(name) for name in variables}
        os.environ.update(variables)
        try:
            return wrapped(*args, **kwargs)
        finally:
            for name, value in outside.items():
                if value is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = value

    return traced


def traced(wrapped: Callable[..., Any], run_id: str) -> Callable[..., Any]:
    """`wrapped` (what Parsl's monitor_wrapper made of an app) with the variables in place while it runs.

    The task and try numbers come with each call, so one such function serves every task of an app.
    """
    result: Callable[..., Any] = _build(wrapped, run_id.lower(), _this_process)
    return result
