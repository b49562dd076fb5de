"""parsl-otel: send what Parsl's monitoring knows to the parsl-otel bridge, and OpenTelemetry context to every task.

    from parsl_otel import OTelMonitoringHub
    config = Config(executors=[...], monitoring=OTelMonitoringHub())
"""
from __future__ import annotations

from typing import Any, List

from parsl_otel.environment import task_environment
from parsl_otel.hub import EXECUTORS_HAVE_RADIOS, OTelMonitoringHub
from parsl_otel.version import VERSION as __version__

_RADIOS = ('OTelUDPRadio', 'OTelFilesystemRadio', 'OTelHTEXRadio', 'OTelMultiprocessingQueueRadio')

__all__ = ['OTelMonitoringHub', 'task_environment', '__version__', *(_RADIOS if EXECUTORS_HAVE_RADIOS else ())]


def __getattr__(name: str) -> Any:
    # Not imported at once, because older releases of Parsl have no radios to derive from; there the hub works without.
    if name not in _RADIOS:
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    try:
        from parsl_otel import radios
    except ImportError as error:
        raise ImportError(f'{name} needs Parsl 2025.06.30 or newer; before that set executor.radio_mode') from error
    return getattr(radios, name)


def __dir__() -> List[str]:
    return sorted(__all__)
