"""Parsl's DatabaseManager in a process of its own, fed through its own queue: the peer of ../database/sink.ts.

usage: parsl_database.py throughput CAPTURE DIR
       parsl_database.py visible CAPTURE DIR MESSAGES_PER_S SECONDS
       parsl_database.py backlog CAPTURE DIR WAIT_S

throughput: all messages at once; ends when the last row is committed.   visible: time from put() to the commit of the row.
backlog: all messages, then the end at once, as MonitoringHub.close does; a manager that has not ended after WAIT_S is killed.
Prints JSON.
"""
import datetime
import json
import os
import pickle
import sqlite3
import sys
import time

from stream import payloads

TABLES = ('workflow', 'task', 'try', 'status', 'resource', 'node', 'block')
STAMPED = ('status', 'resource', 'node')


def manager(queue, url, run_dir, exit_event, report, committed):
    import logging
    import resource

    import parsl.monitoring.db_manager as db_manager
    insert, delays, last = db_manager.Database.insert, [], [0.0]

    def counting(self, *, table, messages):
        insert(self, table=table, messages=messages)
        now = last[0] = time.time()
        if table in STAMPED:
            committed.value += len(messages)
            delays.extend(now - m['timestamp'].timestamp() for m in messages)

    db_manager.Database.insert = counting
    start = os.times()
    db_manager.dbm_starter(resource_msgs=queue, db_url=url, run_dir=run_dir, logging_level=logging.INFO, exit_event=exit_event,
                           log_config=None)
    end, used = os.times(), resource.getrusage(resource.RUSAGE_SELF)
    with open(report, 'w') as f:
        json.dump({'last': last[0], 'cpu_seconds': end.user - start.user + end.system - start.system,
                   'rss_bytes': used.ru_maxrss * 1024, 'delays': sorted(delays)}, f)


def main():
    import parsl_database
    from parsl.multiprocessing import SpawnContext, SpawnEvent, SpawnProcess, SpawnQueue
    mode, capture, directory = sys.argv[1:4]
    messages = [pickle.loads(p) for p in payloads(capture)]
    os.makedirs(directory, exist_ok=True)
    path, report = f'{directory}/monitoring.db', f'{directory}/report.json'
    queue, exit_event, committed = SpawnQueue(), SpawnEvent(), SpawnContext.Value('q', 0)
    process = SpawnProcess(target=parsl_database.manager,
                           args=(queue, f'sqlite:///{path}', directory, exit_event, report, committed))
    process.start()
    while not os.path.exists(path) or os.path.getsize(path) < 4096:
        time.sleep(0.05)
    time.sleep(1)
    if mode == 'visible':
        rate, seconds = float(sys.argv[4]), float(sys.argv[5])
        messages = messages[:int(rate * seconds)]
    wanted = sum(1 for tag, _ in messages if tag.name in ('TASK_INFO', 'WORKER_TASK_INFO', 'RESOURCE_INFO', 'NODE_INFO'))
    start = time.time()
    for i, (tag, body) in enumerate(messages):
        if mode == 'visible':
            time.sleep(max(0, start + i / rate - time.time()))
            if 'timestamp' in body:
                body['timestamp'] = datetime.datetime.now()
        queue.put((tag, body))
    deadline = start + (float(sys.argv[4]) if mode == 'backlog' else 600)
    while mode != 'backlog' and committed.value < wanted and time.time() < deadline:
        time.sleep(0.05)
    exit_event.set()
    ended_from = time.time()
    process.join(max(0.1, deadline - time.time()) if mode == 'backlog' else 60)
    hung = process.is_alive()
    if hung:
        process.kill()
        process.join()
    connection = sqlite3.connect(path)
    rows = {table: connection.execute(f'select count(*) from {table}').fetchone()[0] for table in TABLES}
    found = json.load(open(report)) if os.path.exists(report) else {'last': 0, 'cpu_seconds': 0, 'rss_bytes': 0, 'delays': []}
    delays = found.pop('delays')
    print(json.dumps({
        'messages': len(messages), 'seconds': found['last'] - start, 'cpu_seconds': found['cpu_seconds'],
        'rss_bytes': found['rss_bytes'], 'rows': rows, 'hung': hung, 'end_seconds': time.time() - ended_from,
        'visible_p50_s': delays[len(delays) // 2] if delays else None, 'visible_max_s': delays[-1] if delays else None}))
    queue.cancel_join_thread()
    sys.stdout.flush()
    os._exit(0)


if __name__ == '__main__':
    main()
