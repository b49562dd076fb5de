"""Sends a capture's payloads as Parsl's UDPRadioSender does: HMAC-SHA512, then the pickle.

usage: send_udp.py CAPTURE PORT RATE SECONDS KEY_HEX    (RATE 0: as fast as it goes)
Prints {"sent", "seconds"} as JSON. The datagrams are made beforehand, so that sending is all it does.
"""
import hmac
import json
import socket
import sys
import time

from stream import payloads

BURST_MAX = 256


def main():
    capture, port, rate, seconds, key = sys.argv[1:]
    rate, seconds, key = float(rate), float(seconds), bytes.fromhex(key)
    # Parsl's receiver reads 2048 bytes at most.
    datagrams = [d for d in (hmac.digest(key, p, 'sha512') + p for p in payloads(capture)) if len(d) <= 2048]
    address = ('127.0.0.1', int(port))
    send = socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto
    sent, count = 0, len(datagrams)
    start = now = time.perf_counter()
    while now < start + seconds:
        due = min(int((now - start) * rate) - sent, BURST_MAX) if rate else BURST_MAX
        if due <= 0:
            time.sleep(0.0002)
        for i in range(sent, sent + due):
            send(datagrams[i % count], address)
        sent += max(due, 0)
        now = time.perf_counter()
    print(json.dumps({'sent': sent, 'seconds': now - start}))


main()
