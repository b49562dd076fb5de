"""A run of many short tasks as Parsl's messages, with the keys and types that Parsl 2026 sends: nine messages a task.

usage: task_stream.py OUT TASKS    writes a capture

A task has three TASK_INFO, the worker's start and end, two to four samples of resources and one NODE_INFO; some dozens are on
their way at a time. A block comes with every thousand tasks.
"""
import datetime
import pickle
import struct
import sys

from parsl.dataflow.states import States
from parsl.monitoring.message_type import MessageType

RUN = 'a1e9a7c0-5f0e-4c55-9c2e-6f2b7f1d0c11'
BEGAN = datetime.datetime(2026, 8, 1, 9, 0, 0)
IN_FLIGHT = 48
PACKAGES = {f'some-package-{i}': f'{i % 9}.{i}.0' for i in range(40)}
APPS = ('simulate', 'reduce', 'plot')
MESSAGES_PER_TASK = 9


class Stream:
    def __init__(self, now=None):
        self.ticks, self.now, self.done, self.tasks = 0, now, 0, {}

    def time(self):
        self.ticks += 1
        return self.now() if self.now else BEGAN + datetime.timedelta(microseconds=113 * self.ticks)

    def task_info(self, task, state):
        at = self.time()
        known = self.tasks.setdefault(task, {'invoked': at, 'launched': None})
        if state is States.launched:
            known['launched'] = at
        returned = at if state is States.exec_done else None
        if returned:
            self.done += 1
            del self.tasks[task]
        return MessageType.TASK_INFO, {
            'task_func_name': APPS[task % 3], 'task_memoize': False, 'task_hashsum': None, 'task_fail_count': 0, 'task_fail_cost': 0,
            'task_status': state, 'task_id': task, 'task_time_invoked': known['invoked'], 'task_try_time_launched': known['launched'],
            'task_time_returned': returned, 'task_try_time_returned': returned, 'task_executor': 'htex', 'run_id': RUN,
            'try_id': 0, 'timestamp': at, 'task_status_name': state.name, 'tasks_failed_count': 0,
            'tasks_completed_count': self.done, 'tasks_memo_completed_count': 0, 'from_memo': False, 'task_inputs': 'None',
            'task_outputs': 'None', 'task_stdin': None, 'task_stdout': '', 'task_stderr': '', 'task_fail_history': '',
            'task_depends': str(task - 1) if task % 3 else '', 'task_joins': None}

    def worker(self, task, last):
        return MessageType.WORKER_TASK_INFO, {
            'run_id': RUN, 'try_id': 0, 'task_id': task, 'hostname': f'node{task % 8}', 'block_id': '0', 'first_msg': not last,
            'last_msg': last, 'timestamp': self.time()}

    def resource(self, task, sample):
        return MessageType.RESOURCE_INFO, {
            'psutil_process_pid': 4000 + task % 20000, 'psutil_process_ppid': 3999, 'psutil_process_name': 'python3',
            'psutil_process_exe': '/usr/bin/python3', 'psutil_process_cwd': '/scratch/user/run', 'psutil_process_username': 'user',
            'psutil_process_nice': 0, 'psutil_process_status': 'sleeping', 'psutil_process_create_time': 1.7e9 + task,
            'psutil_process_num_threads': 2, 'psutil_process_cpu_num': task % 64, 'psutil_process_memory_percent': 0.5 + task % 7 / 10,
            'psutil_process_memory_virtual': 1e8 + 4096 * task, 'psutil_process_memory_resident': 6e7 + 4096 * task,
            'psutil_process_time_user': 0.2 * sample, 'psutil_process_time_system': 0.05, 'psutil_process_children_count': 1,
            'psutil_process_disk_read': 90000 + task, 'psutil_process_disk_write': 5000, 'psutil_cpu_count': 64,
            'psutil_cpu_num': task % 64, 'psutil_process_num_ctx_switches_voluntary': 5.0,
            'psutil_process_num_ctx_switches_involuntary': 9.0, 'resource_monitoring_interval': 1.0, 'run_id': RUN, 'task_id': task,
            'try_id': 0, 'hostname': f'node{task % 8}', 'timestamp': self.time()}

    def node(self, task):
        at = self.time()
        return MessageType.NODE_INFO, {
            'block_id': '0', 'start_time': 1.7e9, 'tasks': [task, task + 1], 'worker_count': 64, 'max_capacity': 64, 'active': True,
            'draining': False, 'drain_time': float('inf'), 'last_heartbeat': at, 'idle_since': None, 'parsl_version': '2026.10.26',
            'python_version': '3.13.0', 'type': 'registration', 'parsl_v': '2026.10.26', 'python_v': '3.13.0', 'packages': PACKAGES,
            'uid': f'{task % 8:012x}', 'prefetch_capacity': 0, 'os': 'Linux', 'hostname': f'node{task % 8}', 'dir': '/scratch/user/run',
            'cpu_count': 64, 'total_memory': 2 ** 38, 'timestamp': at, 'run_id': RUN}

    def block(self, number):
        return MessageType.BLOCK_INFO, [{'run_id': RUN, 'status': 'RUNNING', 'timestamp': self.time(), 'executor_label': 'htex',
                                         'job_id': '77', 'block_id': str(number)}]

    def messages(self, tasks):
        yield MessageType.WORKFLOW_INFO, {
            'python_version': '3.13.0', 'parsl_version': '2026.10.26', 'time_began': self.time(), 'run_id': RUN,
            'workflow_name': 'bench', 'workflow_version': '1', 'rundir': '/scratch/user/run/runinfo/000', 'tasks_completed_count': 0,
            'tasks_failed_count': 0, 'user': 'user', 'host': 'login'}
        for step in range(tasks + IN_FLIGHT):
            if step < tasks:
                if step % 1000 == 0:
                    yield self.block(step // 1000)
                yield self.task_info(step, States.pending)
                yield self.task_info(step, States.launched)
            task = step - IN_FLIGHT // 2
            if 0 <= task < tasks:
                yield self.node(task)
                yield self.worker(task, False)
                for sample in range(1 + task % 3):
                    yield self.resource(task, sample)
            task = step - IN_FLIGHT
            if 0 <= task < tasks:
                yield self.resource(task, 9)
                yield self.worker(task, True)
                yield self.task_info(task, States.exec_done)
        yield MessageType.WORKFLOW_INFO, {
            'run_id': RUN, 'tasks_failed_count': 0, 'tasks_completed_count': tasks, 'time_completed': self.time(),
            'rundir': '/scratch/user/run/runinfo/000', 'workflow_duration': 1.0}


if __name__ == '__main__':
    out, tasks = sys.argv[1], int(sys.argv[2])
    with open(out, 'wb') as f:
        for message in Stream().messages(tasks):
            payload = pickle.dumps(message)
            f.write(struct.pack('<IBd', len(payload), 3, 1.79e9) + payload)
