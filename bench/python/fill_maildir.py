"""Fills a maildir as Parsl's FilesystemRadioSender does: a file in tmp/, renamed into new/.

usage: fill_maildir.py CAPTURE RUN_DIR COUNT
"""
import os
import sys
import uuid

from stream import payloads


def main():
    capture, run_dir, count = sys.argv[1:]
    messages = payloads(capture)
    tmp, new = (f'{run_dir}/monitor-fs-radio/{name}' for name in ('tmp', 'new'))
    os.makedirs(tmp, exist_ok=True)
    os.makedirs(new, exist_ok=True)
    for i in range(int(count)):
        name = str(uuid.uuid4())
        with open(f'{tmp}/{name}', 'wb') as f:
            f.write(messages[i % len(messages)])
        os.rename(f'{tmp}/{name}', f'{new}/{name}')


main()
