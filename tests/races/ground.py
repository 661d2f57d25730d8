"""What the races share: a clinic to fight over, processes that start together."""

import multiprocessing
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from queueapp.db.models import LANES, Appointment
from queueapp.db.session import Database
from queueapp.domain.actor import Actor, ActorKind
from queueapp.domain.visit import AppointmentState
from tests.factories import make_clinician, make_room, make_service, make_shift, make_site

RACER = Actor(ActorKind.STAFF, 1, "Racer")
# Processes of their own, forked from one that has loaded the app once and has connected nowhere.
_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(["tests.races.preload"])
_start_line: Any = None


@dataclass(frozen=True, slots=True)
class Ground:
    """Ids of a clinic with one service and `callers` rooms, a clinician on shift in each."""

    site_id: int
    service_id: int
    room_ids: tuple[int, ...]
    clinician_ids: tuple[int, ...]


def lay_out(url: str, callers: int = 1) -> Ground:
    """Make the clinic, committed."""
    database = Database(url)
    now = datetime.now(UTC)
    with database.write() as session:
        site = make_site(session, timezone="UTC")
        service = make_service(session, site, "GP")
        rooms = [make_room(session, site) for _ in range(callers)]
        clinicians = [make_clinician(session, [service]) for _ in rooms]
        for clinician, room in zip(clinicians, rooms, strict=True):
            make_shift(session, site, clinician, room, now=now - timedelta(hours=1), hours=24)
        ground = Ground(
            site.id, service.id, tuple(r.id for r in rooms), tuple(c.id for c in clinicians)
        )
    database.dispose()
    return ground


def together(work: Callable[..., Any], shares: Sequence[tuple[Any, ...]]) -> list[Any]:
    """Run `work(start, *share)` in a process per share, all let go at once; their results."""
    start = _context.Barrier(len(shares))
    # Each waits at the line for the others, so none takes two shares.
    with _context.Pool(len(shares), _hold, (start,)) as pool:
        running = [pool.apply_async(_run, (work, share)) for share in shares]
        return [one.get(timeout=3600) for one in running]


def _hold(start: Any) -> None:
    global _start_line
    _start_line = start


def _run(work: Callable[..., Any], share: tuple[Any, ...]) -> Any:
    return work(_start_line, *share)


def moment(n: int = 0) -> datetime:
    """A whole quarter of an hour tomorrow, `n` quarters on."""
    day = datetime.now(UTC).replace(hour=8, minute=0, second=0, microsecond=0)
    return day + timedelta(days=1, minutes=15 * n)


def busy(ground: Ground, starts_at: datetime, length: timedelta) -> Appointment:
    """A booked row as any careless writer would insert it."""
    return Appointment(
        site_id=ground.site_id,
        service_id=ground.service_id,
        clinician_id=ground.clinician_ids[0],
        state=AppointmentState.BOOKED,
        starts_at=starts_at,
        ends_at=starts_at + length,
        busy_from=starts_at,
        busy_to=starts_at + length,
        lane_from=0,
        lane_to=LANES,
        code=f"R{time.monotonic_ns() % 10**9}",
        created_at=datetime.now(UTC),
    )
