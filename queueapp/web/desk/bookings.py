"""A booking that is there: check in, move, cancel, not come."""

from typing import Any

from flask import request
from sqlalchemy.orm import Session
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from queueapp.actions import bookings
from queueapp.actions.booking_rows import Place
from queueapp.actions.check_ins import check_in as check_in_action
from queueapp.actions.overrides import may_override
from queueapp.actions.unseen import newest_seq
from queueapp.db.models import Appointment, Service, Site
from queueapp.db.queries.happened import room_name
from queueapp.domain.localtime import to_local
from queueapp.domain.refusal import Refused
from queueapp.domain.visit import AppointmentState
from queueapp.web.desk import blueprint
from queueapp.web.desk.acting import Done, carry_out
from queueapp.web.desk.book_times import TimeForm, override_of, take_refusal, times_of, wanted
from queueapp.web.desk.page import Panel, make_panel, show, status_of
from queueapp.web.desk.seen import check_seen, explained, of_booking, seen
from queueapp.web.fields import AfterwardsForm, past_instant, typed_date
from queueapp.web.forms import Form
from queueapp.web.security import allow, current_actor, current_db, current_site, now

STATE_WORDS = {
    AppointmentState.HELD: "held, not booked yet",
    AppointmentState.BOOKED: "expected",
    AppointmentState.CHECKED_IN: "checked in",
    AppointmentState.FULFILLED: "was seen",
    AppointmentState.CANCELLED: "cancelled",
    AppointmentState.NO_SHOW: "did not come",
}


class CheckInForm(AfterwardsForm):
    """When they came, if it was earlier."""


_FORMS: dict[str, type[Form]] = {"check-in": CheckInForm, "move": TimeForm}


@blueprint.route("/bookings/<int:appointment_id>")
@allow("receptionist")
def booking(appointment_id: int) -> Any:
    """Open a booking, perhaps with one of its verbs."""
    verb = request.args.get("verb", "")
    form = _FORMS[verb](formdata=None) if verb in _FORMS else None
    return show(_panel(appointment_id, verb if verb in _FORMS else "", form))


@blueprint.route("/bookings/<int:appointment_id>/check-in", methods=["POST"])
@allow("receptionist")
def check_in(appointment_id: int) -> Any:
    """They are here."""
    form = CheckInForm()
    if not form.validate():
        return show(_panel(appointment_id, "check-in", form), 422)

    def work(session: Session) -> Done:
        site = session.get_one(Site, current_site().id)
        check_seen(session, site, of_booking(appointment_id))
        entry = check_in_action(
            session,
            current_actor(),
            now(),
            appointment_id=appointment_id,
            occurred_at=past_instant(site.timezone, site.rules, now(), form.occurred_at),
        )
        late = "" if entry.entry_class == "booked" else ", too late to count as booked"
        by = f"{to_local(site.timezone, entry.due_by):%H:%M}"
        return Done(entry.visit.ticket, f"checked in{late}, due by {by}", entry.id)

    try:
        return carry_out(work)
    except Refused as refused:
        told = explained(refused, current_site().id, of_booking(appointment_id))
        if not form.occurred_at.data and seen() is None:
            raise told from None
        form.take(told)
        return show(_panel(appointment_id, "check-in", form), status_of(refused))


@blueprint.route("/bookings/<int:appointment_id>/move", methods=["POST"])
@allow("receptionist")
def move(appointment_id: int) -> Any:
    """Give it another time."""
    form = TimeForm()
    if "look" in request.form:
        return show(_panel(appointment_id, "move", form))
    if not form.validate():
        return show(_panel(appointment_id, "move", form), 422)

    def work(session: Session) -> Done:
        site = session.get_one(Site, current_site().id)
        check_seen(session, site, of_booking(appointment_id))
        moved = bookings.move_booking(
            session,
            current_actor(),
            now(),
            appointment_id=appointment_id,
            place=Place(wanted(form, site)),
            override=override_of(form),
        )
        at = to_local(site.timezone, moved.starts_at)
        return Done(_name(moved), f"is booked for {at:%a} {at.day} {at:%b}, {at:%H:%M} now")

    try:
        return carry_out(work)
    except Refused as refused:
        panel_form = form
        told = explained(refused, current_site().id, of_booking(appointment_id))
        take_refusal(panel_form, told, current_site().timezone)
        return show(_panel(appointment_id, "move", panel_form), status_of(refused))


@blueprint.route("/bookings/<int:appointment_id>/<ending>", methods=["POST"])
@allow("receptionist")
def end(appointment_id: int, ending: str) -> Response:
    """Cancel it, or say that nobody came."""
    if ending not in ("cancel", "no-show"):
        raise NotFound

    def work(session: Session) -> Done:
        key = (session, current_actor(), now())
        about = of_booking(appointment_id)
        check_seen(session, session.get_one(Site, current_site().id), about)
        if ending == "cancel":
            ended = bookings.cancel_booking(*key, appointment_id=appointment_id, why="by_desk")
            return Done(_name(ended), "booking cancelled; the time is free again")
        ended = bookings.no_show(*key, appointment_id=appointment_id)
        return Done(_name(ended), "marked as not come")

    try:
        return carry_out(work)
    except Refused as refused:
        raise explained(refused, current_site().id, of_booking(appointment_id)) from None


def _name(appointment: Appointment) -> str:
    """What the answer names; kept answers hold codes, no names."""
    return f"Booking {appointment.code}"


def _panel(appointment_id: int, verb: str, form: Any) -> Panel:
    with current_db().read() as session:
        row = session.get_one(Appointment, appointment_id)
        site = session.get_one(Site, row.site_id)
        times = None
        if verb == "move":
            at = to_local(site.timezone, row.starts_at)
            if not form.day.data:
                form.day.data = typed_date(at)
            service = session.get(Service, row.service_id)
            length = row.ends_at - row.starts_at if row.clinician_id else None
            times = times_of(session, site, form, service, row.clinician_id, length)
        patient = row.patient
        started = row.starts_at <= now()
        return make_panel(
            "desk/_booking.html",
            patient.called_name if patient else "A booking",
            {
                "booking": row,
                "person": patient.called_name if patient else "No name",
                "service": row.service.name,
                "clinician": row.clinician.shown_name if row.clinician else "",
                "state": STATE_WORDS[row.state],
                "is_live": row.state is AppointmentState.BOOKED,
                "has_begun": started,
                "booking_verb": verb,
                "form": form,
                "times": times,
                "room_name": room_name,
                "seen": newest_seq(session, of_booking(row.id)),
                "may_override": may_override(session, current_actor(), site),
            },
        )
