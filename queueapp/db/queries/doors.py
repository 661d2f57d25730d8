"""When a site's doors are open."""

from sqlalchemy.orm import Session

from queueapp.db.known import known
from queueapp.db.models import Site
from queueapp.domain import hours


def timetable(session: Session, site: Site) -> hours.Timetable | None:
    """The site's opening hours; None for a site without any, which never closes.

    One that only says which days differ, such as holidays, is open round the clock on all others.
    """
    return known(session, site.id).hours
