"""What both loaders of joins.ts do with lists of records, as Parsl's observability prototype does it."""
import collections
import json
import resource
import time


def load(path):
    with open(path) as lines:
        return [json.loads(line) for line in lines]


def group_by_keys(records, keys):
    groups = collections.defaultdict(list)
    for record in records:
        group = tuple([record.get(key) for key in keys])
        if None not in group:
            groups[group].append(record)
    return groups


def widen_by_implication(records, keys, implied):
    """If all of a group that say it agree, all get it. True if any got one."""
    changed = False
    for group in group_by_keys(records, keys).values():
        values = {record[implied] for record in group if implied in record}
        if len(values) != 1:
            continue
        value = values.pop()
        for record in group:
            if implied not in record:
                record[implied] = value
                changed = True
    return changed


class Watch:
    """Begins with its making; report() prints what the contender did since as one JSON object."""

    def __init__(self):
        self.began, self.cpu = time.perf_counter(), time.process_time()

    def report(self, records):
        print(json.dumps({
            'records': len(records),
            'attributed': sum('parsl.task' in record for record in records),
            'seconds': time.perf_counter() - self.began,
            'cpu_seconds': time.process_time() - self.cpu,
            'rss_bytes': resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        }))
