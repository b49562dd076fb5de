"""Reads a capture: frames of u32 length, u8 channel, f64 arrival time and payload, little-endian."""
import struct

HEADER = struct.Struct('<IBd')


def payloads(path):
    with open(path, 'rb') as f:
        data = f.read()
    found, at = [], 0
    while at < len(data):
        length, _, _ = HEADER.unpack_from(data, at)
        at += HEADER.size
        found.append(data[at:at + length])
        at += length
    return found
