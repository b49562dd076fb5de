"""The spool: a capture file for what could not be delivered.

Written as NAME.capture.tmp and renamed when it is complete, so whoever finds a *.capture finds all of it. It goes where the bridge
looks (spool_dir of the connection file), else beside the run. Bounded: what does not fit is counted and said, never half written.
"""
from __future__ import annotations

import os
import threading
from io import FileIO
from typing import Callable, Iterable, List, Optional, Sequence

from parsl_otel import capture
from parsl_otel.say import logger


class Spool:
    """At most one file, opened with the first frame. Its methods may be called from any thread."""

    def __init__(self, directories: Callable[[], Iterable[str]], name: Callable[[], str], bytes_max: int) -> None:
        self._directories = directories
        self._name = name
        self._bytes_max = bytes_max
        self._lock = threading.Lock()
        self._file: Optional[FileIO] = None
        self._broken = False
        self._bytes = 0
        self.kept = 0
        self.lost = 0

    def write(self, frames: Sequence[bytes]) -> bool:
        """Keep these frames; False if any of them was lost."""
        with self._lock:
            fitting: List[bytes] = []
            for frame in frames:
                if self._bytes + len(frame) > self._bytes_max:
                    break
                fitting.append(frame)
                self._bytes += len(frame)
            kept = len(fitting) if fitting and self._append(b''.join(fitting)) else 0
            self.kept += kept
            self.lost += len(frames) - kept
            return kept == len(frames)

    def close(self) -> Optional[str]:
        """Finish the file. Returns its path, or None if there is none."""
        with self._lock:
            if self._file is None:
                return None
            file, self._file, self._broken = self._file, None, True
            try:
                os.fsync(file.fileno())
                file.close()
                path: str = file.name[:-len('.tmp')]
                os.rename(file.name, path)
                return path
            except OSError as error:
                logger.error('Spool file %s could not be finished: %s', file.name, error)
                self.lost, self.kept = self.lost + self.kept, 0
                return None

    def _append(self, data: bytes) -> bool:
        if self._file is None and not self._broken:
            self._file = self._open()
            self._broken = self._file is None
        if self._file is None:
            return False
        before = self._file.tell()
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[self._file.write(rest):]
            return True
        except OSError as error:
            logger.error('Spool file %s takes no more: %s', self._file.name, error)
            self._file.truncate(before)
            self._file.seek(before)
            return False

    def _open(self) -> Optional[FileIO]:
        for directory in self._directories():
            path = os.path.join(directory, f'{self._name()}.capture.tmp')
            try:
                # Messages hold user names, paths and arguments of tasks: for the owner alone, like the connection file.
                return FileIO(path, 'xb', opener=lambda name, flags: os.open(name, flags, 0o600))
            except OSError as error:
                logger.info('No spool file in %s: %s', directory, error)
        logger.error('No directory to spool into. What cannot be delivered is lost.')
        return None


def sweep_maildir(run_dir: str, spool: Spool, now: float) -> List[str]:
    """Put the files of a filesystem radio that no bridge was ever told of into the spool.

    Returns the paths that are safe to remove once the spool is closed.
    """
    kept: List[str] = []
    directory = os.path.join(run_dir, 'monitor-fs-radio', 'new')
    try:
        paths = [entry.path for entry in os.scandir(directory) if entry.is_file()]
    except OSError:
        return kept  # No task ever sent anything.
    for path in paths:
        try:
            with open(path, 'rb') as file:
                content = file.read()
        except OSError as error:
            logger.warning('Radio file %s stays where it is: %s', path, error)
            continue
        if spool.write([capture.frame(capture.FILE, now, content)]):
            kept.append(path)
    return kept


def remove(paths: Iterable[str]) -> None:
    """Remove what sweep_maildir() has put into a spool that is closed now."""
    for path in paths:
        try:
            os.unlink(path)
        except OSError as error:
            logger.info('Radio file %s is gone or stays: %s', path, error)  # At worst a bridge reads it a second time.
