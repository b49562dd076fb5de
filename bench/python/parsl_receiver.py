"""Parsl's own receivers, each in its process and into a real multiprocessing queue that is drained here.

usage: parsl_receiver.py udp KEY_HEX | zmq | filesystem RUN_DIR

Prints the port ('-' for filesystem) when it is ready; a line on stdin says that all has been sent. Then prints JSON: received,
seconds from the first to the last message, and of the receiving process since it was ready cpu_seconds and peak rss_bytes.
"""
import json
import queue
import sys
import tempfile
import threading
import time

QUIET_S = 1.0
SAMPLE_S = 0.05


class Usage(threading.Thread):
    """Samples CPU time and peak memory of a process, because both are gone with it."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        import psutil
        self.pid, self.process = pid, psutil.Process(pid)
        self.cpu = self.base = self.rss = 0
        self.sample()
        self.base = self.cpu
        self.start()

    def run(self):
        while self.sample():
            time.sleep(SAMPLE_S)

    def sample(self):
        try:
            used = self.process.cpu_times()
            self.cpu = max(self.cpu, used.user + used.system)
            with open(f'/proc/{self.pid}/status') as status:
                peak = [line.split()[1] for line in status if line.startswith('VmHWM:')]
            self.rss = int(peak[0]) * 1024 if peak else self.rss
            return True
        except Exception:  # It has ended.
            return False


def drain(messages, sent):
    received, first, last = 0, 0.0, 0.0
    while True:
        try:
            messages.get(timeout=QUIET_S)
        except queue.Empty:
            if sent.is_set():
                return received, last - first
            continue
        last = time.perf_counter()
        first = first or last
        received += 1


def main():
    from parsl.multiprocessing import SpawnEvent, SpawnProcess, SpawnQueue

    kind, rest = sys.argv[1], sys.argv[2:]
    messages = SpawnQueue()
    logdir = tempfile.mkdtemp()
    sent = threading.Event()
    if kind == 'udp':
        from parsl.monitoring.radios.udp_router import start_udp_receiver
        receiver = start_udp_receiver(monitoring_messages=messages, port=None, logdir=logdir, debug=False,
                                      atexit_timeout=1, hmac_key=bytes.fromhex(rest[0]), hmac_digest='sha512')
        process, port, stop = receiver.process, receiver.port, receiver.shutdown
    elif kind == 'zmq':
        from parsl.monitoring.radios.zmq_router import start_zmq_receiver
        receiver = start_zmq_receiver(monitoring_messages=messages, loopback_address='127.0.0.1',
                                      port_range=(55050, 56000), logdir=logdir, worker_debug=False, cert_dir=None)
        process, port, stop = receiver.process, receiver.port, receiver.close
    else:
        from parsl.monitoring.radios.filesystem_router import filesystem_router_starter
        exit_event = SpawnEvent()
        process = SpawnProcess(target=filesystem_router_starter,
                               kwargs={'q': messages, 'run_dir': rest[0], 'exit_event': exit_event})
        process.start()
        time.sleep(3)  # It imports Parsl, then waits up to 10 s between two passes.
        port, stop = '-', process.join
    usage = Usage(process.pid)
    print(port, flush=True)

    def wait():
        sys.stdin.readline()
        if kind == 'filesystem':
            exit_event.set()  # At once one pass, its last: the pause is not what is measured.
        sent.set()

    threading.Thread(target=wait, daemon=True).start()
    received, seconds = drain(messages, sent)
    usage.sample()
    stop()
    print(json.dumps({'received': received, 'seconds': seconds, 'cpu_seconds': usage.cpu - usage.base,
                      'rss_bytes': usage.rss}), flush=True)


if __name__ == '__main__':
    main()
