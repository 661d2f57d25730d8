"""A clinic that programs keep busy from outside, and what it acknowledged to them."""

import itertools
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import requests
import sqlalchemy as sa

from queueapp.db.models import Appointment, Call, QueueEntry, Site, Visit, VisitEvent
from queueapp.db.session import Database
from queueapp.domain.actor import Role
from queueapp.domain.visit import AppointmentState, EntryState
from tests import factories

PATIENCE_S = 60.0
_FAR = {EntryState.WAITING: 0, EntryState.CALLED: 1, EntryState.IN_SERVICE: 2,
        EntryState.FINISHED: 3}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was acknowledged, and what is wrong with what is left of it; both lists must be empty.

    `acknowledged` counts tickets, bookings, check-ins, calls, starts and ends.
    """

    acknowledged: int
    missing: list[str]
    doubled: list[str]

    @property
    def is_clean(self) -> bool:
        return not self.missing and not self.doubled


@dataclass
class Clinic:
    """A clinic of its own in a served database; `work` is what one room's programs do.

    Every request carries a key and is sent until it is answered, so that each has one effect.
    """

    url: str
    database: Database
    rooms: int = 3
    booked: int = 40
    slug: str = field(default_factory=lambda: f"clinic-{secrets.token_hex(4)}")
    tickets: dict[int, str] = field(default_factory=dict)
    states: dict[int, EntryState] = field(default_factory=dict)
    bookings: dict[int, AppointmentState] = field(default_factory=dict)
    calls: list[tuple[float, str]] = field(default_factory=list)
    unanswered: list[str] = field(default_factory=list)
    acknowledged: int = 0

    def __post_init__(self) -> None:
        now = datetime.now(UTC)
        settings = factories.turning_far_off(now)
        with self.database.write() as s:
            site = factories.make_site(s, self.slug, settings=settings, timezone="UTC")
            service = factories.make_service(s, site, "GP", slug="gp")
            rooms = [factories.make_room(s, site) for _ in range(self.rooms)]
            doctors = [factories.make_clinician(s, [service]) for _ in rooms]
            for who, room in zip(doctors, rooms, strict=True):
                factories.make_shift(s, site, who, room, now=now, hours=11)
            others = factories.make_clinician(s, [service])
            rows = [self._row(site.id, service.id, others.id, now, n) for n in range(self.booked)]
            s.add_all(rows)
            s.flush()
            self.site_id = site.id
            self.room_ids = {room.id: who.id for room, who in zip(rooms, doctors, strict=True)}
            self.bookings = {row.id: row.state for row in rows}
            _, self.token = factories.make_api_token(s, site, Role.MANAGER)
        self._come = iter(list(self.bookings))
        # Every booking made has a time of its own, on a day to come.
        self._begins, self._quarters = now + timedelta(days=1), itertools.count()
        self._lock, self._over = threading.Lock(), threading.Event()

    def _row(
        self, site_id: int, service_id: int, clinician_id: int, now: datetime, n: int
    ) -> Appointment:
        """One of many booked for now with a doctor who is not there; others see them."""
        until = now + timedelta(minutes=10)
        return Appointment(
            site_id=site_id, service_id=service_id, clinician_id=clinician_id,
            lane_from=n, lane_to=n + 1, code=f"{self.slug[-8:]}{n}",
            state=AppointmentState.BOOKED, starts_at=now, ends_at=until, busy_from=now,
            busy_to=until, created_at=now,
        )  # fmt: skip

    @contextmanager
    def at_work(self, pause_s: float = 0.0) -> Iterator[None]:
        """Programs are at work in every room until the end of the block, and then have ended."""
        rooms = [
            threading.Thread(target=self._work, args=(room_id, pause_s), daemon=True)
            for room_id in self.room_ids
        ]
        self._over.clear()
        for room in rooms:
            room.start()
        try:
            yield
        finally:
            self._over.set()
            for room in rooms:
                room.join()

    def _work(self, room_id: int, pause_s: float) -> None:
        with requests.Session() as http:
            http.trust_env = False
            while not self._over.is_set():
                try:
                    self.round(http, room_id)
                except Unanswered as what:
                    self.unanswered.append(str(what))
                    return
                time.sleep(pause_s)

    def round(self, http: requests.Session, room_id: int) -> None:
        """One books for another day, one checks in, one walks in, and the room sees who is next."""
        with self._lock:
            at = self._begins + timedelta(minutes=15 * next(self._quarters))
            comes = next(self._come, None)
        wanted = {
            "service": "gp", "starts_at": at.isoformat(), "clinician": self.room_ids[room_id],
            "override": "outside the hours",
        }  # fmt: skip
        booked = self.send(http, f"/sites/{self.slug}/appointments", wanted)["id"]
        self._note(lambda: self.bookings.__setitem__(booked, AppointmentState.BOOKED))
        if comes is not None:
            self._took(self.send(http, f"/appointments/{comes}/check-in", {}))
            self.bookings[comes] = AppointmentState.CHECKED_IN
        self._took(self.send(http, f"/sites/{self.slug}/entries", {"service": "gp"}))
        for _ in range(2):
            sent_at = time.monotonic()
            called = self.send(http, f"/rooms/{room_id}/call-next", {})
            if not called:
                return
            entry = called["id"]
            self.calls.append((sent_at, called["ticket"]))
            self._note(lambda e=entry: self.states.__setitem__(e, EntryState.CALLED))
            for verb, state in (("start", EntryState.IN_SERVICE), ("finish", EntryState.FINISHED)):
                self.send(http, f"/entries/{entry}/{verb}", {})
                self._note(lambda e=entry, s=state: self.states.__setitem__(e, s))

    def send(self, http: requests.Session, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """The answer to a command, sent again with the same key until there is one."""
        headers = {
            "Authorization": f"Bearer {self.token}", "Idempotency-Key": secrets.token_hex(12),
        }  # fmt: skip
        deadline, last = time.monotonic() + PATIENCE_S, "nothing"
        while time.monotonic() < deadline:
            try:
                answer = http.post(
                    f"{self.url}/api/v1{path}", json=body, headers=headers, timeout=PATIENCE_S / 2
                )
            except requests.RequestException as error:
                last = repr(error)
            else:
                if answer.status_code in (200, 201):
                    found: dict[str, Any] = answer.json()
                    return found
                if answer.status_code == 204:
                    return {}
                last = f"{answer.status_code} {answer.text[:300]}"
                if answer.status_code not in (502, 503):
                    break
            time.sleep(0.05)
        raise Unanswered(f"{path}: {last}")

    def take(self, http: requests.Session, path: str, body: dict[str, Any]) -> str:
        """Take a ticket; its phone link's token."""
        http.trust_env = False
        taken = self.send(http, path, body)
        self._took(taken)
        token: str = taken["visit_token"]
        return token

    def _took(self, taken: dict[str, Any]) -> None:
        self._note(lambda: self.tickets.__setitem__(taken["id"], taken["ticket"]))
        # Another room may have called it already.
        self.states.setdefault(taken["id"], EntryState.WAITING)

    def _note(self, what: Callable[[], Any]) -> None:
        with self._lock:
            what()
            self.acknowledged += 1

    def judge(self) -> Verdict:
        """Look in the database for all that was acknowledged."""
        with self.database.read() as s:
            of_site = {"site_id": self.site_id}
            entries = {
                entry: (state, ticket)
                for entry, state, ticket in s.execute(
                    sa.select(QueueEntry.id, QueueEntry.state, Visit.ticket)
                    .join(Visit, Visit.id == QueueEntry.visit_id)
                    .where(QueueEntry.site_id == self.site_id)
                )
            }
            bookings = dict(
                s.execute(sa.select(Appointment.id, Appointment.state).filter_by(**of_site)).all()
            )
            called = list(
                s.scalars(
                    sa.select(Call.entry_id)
                    .join(QueueEntry, QueueEntry.id == Call.entry_id)
                    .where(QueueEntry.site_id == self.site_id)
                )
            )
            seqs = s.scalar(
                sa.select(sa.func.count(VisitEvent.seq.distinct())).filter_by(**of_site)
            )
            seq = s.get_one(Site, self.site_id).seq
        missing = list(self.unanswered)
        for entry, state in self.states.items():
            found = entries.get(entry)
            if found is None or _FAR[found[0]] < _FAR[state]:
                missing.append(f"entry {entry} was {state}, is {found and found[0]}")
            elif entry in self.tickets and found[1] != self.tickets[entry]:
                missing.append(f"ticket {self.tickets[entry]} is {found[1]}")
            elif _FAR[state] and entry not in called:
                missing.append(f"the call of entry {entry}")
        for booking, wanted in self.bookings.items():
            is_there = bookings.get(booking)
            if is_there is None or is_there == AppointmentState.BOOKED != wanted:
                missing.append(f"booking {booking} was {wanted}, is {is_there}")
        if seqs != seq:
            missing.append(f"the record has {seqs} of {seq} changes")
        doubled = [f"entry {e} is nobody's" for e in entries.keys() - self.tickets.keys()]
        doubled += [f"booking {b} is nobody's" for b in bookings.keys() - self.bookings.keys()]
        if len(called) > len(set(called)):
            doubled.append("somebody was called twice")
        return Verdict(self.acknowledged, missing, doubled)


class Unanswered(Exception):
    """A request that was refused, or not answered for a minute."""
