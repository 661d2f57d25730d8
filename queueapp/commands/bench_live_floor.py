"""The floor of a broadcast: an epoll loop that writes the same bytes to every connection.

`python -m queueapp.commands.bench_live_floor FILE` prints its port, then sends the frame whose
payload FILE holds, with each number read from standard input in the place of its `seq`.
"""

import os
import re
import select
import socket
import sys
from pathlib import Path


def frame(payload: bytes) -> bytes:
    """A server's text frame."""
    size = len(payload)
    if size < 126:
        return bytes([0x81, size]) + payload
    if size < 1 << 16:
        return b"\x81\x7e" + size.to_bytes(2, "big") + payload
    return b"\x81\x7f" + size.to_bytes(8, "big") + payload


def serve(payload: bytes) -> None:
    """Broadcast until standard input ends."""
    before, after = re.split(rb'(?<="seq":)\d+', payload, maxsplit=1)
    door = socket.create_server(("127.0.0.1", 0), backlog=1024)
    door.setblocking(False)
    poll, orders = select.epoll(), sys.stdin.fileno()
    poll.register(door.fileno(), select.EPOLLIN)
    poll.register(orders, select.EPOLLIN)
    wires: dict[int, socket.socket] = {}
    late: dict[int, bytes] = {}
    print(door.getsockname()[1], flush=True)
    while True:
        for handle, _ in poll.poll():
            if handle == door.fileno():
                wire, _ = door.accept()
                wire.setblocking(False)
                wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                wires[wire.fileno()] = wire
                poll.register(wire.fileno(), 0)
            elif handle == orders:
                said = os.read(orders, 1 << 16).split()
                if not said:
                    return
                for seq in said:
                    data = frame(before + seq + after)
                    for to, wire in wires.items():
                        _send(poll, late, to, wire, data)
            elif handle in late:
                _send(poll, late, handle, wires[handle], b"")
            else:
                poll.unregister(handle)
                wires.pop(handle).close()


def _send(
    poll: select.epoll, late: dict[int, bytes], to: int, wire: socket.socket, data: bytes
) -> None:
    waited = late.pop(to, b"")
    data = waited + data
    try:
        sent = wire.send(data)
    except BlockingIOError:
        sent = 0
    except OSError:
        return
    if sent < len(data):
        late[to] = data[sent:]
    if bool(waited) != (sent < len(data)):
        poll.modify(to, 0 if waited else select.EPOLLOUT)


if __name__ == "__main__":
    serve(Path(sys.argv[1]).read_bytes())
