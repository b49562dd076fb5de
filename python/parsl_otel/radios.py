"""Radios whose receiving end is the bridge (Parsl 2025.06.30 and newer): give one as an executor's remote_monitoring_radio.

    OTelUDPRadio                 datagrams to the bridge's own UDP port, signed with the key of the connection file
    OTelFilesystemRadio          files in the run directory, which the bridge is told of, reads and deletes
    OTelHTEXRadio                the executor's result channel, then the monitoring queue, which OTelMonitoringHub forwards
    OTelMultiprocessingQueueRadio   the same queue, for thread executors

The last two are what Parsl uses by default, and with OTelMonitoringHub the defaults do as well. Where there is no bridge, or
another monitoring hub, the first two receive as Parsl's own radios do. All of them see to it that tasks get TRACEPARENT.

A worker needs nothing of this: every radio is pickled as the radio of Parsl that it is made of.
"""
from __future__ import annotations

from multiprocessing.queues import Queue
from typing import Any, Optional, Type

from parsl.monitoring.radios.base import MonitoringRadioReceiver, RadioConfig
from parsl.monitoring.radios.filesystem import FilesystemRadio
from parsl.monitoring.radios.htex import HTEXRadio
from parsl.monitoring.radios.multiprocessing import MultiprocessingQueueRadio
from parsl.monitoring.radios.udp import UDPRadio

from parsl_otel import hook


class _Receiver(MonitoringRadioReceiver):
    """The end of a radio on the submit side: nothing of its own to stop but the hook, and Parsl's receiver if there is one."""

    def __init__(self, run_dir: str, inner: Optional[MonitoringRadioReceiver] = None) -> None:
        self._run_dir = run_dir
        self._inner = inner
        hook.attach(run_dir)

    def shutdown(self) -> None:
        """Called by Parsl when the executor has ended."""
        hook.detach(self._run_dir)
        if self._inner is not None:
            self._inner.shutdown()


def _reduce_as(cls: Type[RadioConfig], radio: RadioConfig) -> Any:
    plain = object.__new__(cls)
    plain.__dict__.update(radio.__dict__)
    return plain.__reduce_ex__(1)  # From protocol 2 on, pickle insists on the class of the object it was given.


class OTelUDPRadio(UDPRadio):
    """Parsl's UDP radio, received by the bridge.

    `address` is the bridge as workers see it; give it where that differs from the connection file (a bridge that listens on all
    addresses, a gateway). The other parameters are those of UDPRadio and matter only where Parsl has to receive itself.
    """

    def __init__(self, *, address: Optional[str] = None, port: Optional[int] = None, atexit_timeout: int = 3,
                 debug: bool = False, hmac_digest: str = 'sha512') -> None:
        super().__init__(port=port, atexit_timeout=atexit_timeout, address=address or '127.0.0.1', debug=debug, hmac_digest=hmac_digest)
        self._given_address = address

    def create_receiver(self, run_dir: str, resource_msgs: 'Queue[Any]') -> MonitoringRadioReceiver:
        """Take address, port and key of the bridge."""
        udp = getattr(resource_msgs, 'udp', None)
        if udp is None:
            return _Receiver(run_dir, super().create_receiver(run_dir=run_dir, resource_msgs=resource_msgs))
        self.address = self._given_address or udp.address
        self.port, self.hmac_key, self.hmac_digest = udp.port, udp.key, udp.digest
        return _Receiver(run_dir)

    def __reduce_ex__(self, protocol: Any) -> Any:
        return _reduce_as(UDPRadio, self)


class OTelFilesystemRadio(FilesystemRadio):
    """Parsl's filesystem radio, received by the bridge.

    Parsl's own receiver must not run beside it: it empties the same directory.
    """

    def create_receiver(self, *, run_dir: str, resource_msgs: 'Queue[Any]') -> MonitoringRadioReceiver:
        """Tell the bridge of the run directory."""
        announce = getattr(resource_msgs, 'announce', None)
        if announce is None:
            return _Receiver(run_dir, super().create_receiver(run_dir=run_dir, resource_msgs=resource_msgs))
        self.run_dir = run_dir
        announce(run_dir)
        return _Receiver(run_dir)

    def __reduce_ex__(self, protocol: Any) -> Any:
        return _reduce_as(FilesystemRadio, self)


class OTelHTEXRadio(HTEXRadio):
    """Parsl's HTEX radio: messages share the result channel with the results."""

    def create_receiver(self, *, run_dir: str, resource_msgs: 'Queue[Any]') -> MonitoringRadioReceiver:
        """Nothing to receive here: the executor puts these messages into the queue."""
        return _Receiver(run_dir, super().create_receiver(run_dir=run_dir, resource_msgs=resource_msgs))

    def __reduce_ex__(self, protocol: Any) -> Any:
        return _reduce_as(HTEXRadio, self)


class OTelMultiprocessingQueueRadio(MultiprocessingQueueRadio):
    """Parsl's radio for executors that run tasks in the submit process."""

    def create_receiver(self, *, run_dir: str, resource_msgs: 'Queue[Any]') -> MonitoringRadioReceiver:
        """The queue is the channel."""
        return _Receiver(run_dir, super().create_receiver(run_dir=run_dir, resource_msgs=resource_msgs))
