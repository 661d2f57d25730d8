"""Notes of staff about a visit, or about the person: written, taken away, never changed."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from queueapp.actions.base import note as note_fact
from queueapp.db.models import LONGEST_NOTE, Note, Visit
from queueapp.domain.actor import Actor
from queueapp.domain.events import Kind
from queueapp.domain.refusal import conflict, invalid, not_found


def write_note(
    session: Session,
    actor: Actor,
    now: datetime,
    *,
    visit_id: int,
    words: str,
    about_person: bool = False,
) -> Note:
    """A note about this visit, or about the person, shown at every visit of theirs.

    Raises Refused: not found; invalid `words`; invalid `about_person` where nobody is known.
    """
    visit = session.get(Visit, visit_id)
    if visit is None:
        raise not_found("The visit")
    words = " ".join(words.split())
    if not 0 < len(words) <= LONGEST_NOTE:
        raise invalid("words", f"Write a note of at most {LONGEST_NOTE} characters.")
    if about_person and visit.patient_id is None:
        raise invalid("about_person", "No name is known. Keep the note with this visit.")
    written = Note(
        site_id=visit.site_id,
        visit_id=visit.id,
        patient_id=visit.patient_id if about_person else None,
        words=words,
        written_by=actor.key,
        written_at=now,
    )
    session.add(written)
    session.flush()
    # Undone, it is as taken away in the moment it was written.
    taken_away = {"note": {str(written.id): {"removed_at": now.isoformat()}}}
    _note(session, actor, now, Kind.NOTE_WRITTEN, written, taken_away)
    return written


def remove_note(session: Session, actor: Actor, now: datetime, *, note_id: int) -> Note:
    """Take a note away. Raises Refused: not found; conflict when it is gone already."""
    written = session.get(Note, note_id, with_for_update=True, populate_existing=True)
    if written is None:
        raise not_found("The note")
    if written.removed_at is not None:
        raise conflict("removed", "This note was already taken away.")
    written.removed_at = now
    session.flush()
    back = {"note": {str(written.id): {"removed_at": None}}}
    _note(session, actor, now, Kind.NOTE_REMOVED, written, back)
    return written


def notes_of(session: Session, visit: Visit) -> list[Note]:
    """The notes to be read with this visit: its own and the person's, newest first."""
    about = Note.visit_id == visit.id
    if visit.patient_id is not None:
        about = sa.or_(
            sa.and_(about, Note.patient_id.is_(None)), Note.patient_id == visit.patient_id
        )
    return list(
        session.scalars(
            sa.select(Note)
            .where(about, Note.removed_at.is_(None), Note.site_id == visit.site_id)
            .order_by(Note.written_at.desc(), Note.id.desc())
        )
    )


def _note(
    session: Session,
    actor: Actor,
    now: datetime,
    kind: Kind,
    written: Note,
    before: Mapping[str, Any],
) -> None:
    note_fact(
        session,
        actor,
        now,
        kind,
        site_id=written.site_id,
        visit_id=written.visit_id,
        data={"note": written.id},
        before=before,
    )
