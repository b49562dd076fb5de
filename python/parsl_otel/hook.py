"""The hook: how each task of a run gets the variables of environment.py.

Parsl wraps every app in a monitoring function just before it hands it to an executor. Since 2024.2 the kernel calls
`parsl.dataflow.dflow.monitor_wrapper` for that, with run, task and try among its arguments; older releases call a method of the
hub. That is the one place where all releases, executors and radios look alike, so that is where we stand. The name in dflow is
replaced once per process by a function that does what Parsl does for any run directory that is not in `_tracers`.

Parsl makes a new wrapper for every task although only task and try differ, and those travel as keyword arguments. Here one wrapper
per app and executor is made and kept. That is no detail: serialising a fresh closure costs more than all the rest of a task's
submission, while the same function is serialised once (Parsl's serialisers remember by identity, on both sides).
"""
from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Any, Callable, Dict, Optional, Protocol, Sequence, Tuple

import parsl.dataflow.dflow

from parsl_otel.environment import traced
from parsl_otel.say import logger
from parsl_otel.unsampled import unsampled

APPS_MAX = 64   # Wrappers kept per run. Some apps make a new function for each call (walltime), which must not pile up.

Wrapped = Tuple[Callable[..., Any], Sequence[Any], Dict[str, Any]]


class Watcher(Protocol):
    """What wants to know of executors before they start: the hub."""

    def executors_added(self, run_id: str, executors: Sequence[Any]) -> None:
        """They have their radios, and are not started yet."""


class Tracer:
    """Wraps the apps of one run."""

    def __init__(self) -> None:
        self.users = 0
        self.watcher: Optional[Watcher] = None
        self._lock = threading.Lock()
        self._kept: 'OrderedDict[Tuple[Any, ...], Callable[..., Any]]' = OrderedDict()

    def wrap(self, original: Callable[..., Wrapped], **how: Any) -> Wrapped:
        """What `original` (Parsl's monitor_wrapper) returns, with our variables around it."""
        task, try_id = how['x_task_id'], how['x_try_id']
        # Whatever is compared by identity here is held by the wrapper that is kept, so no identity is ever used twice.
        key = tuple((name, value if isinstance(value, (str, int, float)) else id(value))
                    for name, value in how.items() if name not in ('args', 'kwargs', 'x_task_id', 'x_try_id'))
        with self._lock:
            function = self._kept.get(key)
            if function is not None:
                self._kept.move_to_end(key)
        if function is None:
            inner, args, kwargs = original(**how)
            if '_parsl_monitoring_task_id' not in kwargs:
                logger.warning('This release of Parsl passes no task id to monitored apps, so they get no TRACEPARENT')
                return inner, args, kwargs
            function = traced(unsampled(how) or inner, how['run_id'])
            with self._lock:
                self._kept[key] = function
                while len(self._kept) > APPS_MAX:
                    self._kept.popitem(last=False)
        return function, how['args'], {**how['kwargs'], '_parsl_monitoring_task_id': task, '_parsl_monitoring_try_id': try_id}


dflow: Any = parsl.dataflow.dflow
_lock = threading.Lock()
_tracers: Dict[str, Tracer] = {}
_original_wrapper: Optional[Callable[..., Wrapped]] = getattr(dflow, 'monitor_wrapper', None)
_original_add_executors = dflow.DataFlowKernel.add_executors


def attach(run_dir: str, watcher: Optional[Watcher] = None) -> None:
    """Trace the tasks of the run with this run directory, until there were as many detach() as attach()."""
    with _lock:
        tracer = _tracers.setdefault(run_dir, Tracer())
        tracer.users += 1
        tracer.watcher = watcher or tracer.watcher
        if _original_wrapper is not None:
            dflow.monitor_wrapper = _monitor_wrapper
        dflow.DataFlowKernel.add_executors = _add_executors


def detach(run_dir: str) -> None:
    """The end of what attach() began. When nobody is left, Parsl is as it was."""
    with _lock:
        tracer = _tracers[run_dir]
        tracer.users -= 1
        if tracer.users == 0:
            del _tracers[run_dir]
        if not _tracers:
            if _original_wrapper is not None:
                dflow.monitor_wrapper = _original_wrapper
            dflow.DataFlowKernel.add_executors = _original_add_executors


def tracer_of(run_dir: str) -> Optional[Tracer]:
    """The tracer of a run, None if it has none."""
    return _tracers.get(run_dir)


def _monitor_wrapper(*args: Any, **how: Any) -> Wrapped:
    assert _original_wrapper is not None
    tracer = _tracers.get(how.get('run_dir', ''))
    if tracer is None or args:
        return _original_wrapper(*args, **how)
    return tracer.wrap(_original_wrapper, **how)


def _add_executors(kernel: Any, executors: Sequence[Any]) -> None:
    tracer = _tracers.get(kernel.run_dir)
    if tracer is not None and tracer.watcher is not None:
        tracer.watcher.executors_added(kernel.run_id, executors)
    _original_add_executors(kernel, executors)
