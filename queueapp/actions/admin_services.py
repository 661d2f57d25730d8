"""Services: added, changed, retired. Their reasons and targets are `admin_reasons`, `_targets`."""

from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from queueapp.actions.admin_reasons import GivenReason, set_reasons
from queueapp.actions.admin_record import check_version, listed, named, record_change, slug_of
from queueapp.actions.admin_targets import GivenTarget, in_force, set_targets
from queueapp.db.models import Appointment, QueueEntry, Service, Site
from queueapp.db.unit import lock_site
from queueapp.domain.actor import Actor
from queueapp.domain.refusal import conflict, invalid, not_found
from queueapp.domain.visit import OPEN_STATES, AppointmentState

SUBJECT = "service"
_MOST = timedelta(hours=12)
_COLUMNS = (
    "name",
    "plain_name",
    "position",
    "planned",
    "intake_ends",
    "waiting_limit",
    "not_care",
    "online",
    "needs",
    "buffer_before",
    "buffer_after",
    "retired",
)


@dataclass(frozen=True, slots=True)
class GivenService:
    """A service as a manager wants it; `online` says whether it can be booked online.

    Targets hold from `targets_from`, a day that is not past.
    """

    name: str
    plain_name: str = ""
    planned: timedelta = timedelta(minutes=10)
    position: int = 0
    intake_ends: time | None = None
    waiting_limit: int | None = None
    not_care: bool = False
    online: bool = True
    needs: list[str] = field(default_factory=list)
    buffer_before: timedelta = timedelta(0)
    buffer_after: timedelta = timedelta(0)
    reasons: list[GivenReason] = field(default_factory=list)
    targets: list[GivenTarget] = field(default_factory=list)
    targets_from: date | None = None


def service_state(service: Service, day: date) -> dict[str, Any]:
    """All that can be changed of a service; its targets as they hold on `day`."""
    return {
        **{name: getattr(service, name) for name in _COLUMNS},
        "reasons": [
            {"words": r.words, "minutes": r.planned.total_seconds() / 60, "retired": r.retired}
            for r in service.reasons
        ],
        "targets": in_force(service, day),
    }


def add_service(
    session: Session, actor: Actor, now: datetime, *, site_id: int, given: GivenService
) -> Service:
    """A new service. Raises Refused (invalid, naming the field; conflict `name_taken`)."""
    site = lock_site(session, site_id)
    name = named(given.name, 80, "name", "Give the service a name.")
    service = Service(
        site_id=site_id, slug=_slug(session, site_id, name), name=name, reasons=[], targets=[]
    )
    session.add(service)
    _fill(session, now, site, service, given)
    record_change(
        session,
        actor,
        now,
        site_id=site_id,
        verb="added",
        subject=SUBJECT,
        subject_id=service.id,
        name=service.name,
        after=service_state(service, site.day_at(now)),
    )
    return service


def change_service(
    session: Session,
    actor: Actor,
    now: datetime,
    *,
    site_id: int,
    service_id: int,
    version: str,
    given: GivenService,
) -> bool:
    """Change a service; False when nothing differed. Those who wait keep their `due_by`.

    Raises Refused as `add_service`, and conflict `changed_meanwhile`.
    """
    site = lock_site(session, site_id)
    service = _own(session, site_id, service_id)
    before = service_state(service, site.day_at(now))
    check_version(
        session, before, version, subject=SUBJECT, subject_id=service_id, zone=site.timezone
    )
    _fill(session, now, site, service, given)
    return record_change(
        session,
        actor,
        now,
        site_id=site_id,
        verb="changed",
        subject=SUBJECT,
        subject_id=service_id,
        name=service.name,
        before=before,
        after=service_state(service, site.day_at(now)),
    )


def retire_service(
    session: Session, actor: Actor, now: datetime, *, site_id: int, service_id: int, retired: bool
) -> None:
    """Offer a service no more, or again; it keeps its history.

    Raises Refused (conflict `in_use`) while people wait for it or have booked it.
    """
    lock_site(session, site_id)
    service = _own(session, site_id, service_id)
    if service.retired == retired:
        return
    if retired:
        _check_unused(session, service, now)
    service.retired = retired
    record_change(
        session,
        actor,
        now,
        site_id=site_id,
        verb="retired" if retired else "restored",
        subject=SUBJECT,
        subject_id=service_id,
        name=service.name,
    )


def _own(session: Session, site_id: int, service_id: int) -> Service:
    service = session.get(Service, service_id, populate_existing=True)
    if service is None or service.site_id != site_id:
        raise not_found("The service")
    return service


def _fill(
    session: Session, now: datetime, site: Site, service: Service, given: GivenService
) -> None:
    service.name = named(given.name, 80, "name", "Give the service a name.")
    if _taken(session, service):
        raise conflict("name_taken", f"There is a service called {service.name} already.")
    service.plain_name = " ".join(given.plain_name.split())[:120]
    for name in ("planned", "buffer_before", "buffer_after"):
        span = getattr(given, name)
        least = timedelta(minutes=1) if name == "planned" else timedelta(0)
        if not least <= span <= _MOST:
            raise invalid(name, f"Give {int(least.total_seconds() // 60)} to 720 minutes.")
        setattr(service, name, span)
    if given.waiting_limit is not None and not 1 <= given.waiting_limit <= 10_000:
        raise invalid("waiting_limit", "Give 1 or more people, or leave it empty.")
    service.waiting_limit = given.waiting_limit
    service.intake_ends = given.intake_ends
    service.position = given.position
    service.not_care, service.online = given.not_care, given.online
    service.needs = listed(given.needs)
    session.flush()
    set_reasons(session, service, given.reasons)
    set_targets(session, service, given.targets, given.targets_from, site.rules, site.day_at(now))


def _taken(session: Session, service: Service) -> bool:
    with session.no_autoflush:
        return (
            session.scalar(
                sa.select(Service.id).where(
                    Service.site_id == service.site_id,
                    sa.func.lower(Service.name) == service.name.lower(),
                    Service.id != (service.id or 0),
                )
            )
            is not None
        )


def _slug(session: Session, site_id: int, name: str) -> str:
    slug = slug_of(name, "service")
    taken = set(session.scalars(sa.select(Service.slug).where(Service.site_id == site_id)))
    return next(s for s in (slug, *(f"{slug}-{n}" for n in range(2, 1000))) if s not in taken)


def _check_unused(session: Session, service: Service, now: datetime) -> None:
    waiting = session.scalar(
        sa.select(sa.func.count()).where(
            QueueEntry.service_id == service.id, QueueEntry.state.in_(OPEN_STATES)
        )
    )
    booked = session.scalar(
        sa.select(sa.func.count()).where(
            Appointment.service_id == service.id,
            Appointment.state == AppointmentState.BOOKED,
            Appointment.ends_at > now,
        )
    )
    if waiting or booked:
        found = [f"{waiting} waiting or being seen"] if waiting else []
        found += [f"{booked} booked"] if booked else []
        raise conflict(
            "in_use",
            f"{service.name} still has people: {' and '.join(found)}. Set an intake end or move "
            "them first; then it can be retired.",
        )
