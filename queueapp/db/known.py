"""What a site's settings say, read once per process and change: nothing here is ever out of date.

The database renews `Site.settings_stamp` itself with every change of a site, its services, reasons,
targets, rooms or hours, in the change's own transaction and whoever makes it. Each transaction
reads the stamp once; what another stamp stood for is read anew. Stamps are random, so that none
comes back, and none of a change that was rolled back stands for a later one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import time
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.orm import ORMExecuteState, Session, SessionTransaction

from queueapp.db.core import CORE
from queueapp.db.models import (
    Base,
    OpeningException,
    OpeningHour,
    Reason,
    Room,
    Service,
    ServiceTarget,
    Site,
)
from queueapp.db.statement import Statement
from queueapp.db.writing import Rows, adopt, columns
from queueapp.domain import hours
from queueapp.domain.targets import Target

SETTINGS = (Site, Service, Reason, ServiceTarget, Room, OpeningHour, OpeningException)
# Where a session keeps what it knows for the length of its transaction.
KNOWN = "queueapp.known"
# Where all sessions of a database keep it, by site and stamp.
KEPT = "queueapp.kept_settings"
_HELD = "queueapp.held_rows"
_Row = TypeVar("_Row", Service, Room)

_SITE, _SERVICE = Site.__table__, Service.__table__
_STAMP = Statement(
    sa.select(_SITE.c.settings_stamp, _SITE.c.timezone).where(_SITE.c.id == sa.bindparam("site"))
)
_WHOLE = Rows((Site,), sa.select(*columns(Site)).where(_SITE.c.id == sa.bindparam("site")))
_SERVICES = Statement(
    sa.select(_SERVICE)
    .where(_SERVICE.c.site_id == sa.bindparam("site"))
    .order_by(_SERVICE.c.position, _SERVICE.c.id)
)
_ROOMS = Statement(sa.select(Room.__table__).where(Room.site_id == sa.bindparam("site")))
_TARGETS = Statement(
    sa.select(ServiceTarget.__table__)
    .join_from(ServiceTarget.__table__, _SERVICE)
    .where(_SERVICE.c.site_id == sa.bindparam("site"))
    .order_by(ServiceTarget.__table__.c.id)
)
_HOURS = Statement(
    sa.select(OpeningHour.weekday, OpeningHour.opens, OpeningHour.closes).where(
        OpeningHour.site_id == sa.bindparam("site")
    )
)
_EXCEPTIONS = Statement(
    sa.select(OpeningException.day, OpeningException.opens, OpeningException.closes).where(
        OpeningException.site_id == sa.bindparam("site")
    )
)


@dataclass(frozen=True, slots=True)
class Known:
    """A site's settings as plain values.

    `rows` are columns by name, of services in the site's order and of rooms, by model and id;
    `hours` is None for a site that never closes.
    """

    rows: Mapping[tuple[type[Base], int], Mapping[str, Any]]
    services: Mapping[str, int]
    targets: Mapping[int, tuple[Target, ...]]
    hours: hours.Timetable | None


def known(session: Session, site_id: int) -> Known:
    """The site's settings as this transaction sees them."""
    held: dict[int, Known] | None = session.info.get(KNOWN)
    if held is not None and site_id in held:
        return held[site_id]
    kept: dict[int, tuple[int, Known]] = session.info.setdefault(KEPT, {})
    if held is not None:
        site = site_of(session, site_id)
        stamp, zone = site.settings_stamp, site.timezone
    else:
        session.flush()
        stamp, zone = _STAMP.one(session, {"site": site_id})
    last = kept.get(site_id)
    if last is not None and last[0] == stamp:
        found = last[1]
    else:
        found = _read(session, site_id, zone)
        if _STAMP.one(session, {"site": site_id})[0] == stamp:
            kept[site_id] = (stamp, found)
    if held is not None:
        held[site_id] = found
    return found


def site_of(session: Session, site_id: int) -> Site:
    """The site's row. Raises sqlalchemy.exc.NoResultFound."""
    here: Site | None = session.identity_map.get(session.identity_key(Site, site_id))
    if here is None:
        here = _WHOLE.one(session, {"site": site_id})[0]
        hold(session, here)
    return here


def settled(session: Session, site_id: int, model: type[_Row], row_id: int) -> _Row | None:
    """The site's service or room of that id, without asking for it; None where there is none."""
    here: _Row | None = session.identity_map.get(session.identity_key(model, row_id))
    if here is not None:
        return here
    values = known(session, site_id).rows.get((model, row_id))
    if values is None:
        return None
    # Lists are the row's own: what is done to one is done to no other transaction's.
    row = adopt(session, model, {n: _own(value) for n, value in values.items()})
    hold(session, row)
    return row


def _own(value: Any) -> Any:
    return [*value] if type(value) is list else value


def hold(session: Session, row: Base) -> None:
    """Keep a row that is asked for again, in a transaction of `Database`; a session itself keeps
    none that nobody else does."""
    if KNOWN in session.info:
        session.info.setdefault(_HELD, []).append(row)


def forget(session: Session) -> None:
    """For the rest of the transaction, read the stamp whenever it is asked for."""
    session.info[KNOWN] = None


def forget_changed(state: ORMExecuteState) -> None:
    """Before a writing session's statement: one that may change settings makes them unknown."""
    mapper = state.bind_mapper
    if not state.is_select and (mapper is None or mapper.class_ in SETTINGS):
        forget(state.session)


def forget_undone(session: Session, _transaction: SessionTransaction) -> None:
    """After a part of a writing session was rolled back."""
    forget(session)
    session.info.pop(_HELD, None)
    session.info.pop(CORE, None)


def _read(session: Session, site_id: int, zone: str) -> Known:
    of = {"site": site_id}
    services = _SERVICES.all(session, of)
    rows: dict[tuple[type[Base], int], Mapping[str, Any]] = {
        (Service, row.id): row._asdict() for row in services
    }
    rows |= {(Room, row.id): row._asdict() for row in _ROOMS.all(session, of)}
    targets: dict[int, tuple[Target, ...]] = {}
    for row in _TARGETS.all(session, of):
        one = Target(row.service_id, row.entry_class, row.within, row.share, row.valid_from)
        targets[row.service_id] = (*targets.get(row.service_id, ()), one)
    return Known(
        rows=rows,
        services={row.slug: row.id for row in services if not row.retired},
        targets=targets,
        hours=_timetable(session, of, zone),
    )


def _timetable(session: Session, of: Mapping[str, int], zone: str) -> hours.Timetable | None:
    weekly = _HOURS.all(session, of)
    differing = _EXCEPTIONS.all(session, of)
    if not weekly and not differing:
        return None
    round_the_clock = tuple(hours.OpeningRule(n, time(0), time(0)) for n in range(7))
    return hours.Timetable(
        zone,
        tuple(hours.OpeningRule(*rule) for rule in weekly) or round_the_clock,
        tuple(hours.OpeningException(*exception) for exception in differing),
    )
