"""Free times of a site: from shifts, weekly habits, opening hours, pools and what is booked."""

import sqlalchemy as sa
from sqlalchemy.orm import Session

from queueapp.db.models import OpeningException, OpeningHour, Site
from queueapp.domain import hours


def timetable_of(session: Session, site: Site) -> hours.Timetable:
    """The site's opening hours as rules."""
    rules = session.scalars(sa.select(OpeningHour).where(OpeningHour.site_id == site.id))
    others = session.scalars(sa.select(OpeningException).where(OpeningException.site_id == site.id))
    return hours.Timetable(
        site.timezone,
        tuple(hours.OpeningRule(r.weekday, r.opens, r.closes) for r in rules),
        tuple(hours.OpeningException(e.day, e.opens, e.closes) for e in others),
    )
