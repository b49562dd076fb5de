"""The same rules as ours, in lists: a peer of joins.ts. usage: join_by_rules.py RUNINFO RULES

Reads every JSON log of every run directory whole, then applies the operators of Parsl's observability prototype pass by
pass over all records: constants of the path, what texts tell by the shipped rules (RULES: JSON, written by joins.ts, with
one regular expression for each kind of log), what the order of lines tells, twins, and implications over groups until
nothing changes. Prints one JSON object.
"""
import glob
import json
import os
import re
import sys

from lists import Watch, load, widen_by_implication

NUMBER = re.compile(r"'[^']*'|\"[^\"]*\"|[\w./-]*\d[\w./-]*")
LOGS = {'parsl': 'parsl', 'interchange': 'interchange', 'manager': 'manager', 'worker_0': 'worker', 'worker_1': 'worker'}


class Matcher:
    """The rules about one kind of log and key, as one regular expression of alternatives."""

    def __init__(self, key, rules):
        self.key = key
        self.rules = {}
        alternatives = []
        group = 1
        for rule in rules:
            self.rules[group] = (rule, group)
            alternatives.append(f"({rule['pattern']})")
            group += 1 + len(rule['holes'])
        self.match = re.compile('|'.join(alternatives)).fullmatch


def agrees(record, where):
    return all(record.get(key) in wanted for key, wanted in where.items())


def widen_by_texts(records, matchers, plain):
    """What the first lines of messages tell. A line that names several things becomes a record for each."""
    widened = []
    for record in records:
        marks = record['marks'] = []
        copies = None
        for matcher in matchers.get(record['source.log'], ()):
            text = record.get(matcher.key)
            if not isinstance(text, str):
                continue
            match = matcher.match(text.partition('\n')[0])
            if match is None:
                continue
            rule, first = matcher.rules[match.lastindex]
            if not agrees(record, rule['where']):
                continue
            marks.append(rule['name'])
            for at, (key, kind) in enumerate(rule['holes'], first + 1):
                found = match[at]
                if key is None or not found:
                    continue
                if kind == 'ints':
                    copies = [(key, int(number)) for number in found.split(',')]
                elif key not in record:
                    record[key] = int(found) if kind == 'int' else found
            for key, value in rule['set'].items():
                record.setdefault(key, value)
            if matcher.key == 'formatted':
                record['log.template'] = rule['shown']
        for rule in plain:
            if agrees(record, rule['where']):
                for key, value in rule['set'].items():
                    record.setdefault(key, value)
        if 'log.template' not in record:
            record['log.template'] = NUMBER.sub('*', record['formatted'].partition('\n')[0][:160])
        if copies:
            widened += [{**record, key: value} for key, value in copies]
        else:
            widened.append(record)
    return widened


def widen_within(records, rule):
    scopes, owners, stuck = {}, {}, {}
    for record in records:
        if not agrees(record, rule['where']):
            continue
        scope = tuple(record.get(key) for key in rule['scope'])
        sticky = record.get(rule['sticks_to'])
        if any(mark in rule['starts'] for mark in record['marks']):
            scopes[scope] = [(key, record.get(key)) for key in rule['gives']]
            owners[scope] = sticky
            continue
        given = scopes.get(scope)
        if owners.get(scope) != sticky and given is not None:
            given = stuck.setdefault((scope, sticky), given)
        for key, value in given or ():
            record.setdefault(key, value)
        if any(mark in rule['ends'] for mark in record['marks']):
            scopes.pop(scope, None)


def widen_carry(records, rule):
    things = {}
    key = rule['counts']
    for record in records:
        if not record['marks']:
            continue
        scope = tuple(record.get(key) for key in rule['scope'])
        if None in scope:
            continue
        attempts = things.setdefault(scope, [None, None])
        for mark in record['marks']:
            if mark in rule['begins']:
                attempts[:] = [None, 0]
            if mark in rule['tells']:
                if attempts[1] is not None:
                    record.setdefault(key, attempts[1])
                if key in record:
                    attempts[:] = [record[key], None]
            if mark in rule['current'] and attempts[0] is not None:
                record.setdefault(key, attempts[0])
            if mark in rule['ends'] and attempts[0] is not None:
                attempts[:] = [None, attempts[0] + 1]
            if mark in rule['next'] and attempts[1] is not None:
                record.setdefault(key, attempts[1])


def drop_twins(records, rule):
    first = {}
    kept = []
    for record in records:
        if agrees(record, rule['where']):
            identity = tuple(record.get(key) for key in rule['keys'])
            place = record['source.path']
            if None not in identity and first.setdefault(identity, place) != place:
                continue
        kept.append(record)
    return kept


def load_run(directory):
    name = os.path.basename(directory)
    records = []
    for path in glob.glob(f'{directory}/**/*.jsonlog', recursive=True):
        log = load(path)
        parts = os.path.relpath(path, directory).split('/')
        constants = {
            'source.input': sys.argv[1], 'source.run_dir': name, 'source.path': path, 'source.format': 'parsl_json_log',
            'source.log': LOGS.get(parts[-1].removesuffix('.jsonlog'), 'other'),
        }
        if len(parts) > 1:
            constants['parsl.executor'] = parts[0]
        if len(parts) == 4:
            constants.update({'parsl.block': parts[1][6:], 'parsl.manager': parts[2]})
        for record in log:
            record.update(constants)
            for key in ('parsl.task', 'parsl.try', 'parsl.executor_task'):
                if key in record:
                    record[key] = int(record[key])
        records += log
    return records


with open(sys.argv[2]) as file:
    rules = json.load(file)
matchers = {log: [Matcher(key, list(of_key)) for key, of_key in by_key.items()] for log, by_key in rules['texts'].items()}
watch = Watch()
records = [record for directory in sorted(glob.glob(f'{sys.argv[1]}/[0-9]*')) for record in load_run(directory)]
records = widen_by_texts(records, matchers, rules['plain'])
for rule in rules['within']:
    widen_within(records, rule)
for rule in rules['carry']:
    widen_carry(records, rule)
for rule in rules['distinct']:
    records = drop_twins(records, rule)
said = set().union(*records)
implications = [(keys, implied) for keys, gives in rules['imply'] if said.issuperset(keys) for implied in gives]
while any([widen_by_implication(records, keys, implied) for keys, implied in implications]):
    pass
watch.report(records)
