"""What people are told they will wait: stored at joining, looked up in the newest forecast."""

from collections import defaultdict
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from queueapp.actions.base import note
from queueapp.actions.intake import closes_at
from queueapp.db.known import settled
from queueapp.db.models import (
    Promise,
    QueueEntry,
    Service,
    Shift,
    ShiftService,
    Site,
    StoredForecast,
    Visit,
)
from queueapp.db.queries.forecasts import parsed
from queueapp.db.statement import Statement
from queueapp.db.unit import lock_site
from queueapp.db.writing import Rows, change_now, columns, insert_now
from queueapp.domain.actor import SYSTEM
from queueapp.domain.events import Kind
from queueapp.domain.quantiles import Forecast
from queueapp.domain.visit import EntryClass, EntryState, PreferenceKind, Presence
from queueapp.waits.promise import Quote, quote, said_range

_NEWEST = Rows(
    (StoredForecast,),
    sa.select(*columns(StoredForecast)).where(StoredForecast.site_id == sa.bindparam("site")),
)
_S, _L = Shift.__table__.c, ShiftService.__table__.c
_ON_SHIFT = Statement(
    sa.select(_S.id, _S.clinician_id, _L.service_id)
    .join_from(Shift.__table__, ShiftService.__table__, _L.shift_id == _S.id)
    .where(_S.site_id == sa.bindparam("site"), _S.actual_from.is_not(None), _S.actual_to.is_(None))
)
_E, _V = QueueEntry.__table__.c, Visit.__table__.c
_PLACE = ("band", "due_by", "arrived_at", "id")
_AHEAD = Statement(
    sa.select(sa.func.count())
    .select_from(sa.join(QueueEntry.__table__, Visit.__table__, _V.id == _E.visit_id))
    .where(
        _E.site_id == sa.bindparam("site"),
        _E.state == EntryState.WAITING,
        _E.id != sa.bindparam("id"),
        _E.service_id.in_(sa.bindparam("sharing", expanding=True)),
        _V.presence == Presence.HERE,
        sa.tuple_(*(_E[name] for name in _PLACE))
        < sa.tuple_(*(sa.bindparam(name, type_=_E[name].type) for name in _PLACE)),
    )
)


def promise_at_joining(
    session: Session, now: datetime, *, site: Site, entry: QueueEntry
) -> Promise:
    """Store the first promise in the joining's own transaction; never waits for a simulation."""
    stored = newest_forecast(session, site, now)
    told = quote_for(session, now, site=site, entry=entry, stored=stored)
    low, high = said_range(told)
    return insert_now(
        session,
        Promise,
        entry_id=entry.id,
        number=1,
        told_at=now,
        low_at=now + low,
        mid_at=now + timedelta(seconds=told.mid_s),
        high_at=now + high,
        basis=told.basis,
        forecast_seq=stored.seq if stored else None,
        forecast_age=now - stored.made_at if stored else None,
        raw_low=timedelta(seconds=told.raw_s[0]) if told.raw_s else None,
        raw_high=timedelta(seconds=told.raw_s[1]) if told.raw_s else None,
        ahead=told.ahead,
    )


def newest_forecast(session: Session, site: Site, now: datetime) -> StoredForecast | None:
    """The site's forecast while it is fresh enough to promise from, else None."""
    stored = _stored(session, site)
    if stored is None or now - stored.made_at > site.rules.forecast_fresh:
        return None
    return stored


def _stored(session: Session, site: Site) -> StoredForecast | None:
    found = _NEWEST.one_or_none(session, {"site": site.id})
    return found[0] if found else None


# No forecast takes as long.
_ANY_FORECAST = timedelta(minutes=1)


def store_forecast(session: Session, now: datetime, *, site: Site, made: Forecast) -> None:
    """Keep the site's newest forecast; its `seq` is the site's once this is committed.

    A forecast older than the one stored is dropped: two workers never go back in time. One stored
    as of a time to come was made before the clock was set back.
    """
    lock_site(session, site.id)
    row = _stored(session, site)
    if row is not None and made.made_at < row.made_at < now + _ANY_FORECAST:
        return
    values: dict[str, Any] = {
        "for_seq": made.seq,
        "seq": site.seq + 1,
        "made_at": made.made_at,
        "content": made.to_json(),
    }
    if row is None:
        insert_now(session, StoredForecast, site_id=site.id, **values)
    else:
        change_now(session, row, **values)
    note(session, SYSTEM, now, Kind.FORECAST_STORED, site_id=site.id)


def _eligible_ahead(session: Session, entry: QueueEntry, sharing: set[int]) -> int:
    """How many who are here are due before, among services that share a clinician on shift."""
    found: int | None = _AHEAD.scalar(
        session,
        {"site": entry.site_id, "sharing": sorted(sharing)}
        | {name: getattr(entry, name) for name in _PLACE},
    )
    return found or 0


def quote_for(
    session: Session,
    now: datetime,
    *,
    site: Site,
    entry: QueueEntry,
    stored: StoredForecast | None,
) -> Quote:
    """The range to tell: from the join table, or the cold start where there is none."""
    only = entry.wished_clinician_id if entry.preference is PreferenceKind.ONLY else None
    wished, released_s = entry.wished_clinician_id, None
    if entry.preference is PreferenceKind.IF_POSSIBLE:
        released_s = max((entry.due_by - site.rules.release - now).total_seconds(), 0.0)
    service = settled(session, site.id, Service, entry.service_id)
    assert service
    on_shift = _on_shift(session, entry)
    sharing = {entry.service_id}.union(*(given for _, given in on_shift))
    # The forecast knows nothing of what is no care.
    return quote(
        parsed(stored) if stored and not service.not_care else None,
        now,
        entry.service_id,
        wished,
        _eligible_ahead(session, entry, sharing),
        closes_at(session, site, now),
        rules=site.rules,
        servers=sum(only in (None, clinician_id) for clinician_id, _ in on_shift),
        mean_s=service.planned.total_seconds(),
        released_s=released_s,
        appointment_id=entry.appointment_id if entry.entry_class == EntryClass.BOOKED else None,
        entry_class=entry.entry_class,
    )


def chance_not_reached(session: Session, site: Site, entry: QueueEntry, now: datetime) -> float:
    """How likely (0-1) the entry is not called today, by the newest forecast; 0 without one."""
    stored = newest_forecast(session, site, now)
    if stored is None:
        return 0.0
    known = parsed(stored).entries.get(entry.id)
    if known is not None:
        return known.not_reached
    return quote_for(session, now, site=site, entry=entry, stored=stored).not_reached


def _on_shift(session: Session, entry: QueueEntry) -> list[tuple[int, set[int]]]:
    """Who gives the entry's service now: the clinician, and all services of that shift."""
    given: dict[int, set[int]] = defaultdict(set)
    clinicians: dict[int, int] = {}
    session.flush()
    on_shift = _ON_SHIFT.all(session, {"site": entry.site_id})
    for shift_id, clinician_id, service_id in on_shift:
        given[shift_id].add(service_id)
        clinicians[shift_id] = clinician_id
    return [(clinicians[s], all_) for s, all_ in given.items() if entry.service_id in all_]
