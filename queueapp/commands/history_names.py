"""What a log calls by name, as rows of the site: found, or added."""

import hashlib
import re
from collections.abc import Iterable
from datetime import date, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from queueapp.db.models import (
    Clinician,
    ClinicianService,
    Pool,
    Reason,
    Room,
    Service,
    ServiceTarget,
    Shift,
    ShiftService,
    Site,
)
from queueapp.domain.targets import target_for
from queueapp.integrations.visit_log import LogRow

_UNRECORDED = "Not recorded"


def slug_of(name: str) -> str:
    """A name as part of an address: `GP consultation` is `gp-consultation`."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40] or "service"


def visit_key(site: Site, row: LogRow) -> str:
    """A visit's opaque key, the same whenever the row is read again."""
    name = f"{site.id}|{row.visit_id or row.entry_id}"
    return hashlib.sha256(name.encode()).hexdigest()[:16]


def clinicians_of(session: Session, site_id: int) -> list[Clinician]:
    """Everyone who gives a service of the site or ever had a shift there, by id."""
    gives = (
        sa.select(ClinicianService.clinician_id)
        .join(Service, Service.id == ClinicianService.service_id)
        .where(Service.site_id == site_id)
    )
    worked = sa.select(Shift.clinician_id).where(Shift.site_id == site_id)
    query = sa.select(Clinician).where(sa.or_(Clinician.id.in_(gives), Clinician.id.in_(worked)))
    return list(session.scalars(query.order_by(Clinician.id)))


class Names:
    """Services, reasons, clinicians, rooms and past shifts of a site by the names of a log.

    `added` lists in words what the site did not know before.
    """

    def __init__(self, session: Session, site: Site) -> None:
        self._session, self._site = session, site
        self._services: dict[str, Service] = {}
        for service in session.scalars(sa.select(Service).where(Service.site_id == site.id)):
            self._services[service.name.lower()] = service
            self._services.setdefault(service.slug, service)
        self._clinicians = {c.name.lower(): c.id for c in clinicians_of(session, site.id)}
        rooms = session.scalars(sa.select(Room).where(Room.site_id == site.id))
        self._rooms = {r.name.lower(): r.id for r in rooms}
        ids = {s.id for s in self._services.values()}
        reasons = session.scalars(sa.select(Reason).where(Reason.service_id.in_(ids)))
        self._reasons = {(r.service_id, r.words.lower()): r.id for r in reasons}
        targets = session.scalars(sa.select(ServiceTarget).where(ServiceTarget.service_id.in_(ids)))
        self._targets = [target.as_target for target in targets]
        self._shifts: dict[tuple[int, date], int] = {}
        self._pools: dict[tuple[int, date], int] = {}
        self.added: list[str] = []

    def service(self, name: str) -> Service:
        """The service of that name or slug."""
        found = self._services.get(name.lower())
        if found is None:
            slugs = {s.slug for s in self._services.values()}
            base = slug = slug_of(name)
            n = 2
            while slug in slugs:
                slug, n = f"{base[:36]}-{n}", n + 1
            found = Service(site_id=self._site.id, slug=slug, name=name, position=len(slugs))
            self._session.add(found)
            self._session.flush()
            self._services[name.lower()] = found
            self.added.append(f"service {name}")
        return found

    def reason(self, service_id: int, words: str) -> int | None:
        """The reason of a service, None for none."""
        if not words:
            return None
        key = (service_id, words.lower())
        if key not in self._reasons:
            planned = self._session.get_one(Service, service_id).planned
            reason = Reason(service_id=service_id, words=words, planned=planned)
            self._session.add(reason)
            self._session.flush()
            self._reasons[key] = reason.id
            self.added.append(f"reason {words}")
        return self._reasons[key]

    def clinician(self, name: str) -> int | None:
        """The clinician, None for none."""
        if not name:
            return None
        if name.lower() not in self._clinicians:
            clinician = Clinician(name=name)
            self._session.add(clinician)
            self._session.flush()
            self._clinicians[name.lower()] = clinician.id
            self.added.append(f"clinician {name}")
        return self._clinicians[name.lower()]

    def room(self, name: str) -> int | None:
        """The room, None for none."""
        return self._room(name, retired=False) if name else None

    def unrecorded_room(self) -> int:
        """Stands for the room of a call whose log does not say where to."""
        return self._room(_UNRECORDED, retired=True)

    def unrecorded_pool(self, at: datetime, service: Service) -> int:
        """Stands for the clinician of a booking whose log does not say with whom."""
        day = self._day(at)
        if (service.id, day) not in self._pools:
            span = self._site.span_of(day)
            pool = Pool(
                service_id=service.id,
                starts_at=span.start,
                ends_at=span.end,
                interval=service.planned,
                capacity=0,
            )
            self._session.add(pool)
            self._session.flush()
            self._pools[service.id, day] = pool.id
        return self._pools[service.id, day]

    def target(self, service_id: int, entry_class: str, reference: datetime) -> timedelta:
        """The target in force then."""
        day = self._day(reference)
        return target_for(self._targets, service_id, entry_class, day, self._site.rules)

    def shift(self, row: LogRow) -> int | None:
        """The past shift of the row's clinician that day; `prepare` made it."""
        clinician_id = self.clinician(row.clinician)
        return None if clinician_id is None else self._shifts[clinician_id, self._day(row.at)]

    def prepare(self, rows: Iterable[LogRow]) -> None:
        """Have a closed shift for every clinician and day, from the first sign to the last."""
        spans: dict[tuple[int, date], tuple[datetime, datetime]] = {}
        given: dict[tuple[int, date], set[int]] = {}
        rooms: dict[tuple[int, date], int | None] = {}
        for row in rows:
            clinician_id = self.clinician(row.clinician)
            if clinician_id is None:
                continue
            first = row.called_at or row.started_at or row.at
            last = max(row.ended_at or first, first)
            key = (clinician_id, self._day(row.at))
            since, until = spans.get(key, (first, last))
            spans[key] = (min(since, first), max(until, last))
            given.setdefault(key, set()).add(self.service(row.service).id)
            rooms[key] = self.room(row.room) or rooms.get(key)
        if not spans:
            return
        days = {day for _, day in spans}
        there = self._session.execute(
            sa.select(Shift.clinician_id, Shift.day, Shift.id).where(
                Shift.site_id == self._site.id,
                Shift.day.between(min(days), max(days)),
                Shift.actual_to.is_not(None),
            )
        )
        self._shifts |= {(clinician, day): shift for clinician, day, shift in there}
        for key in sorted(spans.keys() - self._shifts.keys()):
            since, until = spans[key]
            shift = Shift(
                site_id=self._site.id,
                clinician_id=key[0],
                day=key[1],
                planned_from=since,
                planned_to=until,
                actual_from=since,
                actual_to=until,
                room_id=rooms[key],
                services=[ShiftService(service_id=s) for s in sorted(given[key])],
            )
            self._session.add(shift)
            self._session.flush()
            self._shifts[key] = shift.id

    def _room(self, name: str, *, retired: bool) -> int:
        if name.lower() not in self._rooms:
            room = Room(
                site_id=self._site.id, name=name, position=len(self._rooms), retired=retired
            )
            self._session.add(room)
            self._session.flush()
            self._rooms[name.lower()] = room.id
            if not retired:
                self.added.append(f"room {name}")
        return self._rooms[name.lower()]

    def _day(self, at: datetime) -> date:
        return self._site.day_at(at)
