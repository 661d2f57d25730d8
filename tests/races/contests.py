"""The contests: draining a queue, taking tickets, booking one clinician's time.

Each takes `guarded`; without its guard the same contest must go wrong, or it shows nothing.
"""

import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import Barrier, Thread
from typing import Any

import sqlalchemy as sa

from queueapp.actions import arrivals, calls
from queueapp.actions.entries import change_state
from queueapp.actions.service import finish, start
from queueapp.db.models import Appointment, Call, QueueEntry, Service, Site, TicketCounter, Visit
from queueapp.db.queries.queue import load_queue
from queueapp.db.session import Database
from queueapp.domain.ordering import next_for
from queueapp.domain.visit import EntryState
from tests.factories import make_entry
from tests.races.ground import RACER, Ground, busy, lay_out, moment, together

_PAUSE_S = 0.002  # between looking and acting, where a race without a guard is lost


@dataclass(frozen=True, slots=True)
class Result:
    """`wanted` is how many there should be; `twice` and `lost` must be 0."""

    wanted: int
    twice: int
    lost: int
    seconds: float

    @property
    def is_clean(self) -> bool:
        """Nothing twice, nothing lost."""
        return self.twice == 0 and self.lost == 0


def drain(
    url: str, tickets: int, callers: int = 16, processes: int = 4, *, guarded: bool = True
) -> Result:
    """`callers` clinicians in `processes` call and see everyone; who was called twice, or never?"""
    ground = lay_out(url, callers)
    _fill(url, ground, tickets)
    began = time.perf_counter()
    shares = [ground.room_ids[n::processes] for n in range(processes)]
    called: list[int] = []
    for part in together(_drain_share, [(url, ground, rooms, guarded) for rooms in shares]):
        called += part
    seconds = time.perf_counter() - began
    database = Database(url)
    with database.read() as session:
        left = session.scalar(
            sa.select(sa.func.count())
            .select_from(QueueEntry)
            .where(QueueEntry.state != EntryState.FINISHED)
        )
        standing = session.scalar(
            sa.select(sa.func.count()).select_from(Call).where(Call.outcome.is_(None))
        )
    database.dispose()
    twice = sum(n - 1 for n in Counter(called).values())
    return Result(tickets, twice, (left or 0) + (standing or 0), seconds)


def _fill(url: str, ground: Ground, tickets: int) -> None:
    database = Database(url)
    now = datetime.now(UTC)
    with database.write() as session:
        service = session.get_one(Service, ground.service_id)
        for n in range(tickets):
            make_entry(session, service, now=now - timedelta(seconds=tickets - n))
    database.dispose()


def _drain_share(
    start_line: Barrier, url: str, ground: Ground, rooms: tuple[int, ...], guarded: bool
) -> list[int]:
    database = Database(url)
    called: list[list[int]] = [[] for _ in rooms]
    callers = [
        Thread(target=_drain_room, args=(database, ground, room, guarded, found))
        for room, found in zip(rooms, called, strict=True)
    ]
    start_line.wait()
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    database.dispose()
    return [entry_id for found in called for entry_id in found]


def _drain_room(
    database: Database, ground: Ground, room_id: int, guarded: bool, found: list[int]
) -> None:
    take = _call_guarded if guarded else _call_by_looking_first
    while (entry_id := _patiently(take, database, ground, room_id)) is not None:
        found.append(entry_id)
        if guarded:
            _patiently(_see, database, entry_id)


def _patiently(do: Callable[..., Any], *arguments: Any) -> Any:
    """Try again when SQLite says that it is busy: nothing was acknowledged."""
    while True:
        try:
            return do(*arguments)
        except sa.exc.OperationalError as busy_now:
            if "locked" not in str(busy_now):
                raise


def _see(database: Database, entry_id: int) -> None:
    with database.write() as session:
        start(session, RACER, datetime.now(UTC), entry_id=entry_id)
        finish(session, RACER, datetime.now(UTC), entry_id=entry_id)


def _call_guarded(database: Database, _ground: Ground, room_id: int) -> int | None:
    with database.write() as session:
        entry = calls.call_next(session, RACER, datetime.now(UTC), room_id=room_id)
    return entry.id if entry else None


def _call_by_looking_first(database: Database, ground: Ground, room_id: int) -> int | None:
    """What call-next would be without the site's lock and the conditional change."""
    now = datetime.now(UTC)
    with database.read() as session:
        view = load_queue(session, session.get_one(Site, ground.site_id), now)
        shift = next(s for s in view.shifts if s.is_open and s.room_id == room_id)
        chosen = next_for(shift, view.line, view.shifts, now, view.rules)
    if chosen is None:
        return None
    time.sleep(_PAUSE_S)
    with database.write() as session:
        entry = session.get_one(QueueEntry, chosen.entry_id)
        change_state(session, entry, set(EntryState), state=EntryState.FINISHED)
    return chosen.entry_id


