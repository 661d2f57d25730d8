"""Screens that come and go while a clinic works: what each was shown, in what order, how soon."""

import asyncio
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from random import Random
from typing import Any

import requests
import socketio
import sqlalchemy as sa

from queueapp.commands.replay_screens import Screen, tickets_called
from queueapp.db.models import QueueEntry, Visit
from queueapp.domain.visit import OPEN_STATES
from tests.faults.clinic import Clinic
from tests.served import Served

# A lobby that was there for this long after a call must have shown it.
SHOWN_WITHIN_S = 5.0
LET_IN_WITHIN_S = 20.0
CUT_EVERY_S = 1.0
CUT_SHARE = 0.2


@dataclass(frozen=True, slots=True)
class Seen:
    """What the viewers saw amiss; `back_s` are the seconds from each return to being right."""

    viewers: int
    events: int
    returns: int
    went_back: int
    unshown: list[str]
    wrong_at_the_end: list[str]
    back_s: list[float]

    @property
    def is_clean(self) -> bool:
        return not (self.went_back or self.unshown or self.wrong_at_the_end)


class Viewer(Screen):
    """A screen that keeps what each channel last said, and when it was connected.

    `newest` is, by channel, the newest that any viewer was shown.
    """

    def __init__(self, want: str, newest: dict[str, int]) -> None:
        super().__init__(time.monotonic)
        self.want, self.last = want, dict[str, dict[str, Any]]()
        self.spells: list[list[float]] = []
        self.back_s: list[float] = []
        self._newest, self._behind = newest, 0
        self._socket.on("disconnect", self._gone)

    async def cut(self) -> None:
        """As a network would: the connection is gone, and the library comes back by itself."""
        with suppress(Exception):
            await self._socket.eio.ws.close()

    def was_there(self, at: float) -> bool:
        """Whether it was connected from `at` for long enough to have been told."""
        return any(began < at and at + SHOWN_WITHIN_S < ended for began, ended in self.spells)

    async def _connected(self) -> None:
        await super()._connected()
        self.spells.append([time.monotonic(), float("inf")])
        self._behind = self._newest.get(self.want, 0)

    async def _gone(self, *_: Any) -> None:
        if self.spells:
            self.spells[-1][1] = min(self.spells[-1][1], time.monotonic())

    async def _update(self, content: dict[str, Any]) -> None:
        await super()._update(content)
        channel, seq = content["channel"], content["seq"]
        self.last[channel] = {k: v for k, v in content.items() if k not in ("seq", "sent_at")}
        self._newest[channel] = max(seq, self._newest.get(channel, 0))
        if channel == self.want and self._behind and seq >= self._behind:
            if len(self.spells) > 1:
                self.back_s.append(time.monotonic() - self.spells[-1][0])
            self._behind = 0


def watch(
    clinic: Clinic,
    served: Served | None,
    viewers: int,
    events: int,
    *,
    seed: int = 0,
    settles_within_s: float = 20.0,
) -> Seen:
    """`viewers` look on, a fifth of them cut off each second, until so much was acknowledged.

    A web process of `served` is killed in the middle. At the end all screens have
    `settles_within_s` to show what the database has.
    """
    watching = _watch(clinic, served, viewers, events, Random(seed), settles_within_s)
    # A loop of its own: a browser's may be running in this thread.
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, watching).result()


async def _watch(
    clinic: Clinic,
    served: Served | None,
    viewers: int,
    events: int,
    dice: Random,
    settles_within_s: float,
) -> Seen:
    newest: dict[str, int] = {}
    names = [f"{kind}:{clinic.slug}" for kind in ("lobby", "desk", "line")]
    screens = [Viewer(names[n % len(names)], newest) for n in range(viewers)]
    # One who is on the way is not called: that phone's link stays good.
    with requests.Session() as http:
        path, body = f"/sites/{clinic.slug}/entries", {"service": "gp", "presence": "on_the_way"}
        phone = await asyncio.to_thread(clinic.take, http, path, body)
    await _open(clinic, screens, phone)
    began, is_whole = clinic.acknowledged, served is None
    with clinic.at_work():
        while clinic.acknowledged - began < events and not clinic.unanswered:
            if served and not is_whole and clinic.acknowledged - began > events / 2:
                dice.choice(served.web_processes()).kill()
                is_whole = True
            cut = dice.sample(screens, max(1, round(len(screens) * CUT_SHARE)))
            await asyncio.gather(*(one.cut() for one in cut))
            await asyncio.sleep(CUT_EVERY_S)
    wrong = list(clinic.unanswered) + await _settled(
        clinic, screens, phone, names, settles_within_s
    )
    seen = Seen(
        viewers, clinic.acknowledged - began, sum(len(s.spells) - 1 for s in screens),
        sum(s.went_back for s in screens), _unshown(clinic, screens), wrong,
        sorted(b for s in screens for b in s.back_s),
    )  # fmt: skip
    await asyncio.gather(*(s.close() for s in screens))
    return seen


async def _open(clinic: Clinic, screens: Iterable[Viewer], phone: str) -> None:
    for screen in screens:
        token = phone if screen.want.startswith("line") else clinic.token
        deadline = time.monotonic() + LET_IN_WITHIN_S
        while not screen.is_up:
            # A web process that was killed is not back at once.
            with suppress(socketio.exceptions.ConnectionError):
                await screen.open(clinic.url, {"token": token, "want": [screen.want]})
            assert time.monotonic() < deadline, f"{screen.want} was not let in"


def _unshown(clinic: Clinic, screens: list[Viewer]) -> list[str]:
    lobbies = [s for s in screens if s.want.startswith("lobby")]
    return [
        f"{ticket} in lobby {n}"
        for sent_at, ticket in clinic.calls
        for n, lobby in enumerate(lobbies)
        if lobby.was_there(sent_at) and ticket not in lobby.seen
    ]


async def _settled(
    clinic: Clinic, screens: list[Viewer], phone: str, names: list[str], within_s: float
) -> list[str]:
    """What differs from a screen that was opened just now, and that one from the database."""
    fresh = [Viewer(name, {}) for name in names]
    await _open(clinic, fresh, phone)
    deadline = time.monotonic() + within_s
    while (wrong := _wrong(clinic, screens, fresh)) and time.monotonic() < deadline:
        await asyncio.sleep(0.2)
    await asyncio.gather(*(s.close() for s in fresh))
    return wrong


def _wrong(clinic: Clinic, screens: list[Viewer], fresh: list[Viewer]) -> list[str]:
    right = {one.want: one.last.get(one.want) for one in fresh}
    wrong = [
        f"{s.want} of viewer {n} is not as opened anew"
        for n, s in enumerate(screens)
        if s.last.get(s.want) != right[s.want] or right[s.want] is None
    ]
    with clinic.database.read() as session:
        of_site = QueueEntry.site_id == clinic.site_id
        tickets = sa.select(Visit.ticket).join(QueueEntry).where(of_site)
        waiting = set(session.scalars(tickets.where(QueueEntry.state.in_(OPEN_STATES))))
        called = tickets.where(QueueEntry.called_at.is_not(None))
        last = set(session.scalars(called.order_by(QueueEntry.called_at.desc()).limit(3)))
    for name, content in right.items():
        if content and name.startswith("line"):
            column = content["columns"].index("ticket")
            if {row[column] for row in content["rows"]} != waiting:
                wrong.append("the line is not the database's")
        if content and name.startswith("lobby") and not last <= set(tickets_called(content)):
            wrong.append(f"the lobby lacks {last - set(tickets_called(content))}")
    return wrong
