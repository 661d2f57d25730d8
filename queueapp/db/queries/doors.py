"""When a site's doors are open."""

from datetime import time

import sqlalchemy as sa
from sqlalchemy.orm import Session

from queueapp.db.models import OpeningException, OpeningHour, Site
from queueapp.domain import hours


def timetable(session: Session, site: Site) -> hours.Timetable | None:
    """The site's opening hours; None for a site without any, which never closes.

    One that only says which days differ, such as holidays, is open round the clock on all others.
    """
    weekly = session.execute(
        sa.select(OpeningHour.weekday, OpeningHour.opens, OpeningHour.closes).where(
            OpeningHour.site_id == site.id
        )
    ).all()
    differing = session.execute(
        sa.select(OpeningException.day, OpeningException.opens, OpeningException.closes).where(
            OpeningException.site_id == site.id
        )
    ).all()
    if not weekly and not differing:
        return None
    round_the_clock = tuple(hours.OpeningRule(n, time(0), time(0)) for n in range(7))
    return hours.Timetable(
        site.timezone,
        tuple(hours.OpeningRule(*rule) for rule in weekly) or round_the_clock,
        tuple(hours.OpeningException(*exception) for exception in differing),
    )
