"""Looking: the sites a token is for, and a site's queue now."""

import sqlalchemy as sa
from sqlalchemy.orm import selectinload

from queueapp.db.models import Service, Shift, Site
from queueapp.db.queries.rows import load_rows
from queueapp.web import security
from queueapp.web.api.answers import (
    RoomNow,
    RoomOut,
    ServiceOut,
    SiteOut,
    StateEntry,
    StateOut,
    Who,
)
from queueapp.web.api.lookups import site_row
from queueapp.web.api.table import STAFF, Ask, Call


def list_sites(ask: Ask) -> tuple[int, list[SiteOut]]:
    """The sites this token may use, with their services and rooms."""
    own = {grant.site_id for grant in security.identity().grants}
    query = sa.select(Site).order_by(Site.slug).options(selectinload(Site.rooms))
    if None not in own:
        query = query.where(Site.id.in_(own))
    return 200, [_site(ask, site) for site in ask.session.scalars(query)]


def read_state(ask: Ask) -> tuple[int, StateOut]:
    """Who waits, in calling order and why; who is called and in service; the rooms."""
    assert ask.site is not None
    rows = load_rows(ask.session, site_row(ask.session, ask.site), ask.now)
    return 200, StateOut(
        seq=rows.seq,
        entries=[StateEntry.of(row, ask.now) for row in (*rows.waiting, *rows.in_rooms)],
        rooms=[RoomNow.of(row) for row in rows.rooms],
    )


def _site(ask: Ask, site: Site) -> SiteOut:
    services = ask.session.scalars(
        sa.select(Service)
        .where(Service.site_id == site.id, Service.retired.is_(False))
        .order_by(Service.position, Service.id)
    )
    shifts = ask.session.scalars(
        sa.select(Shift)
        .where(Shift.site_id == site.id, Shift.actual_from.is_not(None), Shift.actual_to.is_(None))
        .options(selectinload(Shift.clinician))
        .order_by(Shift.actual_from.desc(), Shift.id.desc())
    )
    there = {shift.room_id: shift.clinician for shift in shifts}
    return SiteOut(
        slug=site.slug,
        name=site.name,
        timezone=site.timezone,
        services=[ServiceOut(slug=s.slug, name=s.name) for s in services],
        rooms=[
            RoomOut(id=room.id, name=room.name, clinician=Who.of(there.get(room.id)))
            for room in site.rooms
            if not room.retired
        ],
    )


CALLS = (
    Call("GET", "/sites", list_sites, STAFF, {200: list[SiteOut]}),
    Call("GET", "/sites/{site}/state", read_state, STAFF, {200: StateOut}),
)
