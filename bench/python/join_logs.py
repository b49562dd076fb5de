"""Log lines find their task, with the least that this kind of run needs: a peer of joins.ts. usage: join_logs.py RUNINFO

Reads every JSON log of every run directory whole, then widens and joins in lists: constants of the path, ids out of
texts by a few regular expressions, what a worker says between receiving and completing a task, and two implications over
groups, in passes until nothing changes. Prints one JSON object.
"""
import glob
import os
import re
import sys

from lists import Watch, load, widen_by_implication

LISTS = re.compile(r"(?:Sent tasks: |Got executor tasks: )\[([\d, ]+)\]")
ONE = re.compile(r"(?:Putting task|Put task|Removing task|[Ee]xecutor task) (\d+)")
TASK = re.compile(r"(?:Task|task) (\d+) ")
RECEIVED = re.compile(r"Received executor task (\d+)")
COMPLETED = re.compile(r"All processing finished for executor task (\d+)")
RUN = re.compile(r"Run id is: (\S+)")


def widen(log, key, value):
    for record in log:
        record[key] = value


def widen_executor_tasks(log, is_worker):
    copies = []
    current = None
    for record in log:
        text = record['formatted']
        received = RECEIVED.match(text) if is_worker else None
        if received:
            current = int(received[1])
        many, one = LISTS.match(text), ONE.match(text)
        if many:
            numbers = [int(number) for number in many[1].split(',')]
            record['parsl.executor_task'] = numbers[0]
            copies += [{**record, 'parsl.executor_task': number} for number in numbers[1:]]
        elif one:
            record['parsl.executor_task'] = int(one[1])
        elif current is not None:
            record['parsl.executor_task'] = current
        if is_worker and COMPLETED.match(text):
            current = None
    log += copies


def read_run(directory):
    submit = load(f'{directory}/parsl.jsonlog')
    run = next(match[1] for match in (RUN.match(record['formatted']) for record in submit) if match)
    for record in submit:
        for key in ('parsl.task', 'parsl.try', 'parsl.executor_task'):
            if key in record:
                record[key] = int(record[key])
        if 'parsl.task' not in record and (match := TASK.search(record['formatted'])):
            record['parsl.task'] = int(match[1])
    every = submit + load(f'{directory}/database_manager.jsonlog')
    for path in glob.glob(f'{directory}/*/interchange.jsonlog') + glob.glob(f'{directory}/*/block-*/*/*.jsonlog'):
        log = load(path)
        parts = os.path.relpath(path, directory).split('/')
        widen(log, 'parsl.executor', parts[0])
        if len(parts) == 4:
            widen(log, 'parsl.block', parts[1][6:])
            widen(log, 'parsl.manager', parts[2])
        widen_executor_tasks(log, parts[-1].startswith('worker'))
        every += log
    widen(every, 'parsl.dfk', run)
    return every


watch = Watch()
records = [record for directory in sorted(glob.glob(f'{sys.argv[1]}/[0-9]*')) for record in read_run(directory)]
place = ('parsl.dfk', 'parsl.executor', 'parsl.executor_task')
while any([widen_by_implication(records, place, 'parsl.task'), widen_by_implication(records, place, 'parsl.try')]):
    pass
watch.report(records)
