"""The screens of a replay: lobbies and phones on Socket.IO, noting when each call was seen."""

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from typing import Any

import socketio

from queueapp.commands.replay_ledger import Summons

_AT_ONCE = 8
# As long as a browser waits to be let in.
_LET_IN_WITHIN_S = 20
_IN_ROOM = ("called", "in_service")


class _Json:
    """JSON that is read once for all sockets that receive the same bytes."""

    dumps = staticmethod(json.dumps)

    @staticmethod
    @lru_cache(maxsize=64)
    def loads(text: str, **_: Any) -> Any:
        """The value; shared, so never changed."""
        return json.loads(text)


class _Socket(socketio.AsyncClient):
    """A client that waits as long when it comes back: the library's own then gives up after 1 s,
    so that many who come back at once to a busy server would never all be let in.
    """

    async def connect(self, *args: Any, **options: Any) -> None:
        await super().connect(*args, **{"wait_timeout": _LET_IN_WITHIN_S, **options})


class Screen:
    """One socket; `seen` is when each ticket was first shown as called."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.seen: dict[str, float] = {}
        self.connected_at = 0.0
        self.connects = 0
        self.updates = 0
        self.went_back = 0
        self._seqs: dict[str, int] = {}
        self._socket = _Socket(json=_Json, reconnection_delay_max=1, logger=False)
        self._socket.on("connect", self._connected)
        self._socket.on("update", self._update)

    async def open(self, url: str, auth: dict[str, Any]) -> None:
        """Connect. Raises ConnectionError when the server does not let it in."""
        await self._socket.connect(url, transports=["websocket"], auth=auth)
        self.connected_at = self._clock()

    @property
    def is_up(self) -> bool:
        """Whether it is connected now."""
        return bool(self._socket.connected)

    async def close(self) -> None:
        """Disconnect."""
        with suppress(Exception):
            await self._socket.disconnect()

    async def _connected(self) -> None:
        self.connects += 1

    async def _update(self, content: dict[str, Any]) -> None:
        now = self._clock()
        self.updates += 1
        channel, seq = str(content.get("channel")), int(content.get("seq") or 0)
        self.went_back += seq < self._seqs.get(channel, 0)
        self._seqs[channel] = seq
        for ticket in tickets_called(content):
            self.seen.setdefault(ticket, now)


def tickets_called(content: dict[str, Any]) -> list[str]:
    """The tickets that a lobby's or a line's content shows as called (or gone in)."""
    if "calls" in content:
        return [c["ticket"] for c in content["calls"] if not c.get("withdrawn")]
    if "rows" in content and "columns" in content:
        ticket, state = (content["columns"].index(name) for name in ("ticket", "state"))
        rows = content["rows"]
        return [r[ticket] for r in rows if r[state] in _IN_ROOM and r[ticket]]
    return []


class Phones:
    """At most `most` phones; one whose visit has ended is used again for the next visit."""

    def __init__(self, url: str, most: int, clock: Callable[[], float]) -> None:
        self._url, self._most, self._clock = url, most, clock
        self._gate = asyncio.Semaphore(_AT_ONCE)
        self._tasks: set[asyncio.Task[None]] = set()
        self._phones: dict[str, Screen] = {}
        self._ended: list[str] = []
        self.retired: list[tuple[str, Screen]] = []
        self.refused = 0

    def follow(self, ticket: str, token: str) -> None:
        """Open the visit's link on a phone, while there is one to spare."""
        free = None
        if len(self._phones) >= self._most:
            if not self._ended:
                return
            free = self._ended.pop(0)
        old = self._phones.pop(free) if free else None
        if free and old:
            self.retired.append((free, old))
        phone = self._phones[ticket] = Screen(self._clock)
        task = asyncio.create_task(self._swap(old, phone, token))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def ended(self, ticket: str) -> None:
        """The visit is over; its phone stays open until another visit needs one."""
        if ticket in self._phones:
            self._ended.append(ticket)

    def all(self) -> list[tuple[str, Screen]]:
        """Every phone there was, by its visit's ticket."""
        return [*self.retired, *self._phones.items()]

    def in_use(self) -> list[Screen]:
        """The phones that are still out."""
        return list(self._phones.values())

    async def settle(self) -> None:
        """Wait for phones that are still connecting."""
        await asyncio.gather(*self._tasks)

    async def close(self) -> None:
        """Put all phones away."""
        await self.settle()
        await asyncio.gather(*(phone.close() for phone in self._phones.values()))

    async def _swap(self, old: Screen | None, phone: Screen, token: str) -> None:
        async with self._gate:
            if old is not None:
                await old.close()
            try:
                await phone.open(self._url, {"token": token})
            except Exception:  # whatever the library raises, it is a phone that did not get in
                self.refused += 1


def lobby_latencies(calls: list[Summons], lobbies: list[Screen]) -> list[float]:
    """Seconds from a call-next's sending to each lobby's showing it."""
    return [
        lobby.seen[c.ticket] - c.sent_at
        for c in calls
        for lobby in lobbies
        if c.ticket in lobby.seen
    ]


def phone_latencies(calls: list[Summons], phones: list[tuple[str, Screen]]) -> list[float]:
    """Seconds from a call-next's sending to the visit's own phone showing it."""
    by_ticket = {c.ticket: c for c in calls}
    found = []
    for ticket, phone in phones:
        call = by_ticket.get(ticket)
        if call and 0 < phone.connected_at < call.sent_at and ticket in phone.seen:
            found.append(phone.seen[ticket] - call.sent_at)
    return found
