"""Functions that run as tasks, in a module that a worker without the plugin can import."""


def look(**_):
    import os
    return {name: os.environ.get(name) for name in ('TRACEPARENT', 'PARSL_OTEL_RUN_ID', 'PARSL_OTEL_TASK_ID', 'PARSL_OTEL_TRY_ID')}


def double(number):
    return 2 * number


def fail():
    raise ValueError('always')


def put_many(queue, count, done=None):
    """A process that writes into the monitoring queue and ends only when `done` says so."""
    for number in range(count):
        queue.put(('from another process', {'n': number}))
    if done is not None:
        done.wait(20)
