"""Sites: a new one, its name and clock, the figures of its rules."""

import re
from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from queueapp.actions.admin_record import check_version, named, record_change
from queueapp.actions.base import plain
from queueapp.db.models import Site
from queueapp.db.unit import lock_site
from queueapp.domain.actor import Actor
from queueapp.domain.localtime import parse_zone
from queueapp.domain.refusal import conflict, invalid
from queueapp.domain.rules import SiteRules

SUBJECT = "site"
_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")


def site_state(site: Site) -> dict[str, Any]:
    """All that can be changed of a site; figures as they are in force."""
    figures = {f.name: plain(getattr(site.rules, f.name)) for f in fields(SiteRules)}
    return {"name": site.name, "timezone": site.timezone, **figures}


def new_site(
    session: Session, actor: Actor, now: datetime, *, name: str, slug: str, timezone: str
) -> Site:
    """One more clinic location, empty. Raises Refused (invalid; conflict `slug_taken`)."""
    name = named(name, 120, "site_name", "Give the clinic's name.")
    if not _SLUG.fullmatch(slug):
        raise invalid("slug", "Use small letters, digits and dashes, for example harbour-street.")
    parse_zone(timezone)
    if session.scalar(sa.select(Site.id).where(Site.slug == slug)) is not None:
        raise conflict("slug_taken", f"There is a clinic at /{slug} already. Give another address.")
    site = Site(slug=slug, name=name, timezone=timezone, seq=0, settings={})
    session.add(site)
    session.flush()
    record_change(
        session,
        actor,
        now,
        site_id=site.id,
        verb="added",
        subject=SUBJECT,
        subject_id=site.id,
        name=name,
        after={"name": name, "slug": slug, "timezone": timezone},
    )
    return site


def change_site(
    session: Session,
    actor: Actor,
    now: datetime,
    *,
    site_id: int,
    version: str,
    name: str,
    timezone: str,
    figures: Mapping[str, Any],
) -> bool:
    """Set the site's name, clock and figures; False when nothing differed.

    `figures` are as `SiteRules.from_mapping` reads them; one that is the default is not stored,
    so that it follows a better default. Raises Refused (invalid `rules.<figure>`, `site_name`,
    `timezone`; conflict `changed_meanwhile`).
    """
    site = lock_site(session, site_id)
    before = site_state(site)
    check_version(session, before, version, subject=SUBJECT, subject_id=site_id, zone=site.timezone)
    wanted = SiteRules.from_mapping(figures)
    parse_zone(timezone)
    usual = SiteRules()
    stored = dict(site.settings or {})
    for figure in fields(SiteRules):
        value = getattr(wanted, figure.name)
        stored.pop(figure.name, None)
        if value != getattr(usual, figure.name):
            stored[figure.name] = plain(value)
    site.name = named(name, 120, "site_name", "Give the clinic's name.")
    site.timezone, site.settings = timezone, stored
    session.flush()
    return record_change(
        session,
        actor,
        now,
        site_id=site_id,
        verb="changed",
        subject=SUBJECT,
        subject_id=site_id,
        name=site.name,
        before=before,
        after=site_state(site),
    )
