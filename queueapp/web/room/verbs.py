"""Every press in the room: what it asks for, which action it is, carried out once."""

from collections.abc import Callable
from typing import Any

from flask import flash, jsonify, redirect, request, url_for
from sqlalchemy.orm import Session
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from queueapp.db.models import Site
from queueapp.domain.refusal import Refused, invalid
from queueapp.web import errors
from queueapp.web.forms import Form
from queueapp.web.once import once
from queueapp.web.room import blueprint, calling, forms, seeing, shift
from queueapp.web.room.choices import fill
from queueapp.web.room.turn import Turn
from queueapp.web.security import allow, current_actor, current_db, current_site, now

Run = Callable[[Turn, Any], str]

VERBS: dict[str, tuple[type[Form], Run]] = {
    "call": (forms.PlainForm, calling.call),
    "call-one": (forms.PlainForm, calling.call_one),
    "again": (forms.PlainForm, calling.again),
    "absent": (forms.PlainForm, calling.absent),
    "fetched": (forms.PlainForm, calling.fetched),
    "wrong": (forms.PlainForm, calling.wrong),
    "going": (forms.PlainForm, calling.going),
    "undo": (forms.PlainForm, calling.take_back),
    "start": (forms.PlainForm, seeing.start),
    "came": (forms.PlainForm, seeing.came),
    "still-in": (forms.PlainForm, seeing.still_in),
    "ended": (forms.EndedForm, seeing.ended),
    "finish": (forms.FinishForm, seeing.finish),
    "finish-and-call": (forms.FinishForm, seeing.finish_and_call),
    "transfer": (forms.TransferForm, seeing.transfer),
    "aside": (forms.AsideForm, seeing.set_aside),
    "open": (forms.OpenForm, shift.open_shift),
    "hand-over": (forms.HandOverForm, shift.hand_over),
    "close": (forms.PlainForm, shift.close),
    "room": (forms.RoomForm, shift.change_room),
    "pause": (forms.PauseForm, shift.pause),
    "resume": (forms.PlainForm, shift.resume),
    "late": (forms.LateForm, shift.late),
}


@blueprint.route("/<int:room_id>/<verb>", methods=["POST"])
@allow("clinician", "room")
def do(room_id: int, verb: str) -> Response:
    """Carry out a verb; what is wrong is said in words and nothing is changed."""
    if verb not in VERBS:
        raise NotFound
    form_class, run = VERBS[verb]
    form = form_class()
    with current_db().read() as session:
        fill(session, session.get_one(Site, current_site().id), form)
    _check(form)

    def work(session: Session) -> dict[str, Any]:
        site = session.get_one(Site, current_site().id)
        return {"said": f"{run(Turn(session, current_actor(), now(), site, room_id), form)}."}

    try:
        answer = once(work)
    except Refused as refused:
        raise shift.renamed(refused) from None
    if errors.wants_json():
        return jsonify(answer)
    flash(answer.get("said", ""), "done")
    return redirect(url_for("room.page", room_id=room_id), 303)


def _check(form: Form) -> None:
    """Raise Refused (invalid) for the first field that is wrong."""
    if form.validate_on_submit():
        return
    for name, said in form.errors.items():
        raise invalid(str(name or ""), str(said[0]))
    raise invalid("", f"This could not be read: {request.method}.")
