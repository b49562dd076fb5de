"""A workflow whose workers are idle while work waits: its interchange hangs, as it does on a node that swaps or a disk that does not
answer, so nothing is handed out any more.

    python stuck.py --connection-file F --run-dir D --until FILE

Prints its run id. When FILE is there the interchange goes on, what waited runs, and the workflow ends in order. It gives up by
itself after five minutes.
"""
import argparse
import os
import signal
import time

import parsl
from parsl.app.app import python_app
from parsl.config import Config
from parsl.executors import HighThroughputExecutor
from parsl.providers import LocalProvider
from parsl_otel import OTelMonitoringHub

WORKERS = 3
WAITING = 6
LIMIT_S = 300


@python_app
def simulate(seed):
    return seed


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--connection-file', required=True)
    parser.add_argument('--run-dir', required=True)
    parser.add_argument('--until', required=True)
    arguments = parser.parse_args()
    os.makedirs(arguments.run_dir, exist_ok=True)
    pool = HighThroughputExecutor(label='pool', address='127.0.0.1', max_workers_per_node=WORKERS, cores_per_worker=0.1,
                                  provider=LocalProvider(init_blocks=1, min_blocks=1, max_blocks=1))
    kernel = parsl.load(Config(
        executors=[pool], strategy='none', run_dir=os.path.join(arguments.run_dir, 'runinfo'),
        monitoring=OTelMonitoringHub(connection_file=arguments.connection_file, workflow_name='stuck')))
    print(kernel.run_id, flush=True)
    try:
        simulate(0).result()  # The workers are there.
        time.sleep(1)
        pool.interchange_proc.send_signal(signal.SIGSTOP)
        try:
            waiting = [simulate(seed) for seed in range(WAITING)]
            end = time.monotonic() + LIMIT_S
            while not os.path.exists(arguments.until) and time.monotonic() < end:
                time.sleep(0.2)
        finally:
            pool.interchange_proc.send_signal(signal.SIGCONT)
        for future in waiting:
            future.result()
        time.sleep(1)
    finally:
        kernel.cleanup()
        parsl.clear()


if __name__ == '__main__':
    main()
