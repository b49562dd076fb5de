"""A small Parsl workflow that a running bridge (npm start) shows: python examples/diamond.py

Needs `pip install parsl` and the plugin (`pip install parsl-otel`, or `pip install ./python` in a checkout).
"""
import parsl
from parsl import python_app
from parsl.config import Config
from parsl.executors import HighThroughputExecutor
from parsl.providers import LocalProvider
from parsl_otel import OTelMonitoringHub


@python_app
def simulate(seed):
    import random
    import time
    time.sleep(random.Random(seed).uniform(0.2, 1.5))
    if seed % 7 == 3:
        raise ValueError(f'seed {seed} does not converge')
    return seed * seed


@python_app
def collect(*values):
    return sum(values)


if __name__ == '__main__':
    workers = HighThroughputExecutor(
        label='workers', address='127.0.0.1', max_workers_per_node=2, cores_per_worker=0.1, provider=LocalProvider())
    config = Config(executors=[workers], retries=1, monitoring=OTelMonitoringHub(workflow_name='example'))
    with parsl.load(config):
        good = [simulate(seed) for seed in range(20) if seed % 7 != 3]
        bad = [simulate(seed) for seed in range(20) if seed % 7 == 3]
        print('sum', collect(*good).result())
        print('failed', sum(future.exception() is not None for future in bad))
