"""Trace and span ids: the published recipe of parsl-otel.

An id is a slice of the SHA-256 of a short text that names the thing, so anybody who knows the run id and the task number knows the
ids, without asking. The bridge computes the same ones; both sides are tested against test/vectors/ids.json.

    run                        trace [0:16], span [16:24] of  run/RUN
    task                       trace [0:16], span [16:24] of  task/RUN/TASK
    try, phase                 trace of the task, span of     try/RUN/TASK/TRY, phase/RUN/TASK/TRY/NAME
    executor, block, manager   trace of the run, span of      executor/RUN/LABEL, block/RUN/LABEL/BLOCK, manager/RUN/LABEL/MANAGER

The run id is lower-cased, numbers are decimal, a phase that belongs to no try has an empty TRY, a repeated phase is called NAME#2.
"""
from __future__ import annotations

import hashlib
from typing import NamedTuple, Union

Number = Union[int, str]


class Ids(NamedTuple):
    """Both ids of one span, in lower-case hexadecimal as W3C trace context writes them."""

    trace_id: str
    span_id: str


def _hash(kind: str, run_id: str, *rest: Number) -> str:
    text = '/'.join([kind, run_id.lower(), *map(str, rest)])
    return hashlib.sha256(text.encode()).hexdigest()


def _both(digest: str) -> Ids:
    return Ids(digest[0:32], digest[32:48])


def run_ids(run_id: str) -> Ids:
    """The span of a run, which is the root of the run's own trace."""
    return _both(_hash('run', run_id))


def task_ids(run_id: str, task: Number) -> Ids:
    """The span of a task, which is the root of the task's trace."""
    return _both(_hash('task', run_id, task))


def try_ids(run_id: str, task: Number, try_id: Number) -> Ids:
    """One attempt to execute a task."""
    return Ids(task_ids(run_id, task).trace_id, _hash('try', run_id, task, try_id)[32:48])


def phase_ids(run_id: str, task: Number, try_id: Number, name: str) -> Ids:
    """A part of a try (queued, running, returning), or of a task (pending: give an empty try_id)."""
    return Ids(task_ids(run_id, task).trace_id, _hash('phase', run_id, task, try_id, name)[32:48])


def executor_ids(run_id: str, label: str) -> Ids:
    """One executor of a run, by its label."""
    return Ids(run_ids(run_id).trace_id, _hash('executor', run_id, label)[32:48])


def block_ids(run_id: str, label: str, block: Number) -> Ids:
    """One block (batch job) of an executor."""
    return Ids(run_ids(run_id).trace_id, _hash('block', run_id, label, block)[32:48])


def manager_ids(run_id: str, label: str, manager: str) -> Ids:
    """One manager (worker pool process on a node) of an executor."""
    return Ids(run_ids(run_id).trace_id, _hash('manager', run_id, label, manager)[32:48])


def traceparent(run_id: str, task: Number, try_id: Number) -> str:
    """The W3C trace context that spans made inside a running try should have as their parent."""
    trace_id, span_id = phase_ids(run_id, task, try_id, 'running')
    return f'00-{trace_id}-{span_id}-01'
