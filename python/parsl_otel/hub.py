"""OTelMonitoringHub: Parsl's monitoring hub with the bridge in place of the database.

It starts no database process and needs no SQLAlchemy. What Parsl would put into its queue goes to the bridge; what the bridge does
not take goes to a spool file; the workflow waits for neither. How Parsl uses a hub has changed three times since 2024:

    before 2025.03.24   the hub also receives: ZMQ from the interchange, UDP from workers, files; Parsl calls hub.send()
    before 2025.06.30   executors receive ZMQ themselves, through hub.resource_msgs; the hub still receives UDP and files
    since               every executor has a radio of its own that brings its receiver; the hub is its queue

All attributes for all of them are always there; only the receivers of routers.py are left out where nobody would talk to them.
"""
from __future__ import annotations

import atexit
import inspect
import os
import time
import uuid
from typing import Any, Dict, Iterator, Optional, Sequence, Tuple, Union

from parsl.monitoring.monitoring import MonitoringHub

from parsl_otel import capture, hook
from parsl_otel.connection import Connection, ConnectionFileError, locate, read
from parsl_otel.delivery import Delivery
from parsl_otel.facts import radio_facts, radio_of, run_facts
from parsl_otel.outbox import Outbox
from parsl_otel.routers import LOOPBACK, Routers
from parsl_otel.say import logger, say
from parsl_otel.spool import Spool, remove, sweep_maildir

try:
    from parsl.monitoring.radios.base import RadioConfig  # noqa: F401
    EXECUTORS_HAVE_RADIOS = True
except ImportError:
    EXECUTORS_HAVE_RADIOS = False

DRAIN_TIMEOUT_S = 5.0   # At the end, for what other processes have sent but this one has not read yet. It is here already.


