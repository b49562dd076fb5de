"""Capture frames: how messages are written one after another, in a request to the bridge and in a file.

    u32 length of the payload | u8 channel | f64 time of arrival, Unix seconds | payload        all little-endian

A sequence of frames needs no head and no end, so files can be joined and batches cut anywhere between two frames.
"""
from __future__ import annotations

import struct
import uuid
from typing import List, NamedTuple, Sequence, Tuple

MESSAGE = 3     # a pickle of (MessageType, dict), for blocks (MessageType, [dict]): what Parsl puts on its monitoring queue
FILE = 11       # a file of Parsl's filesystem radio, as it was written
RECORDS = 14    # wide records as NDJSON: what the plugin itself knows

_HEAD = struct.Struct('<IBd')


class Batch(NamedTuple):
    """Frames that travel together. The id lets the bridge drop a batch that it already has, when an answer was lost."""

    id: str
    frames: Tuple[bytes, ...]
    size: int


def frame(channel: int, arrived: float, payload: bytes) -> bytes:
    """One message as it came."""
    return _HEAD.pack(len(payload), channel, arrived) + payload


def batch(frames: Sequence[bytes]) -> Batch:
    """A new batch with an id of its own."""
    return Batch(uuid.uuid4().hex, tuple(frames), sum(map(len, frames)))


def halves(whole: Batch) -> List[Batch]:
    """For a batch that the bridge finds too large. One frame cannot be cut."""
    middle = len(whole.frames) // 2
    return [batch(whole.frames[:middle]), batch(whole.frames[middle:])] if middle else [whole]
