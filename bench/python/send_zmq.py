"""Sends a capture's payloads as Parsl's ZMQRadioSender does: a DEALER without high-water mark, one frame a message.

usage: send_zmq.py CAPTURE PORT COUNT [CURVE_DIR]
Prints {"sent", "seconds"} as JSON, after everything has left.
"""
import json
import sys
import time

import parsl.curvezmq as curvezmq
import zmq

from stream import payloads


def main():
    capture, port, count = sys.argv[1:4]
    messages, count = payloads(capture), int(count)
    context = curvezmq.ClientContext(cert_dir=sys.argv[4] if len(sys.argv) > 4 else None)
    socket = context.socket(zmq.DEALER)
    socket.set_hwm(0)
    socket.connect(f'tcp://127.0.0.1:{port}')
    start = time.perf_counter()
    for i in range(count):
        socket.send(messages[i % len(messages)])
    seconds = time.perf_counter() - start
    socket.close()
    context.term()
    print(json.dumps({'sent': count, 'seconds': seconds}))


main()
