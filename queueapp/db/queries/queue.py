"""The queue of a site as the order sees it: one loader for call-next, screens and the forecast."""

import functools
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session

from queueapp.db.models import (
    Clinician,
    OrderMove,
    Party,
    Pause,
    QueueEntry,
    Room,
    Shift,
    ShiftService,
    Site,
    Visit,
)
from queueapp.db.session import SNAPSHOT
from queueapp.db.statement import Statement
from queueapp.domain.ordering import Candidate, Move, ShiftView, in_order
from queueapp.domain.rules import SiteRules
from queueapp.domain.visit import IN_ROOM_STATES, EntryState, PreferenceKind

FOREVER = datetime.max.replace(tzinfo=UTC)
_OVERTIME = timedelta(minutes=30)
# Among so many there nearly always is somebody to call.
HEAD = 16


@functools.cache
def _waiting(most: int | None) -> Statement:
    e, v, m = QueueEntry.__table__.c, Visit.__table__.c, OrderMove.__table__.c
    waiting = (
        sa.select(
            e.id,
            e.visit_id,
            e.service_id,
            e.entry_class,
            e.band,
            e.due_by,
            e.arrived_at,
            e.reference_at,
            e.target,
            v.presence,
            e.passed_over_until,
            e.preference,
            e.wished_clinician_id,
            e.wished_attribute,
            e.needs,
            m.before_id,
            m.made_at,
        )
        .select_from(
            sa.join(QueueEntry.__table__, Visit.__table__, e.visit_id == v.id).outerjoin(
                OrderMove.__table__, sa.and_(m.entry_id == e.id, m.ended_at.is_(None))
            )
        )
        .where(e.site_id == sa.bindparam("site"), e.state == EntryState.WAITING)
    )
    if most is None:
        return Statement(waiting)
    in_order_of = (m.before_id.is_(None), e.band, e.due_by, e.arrived_at, e.id)
    return Statement(waiting.order_by(*in_order_of).limit(most))


_IN_ROOM = Statement(
    sa.select(QueueEntry.visit_id, QueueEntry.room_id, Visit.party_id, Party.called_together)
    .join_from(QueueEntry.__table__, Visit.__table__, Visit.id == QueueEntry.visit_id)
    .outerjoin(Party.__table__, Party.id == Visit.party_id)
    .where(QueueEntry.site_id == sa.bindparam("site"), QueueEntry.state.in_(IN_ROOM_STATES))
)
_OF_TODAY = (
    Shift.site_id == sa.bindparam("site"),
    Shift.actual_to.is_(None),
    sa.or_(Shift.day == sa.bindparam("day"), Shift.actual_from.is_not(None)),
)
_SHIFTS = Statement(
    sa.select(
        Shift.id,
        Shift.clinician_id,
        Shift.planned_from,
        Shift.planned_to,
        Shift.actual_from,
        Shift.room_id,
        Shift.declared_delay,
        Room.places,
        Room.features,
        Pause.id.label("pause_id"),
        Pause.until,
    )
    .select_from(Shift.__table__)
    .outerjoin(Room.__table__, Room.id == Shift.room_id)
    .outerjoin(Pause.__table__, sa.and_(Pause.shift_id == Shift.id, Pause.ended_at.is_(None)))
    .where(*_OF_TODAY)
    .order_by(Shift.id, Pause.id)
)
_GIVEN = Statement(
    sa.select(ShiftService.shift_id, ShiftService.service_id)
    .join_from(ShiftService.__table__, Shift.__table__, Shift.id == ShiftService.shift_id)
    .where(*_OF_TODAY)
)


@dataclass(frozen=True, slots=True)
class QueueView:
    """Waiting entries in calling order and the shifts of today, true as of `seq`.

    Unless `is_whole`, `line` ends after the first of them.
    """

    site_id: int
    seq: int
    zone: str
    now: datetime
    rules: SiteRules
    line: tuple[Candidate, ...]
    shifts: tuple[ShiftView, ...]
    is_whole: bool = True

    def shift(self, shift_id: int) -> ShiftView | None:
        """The shift of that id, if it is among today's."""
        return next((s for s in self.shifts if s.shift_id == shift_id), None)

    def places(self) -> dict[int, int]:
        """Place in the calling order by entry id, from 1."""
        return {c.entry_id: n for n, c in enumerate(self.line, start=1)}


def load_queue(session: Session, site: Site, now: datetime) -> QueueView:
    """Load the site's queue; the caller's transaction decides how fresh and how locked it is.

    In one reading session, which sees one snapshot, it is loaded once for each `now`.
    """
    seen: dict[tuple[int, datetime], QueueView] | None = session.info.get(SNAPSHOT)
    if seen is None:
        return _load(session, site, now)
    if (site.id, now) not in seen:
        seen[site.id, now] = _load(session, site, now)
    return seen[site.id, now]


