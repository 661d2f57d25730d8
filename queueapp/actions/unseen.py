"""Two people on one row: the second is told what the first did, who, and when."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from queueapp.actions.undo_checks import CHANGES
from queueapp.db.models import Site, VisitEvent
from queueapp.db.queries.happened import Happening, in_words
from queueapp.db.unit import lock_site
from queueapp.domain.localtime import to_local
from queueapp.domain.refusal import conflict


def newest_seq(session: Session, about: sa.ColumnElement[bool]) -> int:
    """The newest change of what `about` picks among VisitEvents; -1 when there is none.

    Sent along with a form, it says what the one who fills it in has seen.
    """
    seq = session.scalar(
        sa.select(sa.func.max(VisitEvent.seq)).where(about, VisitEvent.kind.in_(CHANGES))
    )
    return -1 if seq is None else int(seq)


def refuse_if_changed(
    session: Session, site: Site, about: sa.ColumnElement[bool], seen: int | None
) -> None:
    """Refuse (conflict `changed`) when something happened since `seen`, saying who did what when.

    Takes the site's row first, so that of two at once the second sees what the first did. Without
    `seen` (a program, an old page) nothing is checked.
    """
    if seen is None:
        return
    lock_site(session, site.id)
    if told := told_since(session, site, about, seen):
        raise conflict("changed", told)


def told_since(
    session: Session, site: Site, about: sa.ColumnElement[bool], seen: int | None
) -> str:
    """Who did what when since `seen`, and what to do now; empty where nothing happened."""
    newest = _newest_since(session, about, seen) if seen is not None else None
    if newest is None:
        return ""
    told = in_words(session, site, [newest])[0]
    return f"{told_words(site, told)} Look again before you go on."


def who_did_what(session: Session, site: Site, about: sa.ColumnElement[bool]) -> str:
    """The newest change as a sentence: "Ines Marques, 10:41: A12 called to Room 2."."""
    newest = _newest_since(session, about, -1)
    return told_words(site, in_words(session, site, [newest])[0]) if newest else ""


def told_words(site: Site, told: Happening) -> str:
    """Who did what when, as one sentence."""
    at: datetime = to_local(site.timezone, told.at)
    return f"{told.who}, {at:%H:%M}: {told.subject} {told.words}."


def _newest_since(session: Session, about: sa.ColumnElement[bool], seq: int) -> VisitEvent | None:
    return session.scalars(
        sa.select(VisitEvent)
        .where(about, VisitEvent.seq > seq, VisitEvent.kind.in_(CHANGES))
        .order_by(VisitEvent.seq.desc(), VisitEvent.n)
        .limit(1)
    ).one_or_none()
