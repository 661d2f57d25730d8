"""What the pages of administration list."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import sqlalchemy as sa
from sqlalchemy.orm import Session, selectinload

from queueapp.db.models import (
    ApiToken,
    Appointment,
    Clinician,
    ClinicianService,
    Device,
    Membership,
    OpeningException,
    Pairing,
    Pool,
    QueueEntry,
    Room,
    Service,
    Staff,
)
from queueapp.db.queries.figures import count_in_time
from queueapp.db.queries.slots import still_busy
from queueapp.domain.actor import Role
from queueapp.domain.names import shown_name
from queueapp.domain.spans import Span
from queueapp.domain.visit import EntryState

_LOOKED_BACK = timedelta(days=30)
_FEWEST = 5


@dataclass(frozen=True, slots=True)
class ServiceLine:
    """A service in the list: who gives it, and how many reasons it has."""

    service: Service
    clinicians: tuple[str, ...]
    reasons: int


@dataclass(frozen=True, slots=True)
class Learned:
    """Minutes of visits: the median, and the range of 8 in 10."""

    n: int
    median: int
    low: int
    high: int


@dataclass(frozen=True, slots=True)
class PoolLine:
    """A pool in the list, with how many bookings stand in it."""

    pool: Pool
    service: str
    booked: int


def pools(session: Session, site_id: int, now: datetime) -> list[PoolLine]:
    """The site's pools that have not ended, by time."""
    booked = (
        sa.select(sa.func.count())
        .where(Appointment.pool_id == Pool.id, still_busy(now))
        .scalar_subquery()
    )
    rows = session.execute(
        sa.select(Pool, Service.name, booked)
        .join(Service, Service.id == Pool.service_id)
        .where(Service.site_id == site_id, Pool.ends_at > now)
        .order_by(Pool.starts_at, Service.position, Pool.id)
    )
    return [PoolLine(pool, name, count) for pool, name, count in rows]


def services(session: Session, site_id: int) -> list[ServiceLine]:
    """The site's services, those in use first."""
    rows = session.scalars(
        sa.select(Service)
        .where(Service.site_id == site_id)
        .options(selectinload(Service.reasons))
        .order_by(Service.retired, Service.position, Service.id)
    ).all()
    who: dict[int, list[str]] = {}
    for service_id, title, name in session.execute(
        sa.select(ClinicianService.service_id, Clinician.title, Clinician.name)
        .join(Clinician, Clinician.id == ClinicianService.clinician_id)
        .where(ClinicianService.service_id.in_([r.id for r in rows]), Clinician.retired.is_(False))
        .order_by(Clinician.name)
    ):
        who.setdefault(service_id, []).append(shown_name(title, name))
    return [
        ServiceLine(r, tuple(who.get(r.id, ())), sum(not one.retired for one in r.reasons))
        for r in rows
    ]


def given_by(session: Session, service_id: int) -> Sequence[Clinician]:
    """The clinicians in use who can give the service."""
    return session.scalars(
        sa.select(Clinician)
        .join(ClinicianService, ClinicianService.clinician_id == Clinician.id)
        .where(ClinicianService.service_id == service_id, Clinician.retired.is_(False))
        .order_by(Clinician.name)
    ).all()


def kept_targets(session: Session, service: Service, now: datetime) -> dict[str, tuple[int, int]]:
    """By class over the last 30 days, as boards count: (how many were judged, of them in time)."""
    counts = count_in_time(session, service.site_id, Span(now - _LOOKED_BACK, now))
    return {
        entry_class: (judged, within)
        for (service_id, entry_class), (within, judged) in counts.items()
        if service_id == service.id
    }


def learned(session: Session, service_id: int, now: datetime) -> dict[int, Learned]:
    """By reason: what visits of the last 30 days took; few visits say nothing."""
    took: dict[int, list[float]] = {}
    for reason_id, started, ended in session.execute(
        sa.select(QueueEntry.reason_id, QueueEntry.started_at, QueueEntry.ended_at).where(
            QueueEntry.service_id == service_id,
            QueueEntry.reason_id.is_not(None),
            QueueEntry.state == EntryState.FINISHED,
            QueueEntry.end_unknown.is_(False),
            QueueEntry.arrived_at > now - _LOOKED_BACK,
            QueueEntry.started_at.is_not(None),
        )
    ):
        if reason_id is not None and started is not None and ended is not None:
            took.setdefault(reason_id, []).append((ended - started).total_seconds() / 60)
    found = {}
    for reason_id, minutes in took.items():
        if len(minutes) >= _FEWEST:
            low, middle, high = (round(float(q)) for q in np.quantile(minutes, [0.1, 0.5, 0.9]))
            found[reason_id] = Learned(len(minutes), middle, low, high)
    return found