class OTelMonitoringHub(MonitoringHub):
    """Give it to Parsl's Config as `monitoring`. Single use, like everything in a Config.

    The parameters up to resource_monitoring_interval are those of MonitoringHub. hub_address, hub_port and hub_port_range matter
    only before Parsl 2025.06.30 and default to the loopback; logging_endpoint and logdir are accepted and not used.

    connection_file       the bridge's connection file; default: PARSL_OTEL_CONNECTION_FILE, else ~/.local/state/parsl-otel/connection.json
    exit_timeout          seconds that the end of the run may take to deliver what is left, if there is a bridge
    queue_messages_max, queue_bytes_max
                          what may wait in memory for the bridge; the rest waits in the spool file
    spool_bytes_max       the largest spool file; past that messages are lost, and counted
    """

    def __init__(self,
                 hub_address: Optional[str] = None,
                 hub_port: Optional[int] = None,
                 hub_port_range: Optional[Tuple[int, int]] = None,
                 workflow_name: Optional[str] = None,
                 workflow_version: Optional[str] = None,
                 logging_endpoint: Optional[str] = None,
                 monitoring_debug: bool = False,
                 resource_monitoring_enabled: bool = True,
                 resource_monitoring_interval: float = 30,
                 *,
                 logdir: Optional[str] = None,
                 connection_file: Optional[Union[str, 'os.PathLike[str]']] = None,
                 exit_timeout: float = 10.0,
                 queue_messages_max: int = 100_000,
                 queue_bytes_max: int = 64 << 20,
                 spool_bytes_max: int = 1 << 30) -> None:
        # Not super().__init__(): it insists on SQLAlchemy, which only the database process needs.
        # Older kernels read the address before they call start().
        self.hub_address = hub_address if EXECUTORS_HAVE_RADIOS else hub_address or LOOPBACK
        self.hub_port = hub_port
        self.hub_port_range = hub_port_range
        self.workflow_name = workflow_name
        self.workflow_version = workflow_version
        self.logging_endpoint = logging_endpoint
        self.logdir = logdir
        self.monitoring_debug = monitoring_debug
        self.resource_monitoring_enabled = resource_monitoring_enabled
        self.resource_monitoring_interval = resource_monitoring_interval
        self.connection_file = connection_file
        self.exit_timeout = exit_timeout
        self.queue_messages_max = queue_messages_max
        self.queue_bytes_max = queue_bytes_max
        self.spool_bytes_max = spool_bytes_max
        self.monitoring_hub_active = False

    def start(self, *args: Any, **kwargs: Any) -> int:  # type: ignore[override]
        """Called by Parsl when a run begins. Returns the port for ZMQ messages, which only older releases ask for."""
        given = self._arguments(args, kwargs)
        self._pid = os.getpid()
        self._run_dir: str = os.path.abspath(given.get('dfk_run_dir') or given['run_dir'])
        self._attached_to: str = given.get('dfk_run_dir') or given['run_dir']
        self._run_id: Optional[str] = given.get('run_id')
        os.makedirs(self._run_dir, exist_ok=True)
        if self.logging_endpoint is not None:
            logger.warning('logging_endpoint is not used: the bridge has its own configuration for monitoring.db')

        self._connection_path = locate(self.connection_file)
        self._connection: Optional[Connection] = None
        self._spool = Spool(self._spool_directories, self._spool_name, self.spool_bytes_max)
        self._delivery = Delivery(self._read_connection, self._spool, self.queue_messages_max, self.queue_bytes_max)
        self._outbox = Outbox(self._delivery.offer, self._delivery.announce, self.queue_messages_max, self._began)
        self.resource_msgs: Any = self._outbox
        self.radio = self._outbox
        connection = self._delivery.start()
        self._outbox.udp = connection.udp if connection is not None else None
        self._outbox.start()

        self._routers: Optional[Routers] = None
        self.hub_zmq_port = 0
        if not EXECUTORS_HAVE_RADIOS:
            self._routers = Routers(self.hub_address, self.hub_port, self.hub_port_range, self._outbox.put_bytes, self._run_id)
            self._routers.start()
            self.hub_zmq_port = self._routers.zmq_port
            self.monitoring_hub_url = self._routers.url

        hook.attach(self._attached_to, self)
        self.monitoring_hub_active = True
        atexit.register(self._close_at_exit)
        logger.info('Monitoring goes to %s', connection.url if connection is not None else 'the spool, until there is a bridge')
        return self.hub_zmq_port

    def send(self, *message: Any) -> None:
        """Called by the kernel before 2025.05: with tag and content, later with a pair of both."""
        self._outbox.put(message if len(message) == 2 else message[0])

    def monitor_wrapper(self, f: Any, args: Any, kwargs: Any, try_id: int, task_id: int, *rest: Any) -> Any:
        """Called by the kernel in January 2024, before it had a monitor_wrapper of its own."""
        from parsl.monitoring.remote import monitor_wrapper
        names = list(inspect.signature(monitor_wrapper).parameters)[5:]
        tracer = hook.tracer_of(self._attached_to)
        assert tracer is not None
        return tracer.wrap(monitor_wrapper, f=f, args=args, kwargs=kwargs, x_try_id=try_id, x_task_id=task_id, **dict(zip(names, rest)))

    def executors_added(self, run_id: str, executors: Sequence[Any]) -> None:
        """Called by the hook before the kernel starts these executors."""
        facts = radio_facts(run_id, executors)
        if facts is not None:
            self._outbox.put_bytes(capture.RECORDS, facts)
        if not EXECUTORS_HAVE_RADIOS and any(radio_of(executor) == 'filesystem' for executor in executors):
            self._delivery.announce(self._run_dir)

    def close(self) -> None:
        """Called by Parsl when a run ends, after all executors have ended."""
        if not self.monitoring_hub_active:
            return
        self.monitoring_hub_active = False
        atexit.unregister(self._close_at_exit)
        hook.detach(self._attached_to)
        begin = time.monotonic()
        if self._routers is not None:
            self._routers.close(begin + DRAIN_TIMEOUT_S)
        self._outbox.close(begin + DRAIN_TIMEOUT_S)
        unknown_to_bridge = self._delivery.stop(time.monotonic() + self.exit_timeout)
        swept = [path for run_dir in unknown_to_bridge for path in sweep_maildir(run_dir, self._spool, time.time())]
        path = self._spool.close()
        if path is not None:
            remove(swept)
        self._report(path)

    def _arguments(self, args: Sequence[Any], kwargs: Dict[str, Any]) -> Dict[str, Any]:
        """By the names that this release of Parsl gives them."""
        return dict(inspect.signature(MonitoringHub.start).bind(self, *args, **kwargs).arguments)

    def _began(self, workflow: Dict[str, Any]) -> bytes:
        self._run_id = workflow['run_id']
        return run_facts(workflow)

    def _close_at_exit(self) -> None:
        """For a script that ends without cleaning up its kernel."""
        if os.getpid() == self._pid:
            self.close()

    def _read_connection(self) -> Connection:
        self._connection = read(self._connection_path)
        return self._connection

    def _spool_name(self) -> str:
        return f'{self._run_id or uuid.uuid4()}-{self._pid}'

    def _spool_directories(self) -> Iterator[str]:
        try:
            self._read_connection()
        except ConnectionFileError:
            pass  # A bridge that was stopped took its file with it. It will look where it said when it is back.
        if self._connection is not None and self._connection.spool_dir and os.path.isdir(self._connection.spool_dir):
            yield self._connection.spool_dir
        beside_the_run = os.path.join(self._run_dir, 'parsl-otel-spool')
        try:
            os.makedirs(beside_the_run, exist_ok=True)
            yield beside_the_run
        except OSError as error:
            logger.error('No spool directory: %s', error)

    def _report(self, spool_path: Optional[str]) -> None:
        if spool_path is not None:
            found = os.path.dirname(spool_path) != os.path.join(self._run_dir, 'parsl-otel-spool')
            say(f'{self._spool.kept} monitoring messages could not be delivered ({self._delivery.trouble or "the queue was full"}). '
                f'They are kept in {spool_path}; '
                + ('the bridge will pick them up.' if found else 'parsl-otel ingest reads them.'))
        lost = self._spool.lost + self._outbox.dropped
        if lost:
            say(f'{lost} monitoring messages are lost: they fitted neither into memory nor into the spool.')
        if self._outbox.late:
            logger.info('%d monitoring messages came after the end of the run', self._outbox.late)
        logger.info('Monitoring has ended')
