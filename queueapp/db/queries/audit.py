"""Who did what, and who looked at whom: one list, newest first, by person and time."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from queueapp.db.models import (
    AdminChange,
    ApiToken,
    Clinician,
    Device,
    Look,
    Membership,
    Room,
    Shift,
    Staff,
    Visit,
    VisitEvent,
)

DID, CHANGED, LOOKED = "did", "changed", "looked"
WHAT = (DID, CHANGED, LOOKED)
_BATCH = 500
# What the machine itself writes every few seconds; the rest of its doings is shown.
_QUIET = ("forecast_stored",)


@dataclass(frozen=True, slots=True)
class Line:
    """One thing somebody did: `what` is WHAT, `kind` its word, `subject` a ticket or a name.

    `changes` are `field: [from, to]` of an administrative change.
    """

    what: str
    at: datetime
    actor: str
    kind: str
    subject: str
    detail: str = ""
    changes: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which lines: `actor` is a key such as `staff:7`, empty for all; times are half-open."""

    since: datetime
    until: datetime
    actor: str = ""
    what: tuple[str, ...] = WHAT


def lines(session: Session, site_id: int, wanted: Wanted, most: int) -> list[Line]:
    """The newest `most` lines that are wanted."""
    found = []
    for what in wanted.what:
        for n, line in enumerate(_SOURCES[what](session, site_id, wanted, most)):
            if n == most:
                break
            found.append(line)
    return sorted(found, key=lambda line: line.at, reverse=True)[:most]


def every_line(session: Session, site_id: int, wanted: Wanted) -> Iterator[Line]:
    """All lines that are wanted, kind by kind, read a batch at a time."""
    for what in wanted.what:
        yield from _SOURCES[what](session, site_id, wanted, None)


def _rows(session: Session, query: Any, most: int | None) -> Any:
    if most is not None:
        query = query.limit(most)
    return session.execute(query.execution_options(yield_per=_BATCH))


def _did(session: Session, site_id: int, wanted: Wanted, most: int | None) -> Iterator[Line]:
    query = (
        sa.select(VisitEvent, Visit.ticket, Clinician, Room.name)
        .outerjoin(Visit, Visit.id == VisitEvent.visit_id)
        .outerjoin(Shift, Shift.id == VisitEvent.shift_id)
        .outerjoin(Clinician, Clinician.id == Shift.clinician_id)
        .outerjoin(Room, Room.id == VisitEvent.room_id)
        .where(
            VisitEvent.site_id == site_id,
            VisitEvent.recorded_at >= wanted.since,
            VisitEvent.recorded_at < wanted.until,
            VisitEvent.kind.not_in(_QUIET),
            # Administrative changes have lines of their own, with what was and became.
            sa.not_(
                sa.and_(
                    VisitEvent.kind == "settings_changed",
                    VisitEvent.why.in_(
                        sa.select(AdminChange.subject + "_" + AdminChange.verb).where(
                            AdminChange.site_id == site_id
                        )
                    ),
                )
            ),
        )
        .order_by(VisitEvent.recorded_at.desc(), VisitEvent.id.desc())
    )
    if wanted.actor:
        query = query.where(VisitEvent.actor == wanted.actor)
    for event, ticket, clinician, room in _rows(session, query, most):
        who = clinician.shown_name if clinician else ""
        yield Line(
            DID,
            event.recorded_at,
            event.actor,
            event.kind,
            ticket or who,
            ", ".join(
                part for part in (who if ticket else "", room, event.from_state, event.why) if part
            ),
        )


def _changed(session: Session, site_id: int, wanted: Wanted, most: int | None) -> Iterator[Line]:
    query = (
        sa.select(AdminChange)
        .where(
            AdminChange.site_id == site_id,
            AdminChange.changed_at >= wanted.since,
            AdminChange.changed_at < wanted.until,
        )
        .order_by(AdminChange.changed_at.desc(), AdminChange.id.desc())
    )
    if wanted.actor:
        query = query.where(AdminChange.actor == wanted.actor)
    for (change,) in _rows(session, query, most):
        yield Line(
            CHANGED,
            change.changed_at,
            change.actor,
            f"{change.subject}_{change.verb}",
            change.name,
            changes=change.changes,
        )


def _looked(session: Session, site_id: int, wanted: Wanted, most: int | None) -> Iterator[Line]:
    query = (
        sa.select(Look, Visit.ticket)
        .outerjoin(Visit, Visit.id == Look.visit_id)
        .where(
            Look.site_id == site_id,
            Look.looked_at >= wanted.since,
            Look.looked_at < wanted.until,
        )
        .order_by(Look.looked_at.desc(), Look.id.desc())
    )
    if wanted.actor:
        query = query.where(Look.actor == wanted.actor)
    for look, ticket in _rows(session, query, most):
        subject = ticket or (f"patient {look.patient_id}" if look.patient_id else "")
        yield Line(LOOKED, look.looked_at, look.actor, look.what, subject)


_SOURCES = {DID: _did, CHANGED: _changed, LOOKED: _looked}


def actors(session: Session, site_id: int) -> dict[str, str]:
    """Everyone who may be in the record, by key, with the name colleagues know."""
    here = sa.or_(Membership.site_id == site_id, Membership.site_id.is_(None))
    staff = session.execute(
        sa.select(Staff.id, Staff.name)
        .where(
            sa.or_(
                Staff.id.in_(sa.select(Membership.staff_id).where(here)),
                # Who had a role here once is in the record still.
                sa.literal("staff:")
                .concat(sa.cast(Staff.id, sa.String))
                .in_(sa.select(AdminChange.actor).where(AdminChange.site_id == site_id)),
            )
        )
        .order_by(Staff.name)
    )
    found = {f"staff:{row_id}": name for row_id, name in staff}
    for kind, table in (("device", Device), ("token", ApiToken)):
        rows = session.execute(
            sa.select(table.id, table.name).where(table.site_id == site_id).order_by(table.name)
        )
        found |= {f"{kind}:{row_id}": name or f"{kind} {row_id}" for row_id, name in rows}
    return found | {"system:-": "queueapp itself"}