def number(url: str, tickets: int, processes: int = 8, *, guarded: bool = True) -> Result:
    """Tickets from several processes at once: is any code given twice?"""
    ground = lay_out(url)
    if not guarded:
        _begin_counting(url, ground)
    share = tickets // processes
    began = time.perf_counter()
    codes: list[str] = []
    for part in together(_number_share, [(url, ground, share, guarded)] * processes):
        codes += part
    seconds = time.perf_counter() - began
    wanted = share * processes
    return Result(wanted, wanted - len(set(codes)), wanted - len(codes), seconds)


def _number_share(
    start_line: Barrier, url: str, ground: Ground, share: int, guarded: bool
) -> list[str]:
    database = Database(url)
    codes = []
    start_line.wait()
    for _ in range(share):
        if guarded:
            codes.append(_patiently(_take_ticket, database, ground))
        else:
            codes.append(_number_by_looking_first(database, ground))
    database.dispose()
    return codes


def _take_ticket(database: Database, ground: Ground) -> str:
    with database.write() as session:
        entry = arrivals.take_ticket(
            session,
            RACER,
            datetime.now(UTC),
            site_id=ground.site_id,
            service_id=ground.service_id,
        )
        return session.get_one(Visit, entry.visit_id).ticket


def _number_by_looking_first(database: Database, ground: Ground) -> str:
    """What tickets would be if the next number were read, then written."""
    of_site = TicketCounter.site_id == ground.site_id
    with database.read() as session:
        given = session.scalars(sa.select(TicketCounter.given).where(of_site)).one()
    time.sleep(_PAUSE_S)
    with database.write() as session:
        session.execute(sa.update(TicketCounter).where(of_site).values(given=given + 1))
    return f"T{given}"


def _begin_counting(url: str, ground: Ground) -> None:
    database = Database(url)
    with database.write() as session:
        session.add(TicketCounter(site_id=ground.site_id, day=datetime.now(UTC).date(), given=0))
    database.dispose()


def book(url: str, attempts: int, processes: int = 8, *, guarded: bool = True) -> Result:
    """Overlapping attempts on one clinician's time: do any two that stand overlap?"""
    ground = lay_out(url)
    if not guarded:
        _take_the_guard_away(url)
    share = attempts // processes
    began = time.perf_counter()
    parts = together(_book_share, [(url, ground, share, n) for n in range(processes)])
    seconds = time.perf_counter() - began
    database = Database(url)
    with database.read() as session:
        a, b = sa.orm.aliased(Appointment), sa.orm.aliased(Appointment)
        overlaps = session.scalar(
            sa.select(sa.func.count())
            .select_from(a)
            .join(b, sa.and_(a.clinician_id == b.clinician_id, a.id < b.id))
            .where(a.busy_from < b.busy_to, b.busy_from < a.busy_to)
        )
        stand = session.scalar(sa.select(sa.func.count()).select_from(Appointment))
    database.dispose()
    acknowledged = sum(parts)
    return Result(acknowledged, overlaps or 0, acknowledged - (stand or 0), seconds)


def _take_the_guard_away(url: str) -> None:
    database = Database(url)
    with database.write() as session:
        if database.is_sqlite:
            session.execute(sa.text("DROP TRIGGER appointment_no_overlap_insert"))
        else:
            session.execute(
                sa.text("ALTER TABLE appointment DROP CONSTRAINT appointment_no_overlap")
            )
    database.dispose()


def _book_share(start_line: Barrier, url: str, ground: Ground, share: int, seed: int) -> int:
    """Looks first, as any program would, then inserts: only the database can say no."""
    database, chance = Database(url), random.Random(seed)
    done = 0
    start_line.wait()
    for _ in range(share):
        wanted = busy(
            ground, moment(chance.randrange(400)), timedelta(minutes=chance.choice((15, 30, 45)))
        )
        with database.read() as session:
            taken = session.scalar(
                sa.select(Appointment.id).where(
                    Appointment.clinician_id == wanted.clinician_id,
                    Appointment.busy_from < wanted.busy_to,
                    Appointment.busy_to > wanted.busy_from,
                )
            )
        if taken is not None and chance.random() < 0.5:
            continue
        try:
            with database.write() as session:
                session.add(wanted)
            done += 1
        except sa.exc.IntegrityError as refused:
            if "appointment_no_overlap" not in str(refused):
                raise
    database.dispose()
    return done
