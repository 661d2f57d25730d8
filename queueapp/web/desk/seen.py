"""What the one who acts has seen: a form says it, and more that happened is said in words."""

import sqlalchemy as sa
from flask import request
from sqlalchemy.orm import Session

from queueapp.actions.unseen import refuse_if_changed, told_since, who_did_what
from queueapp.db.models import QueueEntry, Shift, Site, VisitEvent
from queueapp.domain.refusal import RefusalKind, Refused, conflict
from queueapp.web.fields import row_number
from queueapp.web.security import current_db

FIELD = "seen"
_NOTHING_YET = -1
# Refusals that say what is; who made it so is worth knowing.
_OF_THE_ROW = frozenset(
    {"wrong_state", "moved_on", "departed", "not_out", "not_here", "already_here", "already_undone"}
)


def seen() -> int | None:
    """What the form was shown as true of; None from an old page or a program."""
    words = request.form.get(FIELD, "")
    return _NOTHING_YET if words == str(_NOTHING_YET) else row_number(words)


def of_entry(entry: QueueEntry) -> sa.ColumnElement[bool]:
    """The facts of the visit whose row it is."""
    return VisitEvent.visit_id == entry.visit_id


def of_booking(appointment_id: int) -> sa.ColumnElement[bool]:
    """The facts of a booking."""
    return VisitEvent.appointment_id == appointment_id


def of_shift(shift: Shift) -> sa.ColumnElement[bool]:
    """The facts of a shift itself, without the calls made in it."""
    return sa.and_(VisitEvent.shift_id == shift.id, VisitEvent.visit_id.is_(None))


def check_seen(session: Session, site: Site, about: sa.ColumnElement[bool]) -> None:
    """Refuse, saying who did what when, if something happened that the form did not show."""
    refuse_if_changed(session, site, about, seen())


def told_unseen(site_id: int, about: sa.ColumnElement[bool]) -> Refused | None:
    """The same where nothing is to be done anyway, as what was filled in does not fit any more."""
    with current_db().read() as session:
        told = told_since(session, session.get_one(Site, site_id), about, seen())
    return conflict("changed", told) if told else None


def explained(refused: Refused, site_id: int, about: sa.ColumnElement[bool]) -> Refused:
    """The refusal with who did what when, where that is what stands in the way."""
    if refused.kind is not RefusalKind.CONFLICT or refused.code not in _OF_THE_ROW:
        return refused
    with current_db().read() as session:
        words = who_did_what(session, session.get_one(Site, site_id), about)
    message = f"{refused.message} {words}".strip()
    return Refused(message, refused.field, refused.kind, refused.code, refused.details)
