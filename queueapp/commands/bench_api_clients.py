"""Programs that call the API over connections they keep: the clients of `bench calls`, `checkin`.

A process of its own, as light as can be: requests are written and answers read by hand. An order
comes as a line of JSON on standard input, what was measured goes as one to standard output.
"""

import json
import secrets
import socket
import sys
import threading
import time
from collections.abc import Generator
from typing import Any

Timing = tuple[str, float]
# Commands (name, path, token, body), each sent what the last was answered.
Plan = Generator[tuple[str, str, str, str], Any, None]
_READ = 65_536
# With these somebody's visit begins; one that has begun is ended, so that no room stays taken.
_FIRST = ("ticket", "check-in")


class Refusal(Exception):
    """An answer that is no success."""


class Wire:
    """One connection; `post` waits for the whole answer. Raises Refusal, OSError."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._rest = b""

    def post(self, path: str, token: str, body: str = "{}") -> Any:
        """One command, with an Idempotency-Key of its own; the answer's JSON, None for 204."""
        self._socket.sendall(
            f"POST /api/v1{path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n"
            f"Idempotency-Key: {secrets.token_hex(12)}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n{body}".encode()
        )
        while b"\r\n\r\n" not in self._rest:
            self._read()
        head, _, self._rest = self._rest.partition(b"\r\n\r\n")
        status = int(head[9:12])
        length = next(
            (int(line[15:]) for line in head.lower().split(b"\r\n")
             if line.startswith(b"content-length:")), 0,
        )  # fmt: skip
        while len(self._rest) < length:
            self._read()
        said, self._rest = self._rest[:length], self._rest[length:]
        if status >= 300:
            raise Refusal(f"POST {path}: {status} {said.decode()[:300]}")
        return json.loads(said) if said else None

    def _read(self) -> None:
        more = self._socket.recv(_READ)
        if not more:
            raise ConnectionError("the server closed the connection")
        self._rest += more


def check_ins(clinics: list[dict[str, Any]], number: int, of: int) -> Plan:
    """Each clinic's booked patients in turn say that they are here."""
    mine = [(one["token"], iter(one["bookings"][number::of])) for one in clinics]
    while mine:
        for one in [*mine]:
            booking = next(one[1], None)
            if booking is None:
                mine.remove(one)
            else:
                yield "check-in", f"/appointments/{booking}/check-in", one[0], "{}"


def visits(clinics: list[dict[str, Any]], number: int, of: int) -> Plan:
    """In each room of mine in turn: one comes, the next is called, comes in, and has been seen."""
    rooms = [(one, room) for one in clinics for room in one["rooms"]]
    n = 0
    while True:
        for clinic, room in rooms[number::of]:
            token, service = clinic["token"], ("gp", "nurse", "blood")[n % 3]
            n += 1
            yield "ticket", f"/sites/{clinic['slug']}/entries", token, f'{{"service":"{service}"}}'
            called = yield "call-next", f"/rooms/{room}/call-next", token, "{}"
            yield "start", f"/entries/{called['id']}/start", token, "{}"
            done = '{"resolution":"resolved"}'
            yield "finish", f"/entries/{called['id']}/finish", token, done


PLANS = {"checkin": check_ins, "calls": visits}


def work(order: dict[str, Any], number: int, timings: list[Timing], began: float) -> None:
    """One connection's commands until the time is over; `per_s` of all connections, 0 as many as
    can be."""
    wire, of = Wire(order["port"]), order["connections"]
    plan = PLANS[order["plan"]](order["clinics"], number, of)
    ends_at, every = began + order["seconds"], of / order["per_s"] if order["per_s"] else 0.0
    due, answer = began + number * every / of, None
    while True:
        try:
            name, path, token, body = plan.send(answer) if answer is not None else next(plan)
        except StopIteration:
            return
        if name in _FIRST and time.monotonic() >= ends_at:
            return
        if every:
            time.sleep(max(0.0, due - time.monotonic()))
            due += every
        sent_at = time.monotonic()
        answer = wire.post(path, token, body)
        timings.append((name, time.monotonic() - sent_at))


def run(order: dict[str, Any]) -> dict[str, Any]:
    """All connections at once; seconds it took and the time of each command in ms, by name."""
    timings: list[list[Timing]] = [[] for _ in range(order["connections"])]
    failed: list[str] = []
    began = time.monotonic()

    def one(number: int) -> None:
        try:
            work(order, number, timings[number], began)
        except Exception as error:
            failed.append(repr(error))

    threads = [threading.Thread(target=one, args=(n,)) for n in range(order["connections"])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took: dict[str, list[float]] = {}
    for name, seconds in (timing for mine in timings for timing in mine):
        took.setdefault(name, []).append(round(seconds * 1000, 3))
    return {"seconds": time.monotonic() - began, "took_ms": took, "failed": failed}


if __name__ == "__main__":
    for line in sys.stdin:
        print(json.dumps(run(json.loads(line))), flush=True)
