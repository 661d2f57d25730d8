"""How the desk's commands are carried out and answered: once, in words, with what undoes them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import flash, jsonify, redirect, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from queueapp.actions.undo import undoable
from queueapp.db.models import Patient, QueueEntry, Site, Visit, VisitEvent
from queueapp.db.queries.happened import in_words
from queueapp.web import idempotency, security
from queueapp.web.forms import KEY_FIELD, submitted_key

PANEL_HEADER = "X-Panel"
_NOT_OF_THE_BODY = {KEY_FIELD, "csrf_token"}


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
    actor, now = security.current_actor(), security.now()
    body = "&".join(
        f"{name}={value}"
        for name, value in sorted(request.form.items(multi=True))
        if name not in _NOT_OF_THE_BODY
    )
    with security.current_db().write() as session:
        claim = idempotency.claim(
            session,
            now,
            actor=actor.key,
            method=request.method,
            path=request.path,
            key=submitted_key(),
            body=body,
        )
        if claim.kept is not None:
            done = Done(**(claim.kept.answer or {"about": "", "words": "Done"}))
        else:
            done = work(session)
            kept = {
                "about": done.about,
                "words": done.words,
                "entry_id": done.entry_id,
                "then": done.then,
            }
            claim.keep(session, 200, kept)
    return _answer(done)


def _answer(done: Done) -> Response:
    said = f"{_named(done)} {done.words}".strip()
    site = security.current_site().slug
    if in_panel():
        return jsonify(said=f"{said}.", toast=toast(), entry=done.entry_id, then=done.then)
    flash(f"{said}.", "done")
    return redirect(done.then or url_for("desk.page", site=site), 303)


def _named(done: Done) -> str:
    if done.entry_id is None:
        return done.about
    with security.current_db().read() as session:
        entry = session.get(QueueEntry, done.entry_id)
        patient = entry.visit.patient if entry else None
        return f"{done.about} {patient.called_name if patient else ''}".strip()


def toast() -> dict[str, Any] | None:
    """What this member of staff did last and may still take back: its words, and for how long."""
    actor, now, site_id = security.current_actor(), security.now(), security.current_site().id
    with security.current_db().read() as session:
        site = session.get_one(Site, site_id)
        window = site.rules.undo_window
        mine = [e for e in undoable(session, site_id, now, limit=20) if e.actor == actor.key]
        if not mine:
            return None
        told = in_words(session, site, mine[:1])[0]
        left = window - (now - mine[0].recorded_at)
        name = _name_of(session, mine[0])
        return {
            "event": mine[0].id,
            "words": " ".join(part for part in (told.subject, name, told.words) if part),
            "left_s": round(left.total_seconds()),
            "of_s": round(window.total_seconds()),
        }


def _name_of(session: Session, event: VisitEvent) -> str:
    visit = session.get(Visit, event.visit_id) if event.visit_id else None
    patient = session.get(Patient, visit.patient_id) if visit and visit.patient_id else None
    return patient.called_name if patient else ""
