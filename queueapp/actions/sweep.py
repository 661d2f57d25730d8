"""Housekeeping, run every few seconds; it stages no fact when there is nothing to do."""

from datetime import date, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from queueapp.actions import base, desk_items
from queueapp.actions.booking_rows import release_expired
from queueapp.actions.day_ends import not_reached
from queueapp.actions.desk_items import ItemKind, close_item, look_for_stranded, open_items
from queueapp.actions.shift_rooms import in_room
from queueapp.actions.shifts import close_shift
from queueapp.db.core import core
from queueapp.db.models import Appointment, DeskItem, QueueEntry, Shift, Site, Visit
from queueapp.db.queries.doors import timetable
from queueapp.db.queries.queue import load_queue
from queueapp.db.unit import lock_site
from queueapp.domain.actor import Actor
from queueapp.domain.events import Kind
from queueapp.domain.hours import current_opening
from queueapp.domain.ordering import is_stranded
from queueapp.domain.visit import OPEN_STATES, AppointmentState, EntryState, Presence

FORGOTTEN_AFTER = timedelta(hours=4)
_HERE: sa.BindParameter[int] = sa.bindparam("site")
_OF_ENTRY = sa.select(QueueEntry.state).where(QueueEntry.id == DeskItem.entry_id).scalar_subquery()
_GONE = sa.or_(
    sa.and_(
        DeskItem.kind == ItemKind.OVERDUE_BACK.value,
        sa.exists().where(
            Visit.id == DeskItem.visit_id,
            sa.or_(Visit.presence != Presence.OUT, Visit.departed_at.is_not(None)),
        ),
    ),
    sa.and_(DeskItem.kind == ItemKind.FETCH.value, _OF_ENTRY != EntryState.CALLED),
    sa.and_(
        DeskItem.kind.not_in([ItemKind.FETCH.value, ItemKind.END_UNKNOWN.value]),
        _OF_ENTRY.not_in(OPEN_STATES),
    ),
)
_OPEN_ITEM = DeskItem.site_id == _HERE, DeskItem.closed_at.is_(None)
_DUE = sa.select(
    sa.exists()
    .where(
        Appointment.site_id == _HERE,
        Appointment.state == AppointmentState.HELD,
        Appointment.held_until <= sa.bindparam("now"),
    )
    .label("hold"),
    sa.exists()
    .where(Visit.site_id == _HERE, Visit.departed_at.is_(None), Visit.day < sa.bindparam("day"))
    .label("visit"),
    sa.exists()
    .where(
        Shift.site_id == _HERE,
        Shift.actual_from.is_not(None),
        Shift.actual_to.is_(None),
        Shift.day < sa.bindparam("day"),
        Shift.planned_to <= sa.bindparam("forgotten"),
    )
    .label("shift"),
    sa.exists()
    .where(
        Visit.site_id == _HERE,
        Visit.departed_at.is_(None),
        Visit.presence == Presence.OUT,
        Visit.back_by <= sa.bindparam("overdue"),
        ~sa.exists()
        .where(
            *_OPEN_ITEM,
            DeskItem.kind == ItemKind.OVERDUE_BACK.value,
            DeskItem.visit_id == Visit.id,
        )
        .correlate(Visit),
    )
    .label("overdue"),
    sa.exists().where(*_OPEN_ITEM, _GONE).label("settled"),
    sa.exists().where(*_OPEN_ITEM, DeskItem.kind == ItemKind.STRANDED.value).label("stranded"),
    sa.exists()
    .where(QueueEntry.site_id == _HERE, QueueEntry.state == EntryState.WAITING)
    .label("waits"),
)


def sweep(session: Session, actor: Actor, now: datetime, *, site_id: int) -> None:
    """Put right what nobody pressed a button for.

    Holds that ran out are cancelled. People of a passed service day are ended as not reached
    (in a room: end unknown), unless the doors have been open without a break since they came.
    A passed day's shifts close at their planned end once nobody is in the room and they are 4 h
    over it. Stranded and overdue people come to the desk, and settled items leave it.
    """
    site = lock_site(session, site_id)
    release_expired(session, actor, now, site_id=site_id)
    day = site.day_at(now)
    _end_passed_days(session, actor, now, site, day)
    _close_forgotten_shifts(session, actor, now, site, day)
    look_for_stranded(session, actor, now, site=site)
    _ask_for_the_overdue(session, actor, now, site)
    _settle(session, actor, now, site)
    session.flush()


