"""An appointment: found by its code, or by name and date of birth; then checked in.

Whoever is not found hears the same words, whether nobody, several people or a discreet booking
was meant; only the desk is told which.
"""

from datetime import date

import sqlalchemy as sa
from flask import request
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response
from wtforms import StringField
from wtforms.validators import DataRequired, Length

from queueapp.actions.arrivals import check_in
from queueapp.actions.base import find_site
from queueapp.actions.bookings import find_booking
from queueapp.actions.desk_items import ItemKind
from queueapp.db.models import Appointment, QueueEntry, Visit
from queueapp.db.queries.booked_today import find_booked
from queueapp.domain.refusal import RefusalKind, Refused
from queueapp.domain.visit import OPEN_STATES, AppointmentState
from queueapp.web import idempotency
from queueapp.web.forms import Form, submitted_key
from queueapp.web.kiosk.desk import sealed
from queueapp.web.kiosk.given import show_given
from queueapp.web.kiosk.start import blueprint, show
from queueapp.web.security import allow, current_actor, current_db, current_site, now

_OLDEST = 130
NOT_FOUND = "We do not find a booking with this code. Look at it again, or use your name instead."


class CodeForm(Form):
    """The code of the booking."""

    code = StringField(
        validators=[
            DataRequired("Type the code of your booking."),
            Length(max=20, message="A code has at most 20 letters and figures."),
        ]
    )


class NameForm(Form):
    """Who has booked; the date of birth comes on the next screen."""

    name = StringField(
        validators=[
            DataRequired("Type your name, as you booked it."),
            Length(max=120, message="Use at most 120 letters."),
        ]
    )
    day, month, year = StringField(), StringField(), StringField()


@blueprint.get("/kiosk/<site>/booked")
@allow("kiosk", "manager")
def booked(site: str) -> str:
    """By code, or by name."""
    return show("kiosk/booked.html")


@blueprint.route("/kiosk/<site>/booked/code", methods=["GET", "POST"])
@allow("kiosk", "manager")
def by_code(site: str) -> str | Response | tuple[str, int]:
    """Check in by the booking's code."""
    form = CodeForm()
    if not form.validate_on_submit():
        return _code_page(str(form.code.errors[0]) if form.code.errors else "")
    try:
        return _check_in(None, form.code.data)
    except Refused as refused:
        words = NOT_FOUND if refused.kind is RefusalKind.NOT_FOUND else refused.message
        return _code_page(words)


@blueprint.route("/kiosk/<site>/booked/name", methods=["GET", "POST"])
@allow("kiosk", "manager")
def by_name(site: str) -> str | Response | tuple[str, int]:
    """Check in by name, then date of birth."""
    form = NameForm()
    if request.method != "POST" or request.form.get("back") == "name":
        return show("kiosk/ask_booked_name.html", given=request.form)
    if not form.validate():
        errors = {name: str(found[0]) for name, found in form.errors.items() if name and found}
        return show("kiosk/ask_booked_name.html", given=request.form, errors=errors), 422
    if "year" not in request.form:
        return show("kiosk/ask_born.html", given=request.form)
    birth_date, errors = born(form.day.data, form.month.data, form.year.data)
    if birth_date is None:
        return show("kiosk/ask_born.html", given=request.form, errors=errors), 422
    with current_db().read() as session:
        here = find_site(session, site)
        found = find_booked(session, here, now(), name=form.name.data, birth_date=birth_date)
        appointment_id = found.appointment.id if found.appointment else None
    if appointment_id is None:
        return _not_found(ItemKind.NAME_CLASH if found.clash else ItemKind.NOT_FOUND)
    try:
        return _check_in(appointment_id, None)
    except Refused:
        return _not_found(ItemKind.NOT_FOUND)


def born(day: str, month: str, year: str) -> tuple[date | None, dict[str, str]]:
    """The date of birth of three fields, or what is wrong, by field."""
    today = now().date()
    limits = {
        "day": (day, 1, 31, "Give the day from 1 to 31."),
        "month": (month, 1, 12, "Give the month from 1 to 12."),
        "year": (year, today.year - _OLDEST, today.year, "Give the year with four figures."),
    }
    errors = {}
    for field, (text, low, high, words) in limits.items():
        plain = (text or "").strip()
        if not (plain.isascii() and plain.isdigit() and low <= int(plain[:9]) <= high):
            errors[field] = words
    if errors:
        return None, errors
    try:
        found = date(int(year), int(month), int(day))
    except ValueError:
        return None, {"day": "This month has fewer days. Look at day and month again."}
    if found > today:
        return None, {"year": "A date of birth lies in the past. Look at it again."}
    return found, {}


def _check_in(appointment_id: int | None, code: str | None) -> str:
    """Check the booking in, with those who come together; shows the ticket again when it was."""
    with current_db().write() as session:
        claim = idempotency.claim(
            session,
            now(),
            actor=current_actor().key,
            method=request.method,
            path=request.path,
            key=submitted_key(),
            body=f"{appointment_id}|{code}",
        )
        if claim.kept is not None and claim.kept.answer:
            return show_given(claim.kept.answer["entries"])
        appointment = _meant(session, appointment_id, code)
        if appointment.state is AppointmentState.CHECKED_IN:
            entries, again = _entries_of(session, appointment), True
        else:
            entries, again = _all_in(session, appointment), False
        claim.keep(session, 200, {"entries": entries})
    return show_given(entries, again=again)


def _meant(session: Session, appointment_id: int | None, code: str | None) -> Appointment:
    if appointment_id is not None:
        return session.get_one(Appointment, appointment_id)
    found = find_booking(session, current_site().id, code or "")
    if found.discreet:
        raise Refused(NOT_FOUND, kind=RefusalKind.NOT_FOUND)
    return found


def _all_in(session: Session, appointment: Appointment) -> list[int]:
    entry = check_in(session, current_actor(), now(), appointment_id=appointment.id)
    entries = [entry.id]
    if appointment.party_id is None:
        return entries
    together = session.scalars(
        sa.select(Appointment)
        .where(
            Appointment.party_id == appointment.party_id,
            Appointment.id != appointment.id,
            Appointment.state == AppointmentState.BOOKED,
            Appointment.discreet.is_(False),
        )
        .order_by(Appointment.starts_at, Appointment.id)
    ).all()
    for other in together:
        try:
            entries.append(check_in(session, current_actor(), now(), appointment_id=other.id).id)
        except Refused as refused:
            if refused.code != "another_day":
                raise
    return entries


def _entries_of(session: Session, appointment: Appointment) -> list[int]:
    found = session.scalars(
        sa.select(QueueEntry.id)
        .join(Visit, Visit.id == QueueEntry.visit_id)
        .where(
            Visit.id == appointment.visit_id,
            Visit.discreet.is_(False),
            QueueEntry.state.in_(OPEN_STATES),
        )
    ).all()
    if not found:
        raise Refused(NOT_FOUND, kind=RefusalKind.NOT_FOUND)
    return list(found)


def _code_page(words: str) -> str | tuple[str, int]:
    page = show(
        "kiosk/ask_code.html",
        given=request.form,
        errors={"code": words} if words else {},
        about=sealed(ItemKind.NOT_FOUND) if words else "",
    )
    return (page, 422) if words else page


def _not_found(kind: ItemKind) -> tuple[str, int]:
    return show("kiosk/not_found.html", about=sealed(kind)), 404
