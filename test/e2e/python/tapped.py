"""Runs many small tasks under Parsl's own MonitoringHub, whose database manager also writes down what it gets.

usage: tapped.py DIR TASKS finish|kill

`DIR/messages.capture` has every message that the manager took from its queue, `DIR/runinfo/monitoring.db` what it made of them.
With `kill`, half of the tasks end and then the submit process is killed, as an impatient user does.
"""
import os
import pickle
import signal
import struct
import sys
import time

CAPTURE = 'PARSL_OTEL_TEST_CAPTURE'


def tapping_manager(*args, **kwargs):
    """Instead of dbm_starter, in the manager's process."""
    from parsl.monitoring import db_manager
    dispatch = db_manager.DatabaseManager._dispatch_to_internal
    capture = open(os.environ[CAPTURE], 'ab', buffering=0)

    def tapping(self, message, *rest):
        payload = pickle.dumps(message)
        capture.write(struct.pack('<IBd', len(payload), 3, time.time()) + payload)
        return dispatch(self, message, *rest)

    db_manager.DatabaseManager._dispatch_to_internal = tapping
    db_manager.dbm_starter(*args, **kwargs)


def main():
    directory, tasks, end = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    os.makedirs(directory, exist_ok=True)
    os.chdir(directory)
    os.environ[CAPTURE] = os.path.join(directory, 'messages.capture')

    open(os.environ[CAPTURE], 'wb').close()

    import parsl
    import parsl.monitoring.monitoring as monitoring
    import tapped  # By name: the manager's process imports it.
    monitoring.dbm_starter = tapped.tapping_manager

    def step(number, *_):
        if number % 97 == 0:
            raise ValueError(f'no {number} today')
        return number

    config = parsl.Config(executors=[parsl.ThreadPoolExecutor(label='threads', max_threads=4)], retries=1,
                          monitoring=monitoring.MonitoringHub(hub_address='127.0.0.1', workflow_name='tapped', resource_monitoring_enabled=False),
                          run_dir=os.path.join(directory, 'runinfo'))
    parsl.load(config)
    app = parsl.python_app(step)
    futures = []
    for number in range(tasks):
        # A short chain now and then, so that some wait and some never start.
        futures.append(app(number, *([futures[-1]] if number % 10 == 1 and futures else [])))
    for future in futures[:tasks // 2] if end == 'kill' else futures:
        future.exception()
    if end == 'kill':
        while os.path.getsize(os.environ[CAPTURE]) < 100_000:  # The manager starts more slowly than tasks end.
            time.sleep(0.1)
        os.kill(os.getpid(), signal.SIGKILL)
    wait_for_manager(os.environ[CAPTURE])
    parsl.dfk().cleanup()


def wait_for_manager(capture):
    """A manager that is told to end while it is behind does not write all that it has taken: then it is no measure for anybody."""
    size, same = -1, 0
    while same < 6:
        time.sleep(0.5)
        now = os.path.getsize(capture)
        same = same + 1 if now == size else 0
        size = now


if __name__ == '__main__':
    main()