def rooms(session: Session, site_id: int) -> Sequence[Room]:
    """The site's rooms, those in use first."""
    return session.scalars(
        sa.select(Room)
        .where(Room.site_id == site_id)
        .order_by(Room.retired, Room.position, Room.id)
    ).all()


def exceptions(session: Session, site_id: int, since: datetime) -> Sequence[OpeningException]:
    """Days with hours of their own, from yesterday on."""
    return session.scalars(
        sa.select(OpeningException)
        .where(
            OpeningException.site_id == site_id,
            OpeningException.day >= since.date() - timedelta(days=1),
        )
        .order_by(OpeningException.day, OpeningException.opens)
    ).all()


def staff(session: Session, site_id: int, with_admins: bool) -> Sequence[Staff]:
    """Those with a role at the site, and admins where asked; those disabled last."""
    at_site = Membership.site_id == site_id
    wanted = sa.or_(at_site, Membership.role == Role.ADMIN) if with_admins else at_site
    return session.scalars(
        sa.select(Staff)
        .where(Staff.id.in_(sa.select(Membership.staff_id).where(wanted)))
        .options(selectinload(Staff.memberships))
        .order_by(Staff.disabled_at.is_not(None), Staff.name)
    ).all()


def devices(session: Session, site_id: int) -> Sequence[tuple[Device, str | None]]:
    """The site's screens with the name of their room, those in use first."""
    rows = session.execute(
        sa.select(Device, Room.name)
        .outerjoin(Room, Room.id == Device.room_id)
        .where(Device.site_id == site_id)
        .order_by(Device.revoked_at.is_not(None), Device.kind, Device.name)
    )
    return [(device, room) for device, room in rows]


def open_pairings(session: Session, site_id: int, now: datetime) -> Sequence[Pairing]:
    """Codes that were not typed yet."""
    return session.scalars(
        sa.select(Pairing)
        .where(Pairing.site_id == site_id, Pairing.used_at.is_(None), Pairing.expires_at > now)
        .order_by(Pairing.id)
    ).all()


def tokens(session: Session, site_id: int, with_admins: bool) -> Sequence[ApiToken]:
    """The site's tokens (and those of all sites where asked), those in use first."""
    wanted = ApiToken.site_id == site_id
    if with_admins:
        wanted = sa.or_(wanted, ApiToken.site_id.is_(None))
    return session.scalars(
        sa.select(ApiToken)
        .where(wanted)
        .order_by(ApiToken.revoked_at.is_not(None), ApiToken.id.desc())
    ).all()


def skills(session: Session, site_id: int) -> dict[int, list[str]]:
    """The names of the site's services that each clinician can give, by the clinician's id."""
    found: dict[int, list[str]] = defaultdict(list)
    for clinician_id, name in session.execute(
        sa.select(ClinicianService.clinician_id, Service.name)
        .join(Service, Service.id == ClinicianService.service_id)
        .where(Service.site_id == site_id)
        .order_by(Service.name)
    ):
        found[clinician_id].append(name)
    return found


def clinicians(session: Session, ids: sa.CompoundSelect[tuple[int]]) -> Sequence[Clinician]:
    """Those of the ids (a query), those in use first."""
    return session.scalars(
        sa.select(Clinician)
        .where(Clinician.id.in_(ids))
        .order_by(Clinician.retired, Clinician.name, Clinician.id)
    ).all()


def free_logins(session: Session, site_id: int, clinician_id: int | None) -> Sequence[Staff]:
    """Logins with the role clinician at the site that are no other clinician's."""
    others = sa.select(Clinician.staff_id).where(
        Clinician.staff_id.is_not(None), Clinician.id != (clinician_id or 0)
    )
    own = sa.select(Clinician.staff_id).where(
        Clinician.id == (clinician_id or 0), Clinician.staff_id.is_not(None)
    )
    members = sa.select(Membership.staff_id).where(
        Membership.site_id == site_id, Membership.role == Role.CLINICIAN
    )
    return session.scalars(
        sa.select(Staff)
        .where(
            sa.or_(
                Staff.id.in_(own),
                sa.and_(
                    Staff.id.in_(members), Staff.id.not_in(others), Staff.disabled_at.is_(None)
                ),
            )
        )
        .order_by(Staff.name)
    ).all()
