"""Drives a running server as a day's patients and clinicians, each on their own."""

import asyncio
import time
import uuid
from collections.abc import Callable
from datetime import datetime
from typing import Any

import aiohttp

from queueapp.commands.demo_log import ticket_class
from queueapp.commands.history_names import slug_of
from queueapp.commands.replay_day import Job, Plan
from queueapp.commands.replay_ledger import FINAL, Ledger, Summons, Taken
from queueapp.commands.replay_screens import Phones

_TRIES = 40
_RETRY_S = 0.25
# As fast as it will go, patients still come no further ahead of the clinicians than this, by the
# log's clock: else everyone would be waiting before the first one is called.
_AHEAD_S = 600.0


class ServerError(Exception):
    """The server answered as it should not; the message says to what."""


class Api:
    """The HTTP API with a manager's token; every POST carries its own Idempotency-Key."""

    def __init__(self, http: aiohttp.ClientSession, url: str, token: str) -> None:
        self._http, self._base = http, f"{url.rstrip('/')}/api/v1"
        self._headers = {"Authorization": f"Bearer {token}"}
        self.retries = 0

    async def get(self, path: str) -> Any:
        """The answer's JSON. Raises ServerError."""
        async with self._http.get(self._base + path, headers=self._headers) as answer:
            if answer.status != 200:
                raise ServerError(f"GET {path}: {answer.status} {await answer.text()}")
            return await answer.json()

    async def post(self, path: str, body: dict[str, Any], *may: int) -> tuple[int, Any]:
        """Status and JSON; repeated with the same key while the server cannot be reached.

        Raises ServerError for a status above 299 that is not among `may`.
        """
        headers = {**self._headers, "Idempotency-Key": uuid.uuid4().hex}
        for attempt in range(_TRIES):
            try:
                url = self._base + path
                async with self._http.post(url, json=body, headers=headers) as answer:
                    if answer.status < 500:
                        found = (
                            await answer.json(content_type=None) if answer.status != 204 else None
                        )
                        if answer.status > 299 and answer.status not in may:
                            raise ServerError(f"POST {path}: {answer.status} {found}")
                        return answer.status, found
                    problem = f"{answer.status} {await answer.text()}"
            except (aiohttp.ClientError, TimeoutError) as error:
                problem = repr(error)
            self.retries += 1
            await asyncio.sleep(_RETRY_S * min(attempt + 1, 4))
        raise ServerError(f"POST {path}: {problem}")


class Driver:
    """One replay. `rooms` are room ids by clinician; `speed` 0 is as fast as it will go."""

    def __init__(
        self,
        api: Api,
        site: str,
        plan: Plan,
        rooms: dict[str, int],
        ledger: Ledger,
        phones: Phones,
        speed: float,
        advance: Callable[[], None],
    ) -> None:
        self._api, self._site, self._plan, self._rooms = api, site, plan, rooms
        self._ledger, self._phones, self._speed, self._advance = ledger, phones, speed, advance
        self._arrived = [asyncio.Event() for _ in plan.rows]
        self._entries: list[Taken | None] = [None] * len(plan.rows)
        self._begun = [False] * len(plan.starts)
        self._low = 0
        self._moved_on = asyncio.Event()
        self._t0 = 0.0
        self.empty_calls = 0
        self.left_too_late = 0

    async def run(self) -> None:
        """The whole day, then clinicians go on until nobody is left whom they may call."""
        self._t0 = time.monotonic()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._patients())
            for name, jobs in self._plan.jobs.items():
                group.create_task(self._clinician(name, jobs))
        async with asyncio.TaskGroup() as group:
            for name in self._rooms:
                group.create_task(self._drain(name))

    async def _patients(self) -> None:
        for move in self._plan.moves:
            await self._until(move.at)
            if move.is_arrival:
                await self._arrive(move.row)
            else:
                await self._leave(move.row)
            self._advance()

    async def _arrive(self, row: int) -> None:
        log = self._plan.rows[row]
        slug = slug_of(log.service)
        body = {"service": slug, "class": ticket_class(log.entry_class)}
        _, found = await self._api.post(f"/sites/{self._site}/entries", body)
        due_by = datetime.fromisoformat(found["due_by"])
        entry = Taken(found["id"], found["ticket"], slug, due_by, time.monotonic())
        self._entries[row] = entry
        self._ledger.acknowledge(entry)
        self._phones.follow(entry.ticket, found["visit_token"])
        self._arrived[row].set()

    async def _leave(self, row: int) -> None:
        entry = self._entries[row]
        if entry is None or entry.touched_at is not None:
            self.left_too_late += 1  # Called earlier than in the log, so seen instead.
            return
        entry.touch(time.monotonic())
        path = f"/entries/{entry.entry_id}/leave"
        status, found = await self._api.post(path, {"reason": "waited_too_long"}, 409)
        if status == 409:
            self.left_too_late += 1
        else:
            self._ended(entry, found["state"])

    async def _clinician(self, name: str, jobs: tuple[Job, ...]) -> None:
        for job in jobs:
            await self._until(job.at, job.after)
            entry_id = await self._call_next(name)
            self._begin(job.number)
            if entry_id is None:
                self.empty_calls += 1
            else:
                length = job.length.total_seconds() / self._speed if self._speed else 0.0
                await self._see(entry_id, length)
            self._advance()

    async def _drain(self, name: str) -> None:
        while (entry_id := await self._call_next(name)) is not None:
            await self._see(entry_id, 0.0)

    async def _call_next(self, name: str) -> int | None:
        sent = time.monotonic()
        status, found = await self._api.post(f"/rooms/{self._rooms[name]}/call-next", {})
        if status == 204:
            return None
        summons = Summons(sent, time.monotonic(), name, found["id"], found["ticket"])
        self._ledger.called(summons)
        return summons.entry_id

    async def _see(self, entry_id: int, length: float) -> None:
        status, _ = await self._api.post(f"/entries/{entry_id}/start", {}, 409)
        if status == 409:
            return  # Left in the moment of being called.
        if length:
            await asyncio.sleep(length)
        _, found = await self._api.post(f"/entries/{entry_id}/finish", {"resolution": "resolved"})
        known = self._ledger.taken.get(entry_id)
        if known is not None:
            self._ended(known, found["state"])

    def _ended(self, entry: Taken, state: str) -> None:
        entry.state = state
        if state in FINAL:
            self._phones.ended(entry.ticket)

    async def _until(self, at: datetime, arrivals: int | None = None) -> None:
        """Wait for the moment; as fast as it will go, for what the log had happen before."""
        if self._speed:
            since = (at - self._plan.moves[0].at).total_seconds() / self._speed
            await asyncio.sleep(max(0.0, self._t0 + since - time.monotonic()))
        if arrivals is not None:
            if arrivals:
                await self._arrived[arrivals - 1].wait()
            return
        if not self._speed:
            starts = self._plan.starts
            while self._low < len(starts) and (at - starts[self._low]).total_seconds() > _AHEAD_S:
                self._moved_on.clear()
                await self._moved_on.wait()

    def _begin(self, number: int) -> None:
        self._begun[number] = True
        while self._low < len(self._begun) and self._begun[self._low]:
            self._low += 1
        self._moved_on.set()
