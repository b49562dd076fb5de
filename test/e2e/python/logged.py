"""Runs tasks whose logs are held against what this script itself knows of them: flaky, failing, dependent and joined ones.

It writes what it knows to --expect: each task with its app and key, each try with the executor's number of it, as submit()
returned it, and when and in which process the body ran, as the body wrote it down. No log is read.
"""

import argparse
import json
import os
import threading

import parsl
from parsl import join_app, python_app
from parsl.config import Config
from parsl.providers import LocalProvider


@python_app(executors=["logged"])
def relax(key, directory, mode, *after, parsl_resource_specification={}):
    import logging
    import os
    import time

    began = time.time()
    attempts = os.path.join(directory, "attempts-" + key.replace("#", "-"))
    with open(attempts, "a") as file:
        file.write("x")
    attempt = os.path.getsize(attempts)
    logging.getLogger("science").warning("begin %s execution %d, some with Task 1 try 0 in them", key, attempt)
    time.sleep(0.02)
    with open(os.path.join(directory, "executions"), "a") as file:
        file.write(f"{key} {os.getpid()} {began} {time.time()} {os.path.basename(os.getcwd())}\n")
    if mode == "fail" or (mode == "flaky" and attempt == 1):
        raise ValueError(f"{key} did not converge\n  detail: Task 3 was not at fault")
    return key


@join_app
def elect(keys, directory, specification):
    return [relax(key, directory, "ok", parsl_resource_specification=specification) for key in keys]


def executor_of(name):
    if name == "workqueue":
        from parsl.executors import WorkQueueExecutor

        provider = LocalProvider(init_blocks=1, min_blocks=1, max_blocks=1)
        return WorkQueueExecutor(label="logged", port=0, full_debug=True, provider=provider)
    from parsl.executors import HighThroughputExecutor

    return HighThroughputExecutor(
        label="logged", address="127.0.0.1", max_workers_per_node=2, worker_debug=True, encrypted=False,
        provider=LocalProvider(init_blocks=1, min_blocks=1, max_blocks=1),
    )


def main():
    args = argparse.ArgumentParser()
    args.add_argument("--executor", default="htex")
    args.add_argument("--json", action="store_true")
    args.add_argument("--run-dir", required=True)
    args.add_argument("--expect", required=True)
    args = args.parse_args()
    executor = executor_of(args.executor)
    submit, submitted, lock = executor.submit, {}, threading.Lock()

    def watched(function, specification, *given, **named):
        future = submit(function, specification, *given, **named)
        with lock:
            submitted.setdefault(given[0], []).append(future.parsl_executor_task_id)
        return future

    executor.submit = watched
    options = {"retries": 1, "run_dir": args.run_dir, "executors": [executor], "strategy": "none"}
    if args.json:
        from parsl.logconfigs.json import JSONLogging

        options["initialize_logging"] = JSONLogging()
    directory = os.path.dirname(os.path.abspath(args.expect))
    specification = {"cores": 1, "memory": 100, "disk": 100} if args.executor == "workqueue" else {}
    with parsl.load(Config(**options)) as dfk:
        named = {"parsl_resource_specification": specification}
        modes = ["ok", "flaky", "ok", "fail"]
        futures = [relax(f"relax#{n}", directory, modes[n % 4], **named) for n in range(16)]
        futures += [relax(f"after#{n}", directory, "ok", futures[n], futures[n + 1], **named) for n in range(4)]
        joined = elect([f"relax#{n}" for n in range(100, 103)], directory, specification)
        for future in [*futures, joined]:
            future.exception()
        keys = [(future.tid, future.task_record["func_name"]) for future in futures]
        run_id = dfk.run_id
    executions = {}
    with open(os.path.join(directory, "executions")) as file:
        for key, pid, began, ended, where in map(str.split, file):
            # Work Queue runs each task in a directory that its own number names: t.7
            sandbox = {"sandbox": where} if where.startswith("t.") else {}
            executions.setdefault(key, []).append({"pid": int(pid), "t": float(began), "t_end": float(ended), **sandbox})
    known = [f"relax#{n}" for n in range(16)] + [f"after#{n}" for n in range(4)]
    expected = [
        {"task": task, "app": app, "key": key, "tries": [
            {"try": number, "executor": "logged", "executor_task": submitted[key][number],
             "executions": executions.get(key, [])[number:number + 1]}
            for number in range(len(submitted.get(key, [])))
        ]}
        for (task, app), key in zip(keys, known)
    ]
    with open(args.expect, "w") as file:
        json.dump({"run_id": run_id, "tasks": expected}, file)


if __name__ == "__main__":
    main()
