"""Python's C unpickler over the messages of a capture: the peer of decode.ts. usage: unpickle.py CAPTURE SECONDS

Parsl is not needed: the two enums that messages refer to are stubs, of the same kinds and with the same members.
"""
import enum
import json
import pickle
import resource
import sys
import time
import types

from stream import payloads


def stub(module, name, kind, members):
    parts = module.split('.')
    for i in range(1, len(parts) + 1):
        sys.modules.setdefault('.'.join(parts[:i]), types.ModuleType(parts[-1]))
    setattr(sys.modules[module], name, kind(name, members))


stub('parsl.monitoring.message_type', 'MessageType', enum.Enum, {
    'TASK_INFO': 0, 'RESOURCE_INFO': 1, 'WORKFLOW_INFO': 2, 'NODE_INFO': 3, 'BLOCK_INFO': 4, 'WORKER_TASK_INFO': 5})
stub('parsl.dataflow.states', 'States', enum.IntEnum, {
    'unsched': -1, 'pending': 0, 'running': 2, 'exec_done': 3, 'failed': 4, 'dep_fail': 5, 'launched': 7,
    'fail_retryable': 8, 'memo_done': 9, 'joining': 10, 'running_ended': 11})

messages = payloads(sys.argv[1])
seconds = float(sys.argv[2])
for message in messages:
    pickle.loads(message)
done, began, cpu = 0, time.perf_counter(), time.process_time()
while time.perf_counter() - began < seconds:
    for message in messages:
        pickle.loads(message)
    done += len(messages)
print(json.dumps({
    'messages': done,
    'seconds': time.perf_counter() - began,
    'cpu_seconds': time.process_time() - cpu,
    'rss_bytes': resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    'runtime': 'Python ' + sys.version.split()[0],
}))
