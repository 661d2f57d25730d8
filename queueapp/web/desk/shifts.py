"""Who works in which room: coming on shift, going, pausing, changing rooms, running late."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from flask import request
from sqlalchemy.orm import Session, selectinload
from werkzeug.exceptions import NotFound
from wtforms import IntegerField
from wtforms.validators import InputRequired, NumberRange

from queueapp.actions import shifts as actions
from queueapp.actions.unseen import newest_seq
from queueapp.db.models import Room, Shift, Site
from queueapp.db.queries.clinicians import clinicians_of
from queueapp.db.queries.happened import room_name
from queueapp.domain.localtime import to_local
from queueapp.domain.refusal import Refused
from queueapp.web.desk import blueprint
from queueapp.web.desk.acting import Done, carry_out
from queueapp.web.desk.page import Panel, make_panel, show, status_of
from queueapp.web.desk.seen import check_seen, of_shift
from queueapp.web.fields import (
    AfterwardsForm,
    Choice,
    ClockField,
    future_instant,
    past_instant,
    rounded_up,
)
from queueapp.web.forms import Form, text
from queueapp.web.security import allow, current_actor, current_db, current_site, now

_PAUSE_MIN = 15


class OpenForm(AfterwardsForm):
    """Who comes on shift, where, until when."""

    clinician = Choice("Who", "Choose a clinician who works here.")
    room = Choice("In", "Choose one of this clinic's rooms.")
    until = ClockField("Until, if not as planned")


class PauseForm(Form):
    """Why, and until when."""

    reason = text("Why", "Say why: it is shown to colleagues.")
    until = ClockField("Back at, if known")


class HandOverForm(AfterwardsForm):
    """To whom."""

    clinician = Choice("Who takes over", "Choose a clinician who works here.")


class RoomForm(Form):
    """To which room."""

    room = Choice("To which room", "Choose one of this clinic's rooms.")


class LateForm(Form):
    """By how much."""

    minutes = IntegerField(
        "Minutes late (0: on time)",
        [
            InputRequired("Give a number of minutes, 0 for on time."),
            NumberRange(0, 720, "Give 0 to 720 minutes."),
        ],
    )


class CloseForm(AfterwardsForm):
    """Going home."""


class ResumeForm(Form):
    """Back."""


_FORMS: dict[str, type[Form]] = {
    "pause": PauseForm,
    "resume": ResumeForm,
    "hand-over": HandOverForm,
    "room": RoomForm,
    "late": LateForm,
    "close": CloseForm,
}


@blueprint.route("/<site>/shifts")
@allow("receptionist")
def shifts(site: str) -> Any:
    """The shifts of today, perhaps with a verb of one of them."""
    shift_id, verb = request.args.get("shift", type=int), request.args.get("verb", "")
    form = _FORMS[verb](formdata=None) if shift_id and verb in _FORMS else None
    return show(_panel(shift_id if form else None, verb, form))


@blueprint.route("/<site>/shifts", methods=["POST"])
@allow("receptionist")
def open_shift(site: str) -> Any:
    """A clinician comes on shift."""
    form = OpenForm()
    with current_db().read() as session:
        _fill(session, session.get_one(Site, current_site().id), form)

    def work(session: Session) -> Done:
        row = session.get_one(Site, current_site().id)
        until = future_instant(row.timezone, row.rules, now(), form.until)
        shift = actions.open_shift(
            session,
            current_actor(),
            now(),
            room_id=form.room.chosen() or 0,
            clinician_id=form.clinician.chosen() or 0,
            planned_to=until,
            occurred_at=past_instant(row.timezone, row.rules, now(), form.occurred_at),
        )
        session.refresh(shift, ["room", "clinician"])
        where = room_name(shift.room.name) if shift.room else ""
        return Done(shift.clinician.shown_name, f"is on shift in {where}", then=_here())

    if not form.validate():
        return show(_panel(None, "", None, form), 422)
    try:
        return carry_out(work)
    except Refused as refused:
        form.take(_renamed(refused))
        return show(_panel(None, "", None, form), status_of(refused))


@blueprint.route("/shifts/<int:shift_id>/<verb>", methods=["POST"])
@allow("receptionist")
def shift_verb(shift_id: int, verb: str) -> Any:
    """Pause, resume, hand over, change room, run late, close."""
    if verb not in _FORMS:
        raise NotFound
    form = _FORMS[verb]()
    with current_db().read() as session:
        _fill(session, session.get_one(Site, current_site().id), form)

    def work(session: Session) -> Done:
        site = session.get_one(Site, current_site().id)
        shift = session.get_one(Shift, shift_id)
        who = shift.clinician.shown_name
        check_seen(session, site, of_shift(shift))
        words = _WORKS[verb](session, site, shift_id, form)
        return Done(who, words, then=_here())

    if not form.validate():
        return show(_panel(shift_id, verb, form), 422)
    try:
        return carry_out(work)
    except Refused as refused:
        form.take(_renamed(refused))
        return show(_panel(shift_id, verb, form), status_of(refused))


def _renamed(refused: Refused) -> Refused:
    names = {"planned_to": "until", "delay": "minutes"}
    return Refused(refused.message, names.get(refused.field, refused.field), refused.kind)


def _here() -> str:
    return f"/desk/{current_site().slug}/shifts"


def _pause(session: Session, site: Site, shift_id: int, form: Any) -> str:
    until = future_instant(site.timezone, site.rules, now(), form.until)
    actions.pause(
        session,
        current_actor(),
        now(),
        shift_id=shift_id,
        reason=form.reason.data or "",
        until=until,
    )
    return f"paused until {to_local(site.timezone, until):%H:%M}" if until else "paused"


def _resume(session: Session, site: Site, shift_id: int, form: Any) -> str:
    actions.resume(session, current_actor(), now(), shift_id=shift_id)
    return "is back"


def _hand_over(session: Session, site: Site, shift_id: int, form: Any) -> str:
    taking = actions.hand_over(
        session,
        current_actor(),
        now(),
        shift_id=shift_id,
        to_clinician_id=form.clinician.chosen() or 0,
        occurred_at=past_instant(site.timezone, site.rules, now(), form.occurred_at),
    )
    session.refresh(taking, ["clinician"])
    return f"handed over to {taking.clinician.shown_name}"


def _room(session: Session, site: Site, shift_id: int, form: Any) -> str:
    room_id = form.room.chosen() or 0
    actions.change_room(session, current_actor(), now(), shift_id=shift_id, room_id=room_id)
    return f"works in {room_name(session.get_one(Room, room_id).name)} now"


def _late(session: Session, site: Site, shift_id: int, form: Any) -> str:
    delay = timedelta(minutes=form.minutes.data or 0)
    actions.declare_delay(session, current_actor(), now(), shift_id=shift_id, delay=delay)
    return f"runs {form.minutes.data} min late" if delay else "is on time again"


def _close(session: Session, site: Site, shift_id: int, form: Any) -> str:
    when = past_instant(site.timezone, site.rules, now(), form.occurred_at)
    actions.close_shift(session, current_actor(), now(), shift_id=shift_id, occurred_at=when)
    return "went home"


_WORKS: dict[str, Callable[[Session, Site, int, Any], str]] = {
    "pause": _pause,
    "resume": _resume,
    "hand-over": _hand_over,
    "room": _room,
    "late": _late,
    "close": _close,
}


def _panel(shift_id: int | None, verb: str, form: Any, new: OpenForm | None = None) -> Panel:
    with current_db().read() as session:
        site = session.get_one(Site, current_site().id)
        today = site.day_at(now())
        rows = session.scalars(
            sa.select(Shift)
            .where(
                Shift.site_id == site.id,
                Shift.actual_to.is_(None),
                sa.or_(Shift.day == today, Shift.actual_from.is_not(None)),
            )
            .options(
                selectinload(Shift.clinician), selectinload(Shift.room), selectinload(Shift.pauses)
            )
            .order_by(Shift.actual_from.is_(None), Shift.planned_from, Shift.id)
        ).all()
        new = new or OpenForm(formdata=None)
        for some in (form, new):
            _fill(session, site, some)
        if isinstance(form, PauseForm) and form.until.data is None:
            at = to_local(site.timezone, rounded_up(now(), _PAUSE_MIN))
            form.until.data = f"{at:%H:%M}"
        if isinstance(form, LateForm) and form.minutes.data is None and not form.errors:
            shift = next((s for s in rows if s.id == shift_id), None)
            form.minutes.data = round(shift.declared_delay.total_seconds() / 60) if shift else 0
        return make_panel(
            "desk/_shifts.html",
            "Shifts and rooms",
            {
                "shifts": [(s, next((p for p in s.pauses if not p.ended_at), None)) for s in rows],
                "shift_id": shift_id,
                "shift_verb": verb,
                "form": form,
                "new": new,
                "room_name": room_name,
                "seen": _seen_of(session, rows, shift_id),
                "is_open_today": site.opened_day == today and site.closed_day != today,
            },
        )


def _seen_of(session: Session, rows: Sequence[Shift], shift_id: int | None) -> int:
    shift = next((s for s in rows if s.id == shift_id), None)
    return newest_seq(session, of_shift(shift)) if shift else -1


def _fill(session: Session, site: Site, form: Any) -> None:
    if form is not None and "clinician" in form:
        clinicians = clinicians_of(session, site.id)
        working = set(
            session.scalars(
                sa.select(Shift.clinician_id).where(
                    Shift.actual_from.is_not(None), Shift.actual_to.is_(None)
                )
            )
        )
        # Who can come is first; who is here already stays, to be refused in words.
        some = sorted(clinicians, key=lambda c: (c.id in working, c.id))
        form.clinician.choices = [(str(c.id), c.shown_name) for c in some]
    if form is not None and "room" in form:
        form.room.choices = [(str(r.id), room_name(r.name)) for r in site.rooms_in_use]
