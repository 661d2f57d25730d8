"""How the desk's commands are carried out and answered: once, in words, with what undoes them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import flash, jsonify, redirect, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from queueapp.actions.undo import UNDOABLE, undoable
from queueapp.db.models import Patient, QueueEntry, Site, Visit, VisitEvent
from queueapp.db.queries.happened import in_words
from queueapp.web import security
from queueapp.web.once import once

PANEL_HEADER = "X-Panel"


@dataclass(frozen=True, slots=True)
class Done:
    """What was done: `about` a ticket or clinician, `words` the rest of the sentence.

    `then` is the URL of a panel to open afterwards, `entry_id` the row that it is about.
    """

    about: str
    words: str
    entry_id: int | None = None
    then: str = ""


def in_panel() -> bool:
    """Whether the page's script asks, for a part of the page or for a plain answer."""
    return PANEL_HEADER in request.headers


def carry_out(work: Callable[[Session], Done]) -> Response:
    """Do it in one transaction, once per idempotency key, and answer in the asker's form.

    The kept answer has tickets, no names. Raises Refused as `work` does.
    """

    def plain(session: Session) -> dict[str, Any]:
        done = work(session)
        return {name: getattr(done, name) for name in ("about", "words", "entry_id", "then")}

    done = Done(**once(plain))
    return _answer(done)


def _answer(done: Done) -> Response:
    said = f"{_named(done)} {done.words}".strip()
    site = security.current_site().slug
    if in_panel():
        return jsonify(
            said=f"{said}.",
            name=_name_in(done),
            toast=toast(),
            entry=done.entry_id,
            then=done.then,
        )
    flash(f"{said}.", "done")
    return redirect(done.then or url_for("desk.page", site=site), 303)


def _named(done: Done) -> str:
    return f"{done.about} {_name_in(done)}".strip()


def _name_in(done: Done) -> str:
    """The name in what is said, so that it can be hidden with all names."""
    if done.entry_id is None:
        return ""
    with security.current_db().read() as session:
        entry = session.get(QueueEntry, done.entry_id)
        patient = entry.visit.patient if entry else None
        return patient.called_name if patient else ""


def toast() -> dict[str, Any] | None:
    """What this member of staff did last and may still take back: its words, and for how long."""
    actor, now, site_id = security.current_actor(), security.now(), security.current_site().id
    with security.current_db().read() as session:
        site = session.get_one(Site, site_id)
        window = site.rules.undo_window
        mine = undoable(session, site_id, now, limit=1, kinds=UNDOABLE, actor=actor)
        if not mine:
            return None
        told = in_words(session, site, mine[:1])[0]
        left = window - (now - mine[0].recorded_at)
        name = _name_of(session, mine[0])
        return {
            "event": mine[0].id,
            "name": name or (told.subject if told.is_name else ""),
            "words": " ".join(part for part in (told.subject, name, told.words) if part),
            "left_s": round(left.total_seconds()),
            "of_s": round(window.total_seconds()),
        }


def _name_of(session: Session, event: VisitEvent) -> str:
    visit = session.get(Visit, event.visit_id) if event.visit_id else None
    patient = session.get(Patient, visit.patient_id) if visit and visit.patient_id else None
    return patient.called_name if patient else ""
