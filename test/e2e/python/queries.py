"""What Parsl's own functions for notebooks answer about a database, as JSON. usage: queries.py FILE

Row numbers of nodes are left out, and rows are sorted: their order means nothing.
"""
import json
import sqlite3
import sys

import parsl.monitoring.queries.pandas as queries

db = sqlite3.connect(sys.argv[1])
found = []
for (run,) in db.execute('select run_id from workflow order by run_id').fetchall():
    tasks = [task for (task,) in db.execute('select task_id from task where run_id = ? order by task_id', (run,))]
    for name, function in sorted(vars(queries).items()):
        if not name.endswith(('_for_workflow', '_for_task')):
            continue
        for args in [(task,) for task in tasks] if name.endswith('_for_task') else [()]:
            frame = function(run, *args, db).drop(columns=['id'], errors='ignore')
            types = {column: str(kind) for column, kind in frame.dtypes.items()}
            found.append([run, name, args, types, sorted(map(str, frame.values.tolist()))])
json.dump(found, sys.stdout)
