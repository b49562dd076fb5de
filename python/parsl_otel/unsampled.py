"""Parsl's monitored app, without what it needs only to sample resources.

Parsl's wrapper makes a multiprocessing.Event for every task, to end the sampling process with. Where nothing is sampled (thread
executors, MPI, resource_monitoring_interval=0) the Event is made all the same, and it costs more than the rest of the wrapper.
"""
from __future__ import annotations

import inspect
from typing import Any, Callable, Dict, Optional

from parsl.monitoring import remote

from parsl_otel.by_value import by_value


def unsampled(how: Dict[str, Any]) -> Optional[Callable[..., Any]]:
    """What monitor_wrapper(**how) makes, for an app that is not sampled; None if it is, or if this release is unlike all we know."""
    if how.get('monitor_resources') and how.get('sleep_dur', 0) > 0:
        return None
    names = list(inspect.signature(remote.send_first_message).parameters)
    if names[:2] != ['try_id', 'task_id'] or not all(name in how for name in names[2:]):
        return None
    result: Callable[..., Any] = _build(how['f'], [how[name] for name in names[2:]])
    return result


@by_value
def _build(function: Callable[..., Any], rest: Any) -> Callable[..., Any]:
    import functools

    @functools.wraps(function)
    def reporting(*args: Any, **kwargs: Any) -> Any:
        from parsl.monitoring.remote import send_first_message, send_last_message
        task_id = kwargs.pop('_parsl_monitoring_task_id')
        try_id = kwargs.pop('_parsl_monitoring_try_id')
        send_first_message(try_id, task_id, *rest)
        try:
            return function(*args, **kwargs)
        finally:
            send_last_message(try_id, task_id, *rest)

    return reporting
