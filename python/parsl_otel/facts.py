"""What the plugin knows and no message of Parsl says: the zone of its naive local times, and which executor uses which radio.

Sent as wide records. Zone and offset are of the submit side, where TASK_INFO and WORKFLOW_INFO are stamped.
"""
from __future__ import annotations

import json
import os
import time
from datetime import datetime
from typing import Any, Dict, Iterable, Optional

from parsl_otel.version import VERSION

RADIOS = {'HTEXRadio': 'htex', 'UDPRadio': 'udp', 'FilesystemRadio': 'filesystem', 'MultiprocessingQueueRadio': 'multiprocessing'}


def run_facts(workflow: Dict[str, Any]) -> bytes:
    """About the run, when it begins. `workflow` is the content of its first WORKFLOW_INFO."""
    began = workflow.get('time_began')
    facts: Dict[str, Any] = {
        'parsl.dfk': workflow['run_id'],
        'parsl.utc_offset': utc_offset(began if isinstance(began, datetime) else None),
        'parsl.workflow_info.rundir': os.path.abspath(workflow['rundir']),
        'parsl_otel.version': VERSION,
    }
    zone = time_zone()
    if zone is not None:
        facts['parsl.time_zone'] = zone
    return _line(facts)


def radio_facts(run_id: str, executors: Iterable[Any]) -> Optional[bytes]:
    """About the executors of a run, once they are known."""
    radios = {f'parsl_otel.radio.{executor.label}': radio_of(executor) for executor in executors}
    known = {key: radio for key, radio in radios.items() if radio is not None}
    return _line({'parsl.dfk': run_id, **known}) if known else None


def radio_of(executor: Any) -> Optional[str]:
    """The word for an executor's radio, in any release: a RadioConfig since 2025.06.30, a string before."""
    config = getattr(executor, 'remote_monitoring_radio', None)
    for cls in type(config).__mro__ if config is not None else ():
        if cls.__name__ in RADIOS:
            return RADIOS[cls.__name__]
    if config is not None:
        return type(config).__name__
    mode = getattr(executor, 'radio_mode', None)
    return mode if isinstance(mode, str) else None


def utc_offset(at: Optional[datetime] = None) -> int:
    """Seconds east of Greenwich of this machine's local time at that (naive, local) moment."""
    return time.localtime(at.timestamp() if at is not None else None).tm_gmtoff


def time_zone() -> Optional[str]:
    """The IANA name of this machine's zone, if it can be found out."""
    named = os.environ.get('TZ')
    if named:
        return named.lstrip(':') if '/' in named or named == 'UTC' else None
    try:
        target = os.path.realpath('/etc/localtime')
    except OSError:
        return None
    return target.split('/zoneinfo/', 1)[1] if '/zoneinfo/' in target else None


def _line(record: Dict[str, Any]) -> bytes:
    return json.dumps(record).encode() + b'\n'