def load_head(session: Session, site: Site, now: datetime) -> QueueView:
    """As `load_queue`, with the first in order alone where very many wait."""
    return _load(session, site, now, HEAD)


def _load(session: Session, site: Site, now: datetime, most: int | None = None) -> QueueView:
    session.flush()
    rules = site.rules
    busy = _rooms_in_use(session, site.id)
    line, is_whole = _candidates(session, site.id, {one.visit_id for one in busy}, most)
    return QueueView(
        site_id=site.id,
        seq=site.seq,
        zone=site.timezone,
        now=now,
        rules=rules,
        line=tuple(in_order(line)),
        shifts=tuple(_shifts(session, site, now, rules, {one.place for one in busy})),
        is_whole=is_whole,
    )


def wished_clinicians(session: Session, clinician_id: int | None, attribute: str) -> frozenset[int]:
    """The clinicians a wish means: the named one, or all who have the attribute."""
    return _wish(clinician_id, attribute, _attributes(session) if attribute else {})


def _candidates(
    session: Session, site_id: int, busy_visits: set[int], most: int | None
) -> tuple[list[Candidate], bool]:
    of = {"site": site_id}
    rows = _waiting(most).all(session, of)
    is_whole = most is None or len(rows) < most
    if not is_whole and rows[0].before_id is not None:
        # Somebody was moved, perhaps before one who is not among the first.
        rows, is_whole = _waiting(None).all(session, of), True
    attributes = _attributes(session) if any(row.wished_attribute for row in rows) else {}
    return [_candidate(row, busy_visits, attributes) for row in rows], is_whole


def _candidate(row: Any, busy_visits: set[int], attributes: dict[str, set[int]]) -> Candidate:
    return Candidate(
        entry_id=row.id,
        visit_id=row.visit_id,
        service_id=row.service_id,
        entry_class=row.entry_class,
        band=row.band,
        due_by=row.due_by,
        arrived_at=row.arrived_at,
        number=row.id,
        reference_at=row.reference_at,
        target=row.target,
        presence=row.presence,
        passed_over_until=row.passed_over_until,
        preference=row.preference,
        clinicians=frozenset()
        if row.preference is PreferenceKind.NONE
        else _wish(row.wished_clinician_id, row.wished_attribute, attributes),
        needs=frozenset(row.needs or ()),
        visit_busy=row.visit_id in busy_visits,
        move=Move(row.before_id, row.made_at) if row.before_id else None,
    )


def _attributes(session: Session) -> dict[str, set[int]]:
    having: dict[str, set[int]] = defaultdict(set)
    for clinician_id, words in session.execute(sa.select(Clinician.id, Clinician.attributes)):
        for word in words or ():
            having[word].add(clinician_id)
    return having


def _wish(
    clinician_id: int | None, attribute: str, attributes: dict[str, set[int]]
) -> frozenset[int]:
    if clinician_id is not None:
        return frozenset({clinician_id})
    return frozenset(attributes.get(attribute, ()))


class _InRoom(NamedTuple):
    visit_id: int
    place: tuple[int, str]


def _rooms_in_use(session: Session, site_id: int) -> list[_InRoom]:
    """Who is called or in service, and the place they take: a party called together takes one."""
    found = []
    for row in _IN_ROOM.all(session, {"site": site_id}):
        who = f"party:{row.party_id}" if row.called_together else f"visit:{row.visit_id}"
        found.append(_InRoom(row.visit_id, (row.room_id or 0, who)))
    return found


def _shifts(
    session: Session,
    site: Site,
    now: datetime,
    rules: SiteRules,
    in_use: Iterable[tuple[int, str]],
) -> list[ShiftView]:
    of = {"site": site.id, "day": site.day_at(now)}
    rows = _SHIFTS.all(session, of)
    services: dict[int, set[int]] = defaultdict(set)
    for shift_id, service_id in _GIVEN.all(session, of):
        services[shift_id].add(service_id)
    taken = Counter(room_id for room_id, _ in in_use)
    # Of several pauses the last one counts.
    last = {row.id: row for row in rows}
    return [_view(row, now, frozenset(services[row.id]), taken) for row in last.values()]


def _view(row: Any, now: datetime, services: frozenset[int], taken: Counter[int]) -> ShiftView:
    is_open = row.actual_from is not None
    return ShiftView(
        shift_id=row.id,
        clinician_id=row.clinician_id,
        services=services,
        starts_at=row.actual_from or row.planned_from + row.declared_delay,
        ends_at=max(row.planned_to, now + _OVERTIME) if is_open else row.planned_to,
        is_open=is_open,
        room_id=row.room_id,
        room_features=frozenset(row.features or ()),
        paused_until=(row.until or FOREVER) if row.pause_id is not None else None,
        free_places=0 if row.places is None else row.places - taken[row.room_id],
        declared_delay=row.declared_delay,
    )
