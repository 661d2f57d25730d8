"""What a patient does from the phone: I'm here, running late, step out, leave, help, feedback."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from flask import redirect, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from queueapp.actions.arrivals import arrive
from queueapp.actions.base import open_entries
from queueapp.actions.calls import restore
from queueapp.actions.desk_items import ask_for_help
from queueapp.actions.entries import lock_visit
from queueapp.actions.feedback import Words, give_feedback
from queueapp.actions.presence import come_back, leave, step_out
from queueapp.actions.running_late import visit_runs_late
from queueapp.domain.refusal import invalid
from queueapp.domain.visit import EntryState, Presence, SortedOut
from queueapp.web import errors
from queueapp.web.once import once
from queueapp.web.phone.join import blueprint
from queueapp.web.security import allow, current_actor, identity, now

# Minutes one may step out for, or come later by; the place is kept.
OUT_FOR = (10, 20, 30)


@blueprint.post("/phone/ticket/here")
@allow("patient")
def here() -> Response:
    """ "I'm here": from the way, from outside, or after a call in vain."""
    return _do(_be_here)


@blueprint.post("/phone/ticket/step-out")
@allow("patient")
def out() -> Response:
    """Out for some minutes; when already out, for some minutes more."""
    back_by = now() + _minutes()

    def go(session: Session, visit_id: int) -> None:
        if lock_visit(session, visit_id).presence is Presence.OUT:
            come_back(session, current_actor(), now(), visit_id=visit_id)
        step_out(session, current_actor(), now(), visit_id=visit_id, back_by=back_by)

    return _do(go)


@blueprint.post("/phone/ticket/late")
@allow("patient")
def late() -> Response:
    """On the way, and later than said."""
    by = _minutes()
    return _do(
        lambda session, visit_id: visit_runs_late(
            session, current_actor(), now(), visit_id=visit_id, by=by
        )
    )


@blueprint.post("/phone/ticket/sorted-out")
@allow("patient")
def sorted_out() -> Response:
    """Whether it was sorted out, in one tap; again with words, thanks, a wish for an answer."""
    given = request.form
    answer = given.get("sorted_out", "")
    if answer not in set(SortedOut):
        raise invalid("sorted_out", "Choose yes, partly or no.")
    words = Words(
        wording=given.get("wording", ""),
        thanks=given.get("thanks", ""),
        wants_answer="wants_answer" in given,
        reach=given.get("reach", ""),
    )
    return _do(
        lambda session, visit_id: give_feedback(
            session,
            current_actor(),
            now(),
            visit_id=visit_id,
            sorted_out=SortedOut(answer),
            words=words,
        ),
        body=repr((answer, words)),
    )


@blueprint.post("/phone/ticket/leave")
@allow("patient")
def go() -> Response:
    """Leave the queue for good."""
    return _do(lambda session, visit_id: leave(session, current_actor(), now(), visit_id=visit_id))


@blueprint.post("/phone/ticket/help")
@allow("patient")
def ask_help() -> Response:
    """Somebody looks for the person."""
    return _do(
        lambda session, visit_id: ask_for_help(session, current_actor(), now(), visit_id=visit_id)
    )


def _be_here(session: Session, visit_id: int) -> None:
    visit = lock_visit(session, visit_id)
    waiting = [e for e in open_entries(session, visit) if e.state is EntryState.WAITING]
    if visit.presence is Presence.OUT:
        come_back(session, current_actor(), now(), visit_id=visit_id)
    elif visit.presence is Presence.ON_THE_WAY:
        arrive(session, current_actor(), now(), visit_id=visit_id)
    for entry in waiting:
        if entry.absences or visit.presence is Presence.UNCONFIRMED:
            restore(session, current_actor(), now(), entry_id=entry.id)


def _minutes() -> timedelta:
    minutes = request.form.get("minutes", "")
    if minutes not in map(str, OUT_FOR):
        raise invalid("minutes", "Choose 10, 20 or 30 minutes.")
    return timedelta(minutes=int(minutes))


def _do(verb: Callable[[Session, int], object], body: str = "") -> Response:
    """Carry out once, however often it was pressed; the channel repaints where scripts run."""
    visit_id = identity().visit_id
    assert visit_id is not None

    def work(session: Session) -> dict[str, Any]:
        verb(session, visit_id)
        return {}

    once(work, body=body or request.form.get("minutes", ""), status=204)
    if errors.wants_json():
        return Response(status=204)
    return redirect(url_for("phone.ticket"), 303)