def is_due(session: Session, now: datetime, *, site: Site) -> bool:
    """Whether a sweep would find anything to do; it changes nothing and locks nothing.

    May say yes where a sweep finds that all is well, never no where it would not.
    """
    of = {
        "site": site.id,
        "now": now,
        "day": site.day_at(now),
        "overdue": now - site.rules.overdue_back,
        "forgotten": now - FORGOTTEN_AFTER,
    }
    found = core(session).execute(_DUE, of).one()
    if any((found.hold, found.visit, found.shift, found.overdue, found.settled)):
        return True
    if not found.waits and not found.stranded:
        return False
    queue = load_queue(session, site, now)
    stranded = {c.entry_id for c in queue.line if is_stranded(c, queue.shifts, now)}
    return stranded != {i.entry_id for i in open_items(session, site.id, ItemKind.STRANDED)}


def _end_passed_days(session: Session, actor: Actor, now: datetime, site: Site, day: date) -> None:
    hours = timetable(session, site)
    opening = current_opening(hours, now) if hours else None
    left = session.scalars(
        sa.select(QueueEntry)
        .join(Visit, Visit.id == QueueEntry.visit_id)
        .where(
            QueueEntry.site_id == site.id,
            QueueEntry.state.in_(OPEN_STATES),
            Visit.day < day,
        )
        .order_by(QueueEntry.arrived_at, QueueEntry.id)
    ).all()
    for entry in left:
        if opening is not None and entry.arrived_at in opening:
            continue
        visit_day = session.scalars(sa.select(Visit.day).where(Visit.id == entry.visit_id)).one()
        day_end = site.span_of(visit_day).end
        steps = [t for t in (entry.arrived_at, entry.called_at, entry.started_at) if t]
        not_reached(session, actor, now, entry=entry, when=max(day_end, *steps), unsure=True)
    for visit in session.scalars(
        sa.select(Visit)
        .where(
            Visit.site_id == site.id,
            Visit.departed_at.is_(None),
            Visit.day < day,
            ~sa.exists().where(QueueEntry.visit_id == Visit.id, QueueEntry.state.in_(OPEN_STATES)),
        )
        .order_by(Visit.id)
    ):
        _depart(session, actor, now, site, visit)


def _depart(session: Session, actor: Actor, now: datetime, site: Site, visit: Visit) -> None:
    before = base.image(visit)
    span = site.span_of(visit.day)
    visit.departed_at = max(span.end, visit.arrived_at)
    base.note(
        session,
        actor,
        now,
        Kind.LEFT,
        site_id=site.id,
        visit_id=visit.id,
        occurred_at=visit.departed_at,
        why="day_passed",
        before=before,
    )


def _close_forgotten_shifts(
    session: Session, actor: Actor, now: datetime, site: Site, day: date
) -> None:
    forgotten = session.scalars(
        sa.select(Shift)
        .where(
            Shift.site_id == site.id,
            Shift.actual_from.is_not(None),
            Shift.actual_to.is_(None),
            Shift.day < day,
            Shift.planned_to <= now - FORGOTTEN_AFTER,
        )
        .order_by(Shift.id)
    ).all()
    for shift in forgotten:
        if not in_room(session, shift):
            assert shift.actual_from is not None
            ended = max(shift.planned_to, shift.actual_from)
            close_shift(session, actor, now, shift_id=shift.id, occurred_at=ended)


def _ask_for_the_overdue(session: Session, actor: Actor, now: datetime, site: Site) -> None:
    for visit_id in session.scalars(
        sa.select(Visit.id)
        .where(
            Visit.site_id == site.id,
            Visit.departed_at.is_(None),
            Visit.presence == Presence.OUT,
            Visit.back_by <= now - site.rules.overdue_back,
        )
        .order_by(Visit.id)
    ).all():
        desk_items.open_item(
            session,
            actor,
            now,
            site_id=site.id,
            kind=ItemKind.OVERDUE_BACK,
            visit_id=visit_id,
        )


def _settle(session: Session, actor: Actor, now: datetime, site: Site) -> None:
    """Close the items whose cause is gone, whoever made it go."""
    session.flush()
    for item in open_items(session, site.id):
        gone = False
        if item.kind == ItemKind.OVERDUE_BACK and item.visit_id is not None:
            visit = session.get_one(Visit, item.visit_id, populate_existing=True)
            gone = visit.presence is not Presence.OUT or visit.departed_at is not None
        elif item.entry_id is not None and item.kind != ItemKind.END_UNKNOWN:
            state = session.scalars(
                sa.select(QueueEntry.state).where(QueueEntry.id == item.entry_id)
            ).one()
            wanted = {EntryState.CALLED} if item.kind == ItemKind.FETCH else OPEN_STATES
            gone = state not in wanted
        if gone:
            close_item(session, actor, now, item_id=item.id, outcome=desk_items.SETTLED)
