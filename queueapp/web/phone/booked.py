"""A booking as its patient has it: for whom, what stands, the calendar's file, the link."""

import re
from datetime import date, datetime, timedelta
from typing import Any

import segno
from flask import flash, redirect, render_template, url_for
from markupsafe import Markup
from sqlalchemy.orm import Session
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response
from wtforms import BooleanField, StringField
from wtforms.validators import DataRequired, Length

from queueapp.actions.access import booking_of_token
from queueapp.actions.booking_links import link_of, link_token
from queueapp.actions.online import confirm_online, keep_longer
from queueapp.db.models import Appointment, Site
from queueapp.domain.refusal import RefusalKind, Refused
from queueapp.domain.visit import AppointmentState, PreferenceKind
from queueapp.integrations.icalendar import Invitation, calendar_file
from queueapp.web.context import public_url
from queueapp.web.fields import read_date
from queueapp.web.forms import Form, PostForm
from queueapp.web.once import once
from queueapp.web.phone.booking import credential_of, words_of
from queueapp.web.phone.join import blueprint
from queueapp.web.security import (
    allow,
    current_actor,
    current_db,
    current_site,
    identity,
    now,
    remember,
)

# How long around its time a booking can be said to run late.
SOON = timedelta(hours=2)
_GONE = ("overlap", "share_kept", "too_soon", "hold_expired")
_TOGETHER = re.compile(r"(\d{2})(\d{2})(\d{4})")


class DetailsForm(Form):
    """For whom the time is, and where the confirmation goes."""

    name = StringField(
        validators=[
            DataRequired("Give the name of the person who comes."),
            Length(max=120, message="Use at most 120 letters."),
        ]
    )
    birth_date = StringField(
        validators=[DataRequired("Give the date of birth, such as 27 03 1985."), Length(max=20)]
    )
    contact = StringField(
        validators=[
            DataRequired("Give a mobile number or an e-mail address."),
            Length(max=254, message="Use at most 254 characters."),
        ]
    )
    only = BooleanField()


@blueprint.route("/b/<token>", methods=["GET", "POST"])
@allow("anyone")
def booking_link(token: str) -> str | Response:
    """A booking's link: the token leaves the address bar and goes into the session."""
    with current_db().read() as session:
        who = booking_of_token(session, token, now())
    if who is None:
        raise NotFound("This link has run out. Please call us, or ask at the desk.")
    form = PostForm()
    if form.validate_on_submit():
        remember(who.credential)
        return redirect(url_for("phone.booking"), 303)
    return render_template("phone/booking_link.html", form=form)


@blueprint.route("/booking/details", methods=["GET", "POST"])
@allow("booker")
def details() -> str | Response | tuple[str, int]:
    """For whom the kept time is; sending it books."""
    form = DetailsForm()
    if not form.is_submitted():
        return _details_page(form)
    if not form.validate():
        return _details_page(form), 422
    try:
        answer = once(lambda session: _confirm(session, form))
    except Refused as refused:
        form.take(refused)
        status = 422 if refused.kind is RefusalKind.INVALID else 409
        return _details_page(form, is_gone=refused.code in _GONE), status
    remember(credential_of(answer["appointment"]))
    return redirect(url_for("phone.booking"), 303)


@blueprint.post("/booking/keep")
@allow("booker")
def keep() -> Response:
    """More time to fill in the form."""

    def more(session: Session) -> dict[str, Any]:
        keep_longer(session, current_actor(), now(), appointment_id=appointment_id())
        return {}

    try:
        once(more)
        flash("Your time is kept for longer.", "done")
    except Refused as refused:
        flash(refused.message, "refused")
    return redirect(url_for("phone.details"), 303)


@blueprint.get("/booking")
@allow("booker")
def booking() -> str | Response:
    """What stands: the time, the code to check in with, what can be changed."""
    with current_db().read() as session:
        booked = session.get_one(Appointment, appointment_id())
        if booked.state is AppointmentState.HELD:
            return redirect(url_for("phone.details"))
        return render_template(
            "phone/booking.html",
            booked=booked,
            state=booked.state.value,
            never_booked=booked.patient_id is None,
            words=words_of(booked.service, booked.reason_id),
            has_begun=booked.starts_at <= now(),
            is_soon=abs(booked.starts_at - now()) <= SOON,
            link=_link(session, booked),
            qr=_qr(booked.code),
        )


@blueprint.get("/booking/appointment.ics")
@allow("booker")
def calendar() -> Response:
    """The booking for the patient's own calendar."""
    with current_db().read() as session:
        booked = session.get_one(Appointment, appointment_id())
        link = link_of(session, booked.id)
        if booked.patient is None or link is None:
            raise NotFound("There is no booking yet.")
        invitation = Invitation(
            uid=link.uid,
            sequence=booked.sequence,
            starts_at=booked.starts_at,
            ends_at=booked.ends_at,
            clinic=session.get_one(Site, booked.site_id).name,
            code=booked.code,
            contact=booked.patient.email or booked.patient.phone,
            is_cancelled=booked.state is AppointmentState.CANCELLED,
        )
        content = calendar_file(invitation, now(), public_url(""), _link(session, booked))
    answer = Response(content, content_type="text/calendar; charset=utf-8")
    answer.headers["Content-Disposition"] = 'attachment; filename="appointment.ics"'
    return answer


def appointment_id() -> int:
    """The booking whose link the browser has."""
    found = identity().appointment_id
    assert found is not None
    return found


def _confirm(session: Session, form: DetailsForm) -> dict[str, Any]:
    booked = confirm_online(
        session, current_actor(), now(),
        appointment_id=appointment_id(), name=form.name.data or "",
        birth_date=_birth_date(form.birth_date.data or ""), contact=form.contact.data or "",
        is_only=bool(form.only.data),
    )  # fmt: skip
    return {"appointment": booked.id}


def _birth_date(text: str) -> date | None:
    """A date of birth as phones' number keys give it too: 27031985."""
    if match := _TOGETHER.fullmatch(text.strip()):
        text = ".".join(match.groups())
    return read_date(text)


def _details_page(form: DetailsForm, *, is_gone: bool = False) -> str | Response:
    with current_db().read() as session:
        held = session.get_one(Appointment, appointment_id())
        if held.patient_id is not None:
            return redirect(url_for("phone.booking"))
        wish = held.preference
        if not form.is_submitted():
            form.only.data = wish is PreferenceKind.ONLY
        return render_template(
            "phone/book_details.html",
            form=form,
            held=held,
            words=words_of(held.service, held.reason_id),
            until=_until(held),
            with_wish=wish is not PreferenceKind.NONE,
            again=url_for(
                "phone.book_time",
                site=current_site().slug,
                service=held.service.slug,
                reason=held.reason_id,
                who=held.clinician_id if wish is not PreferenceKind.NONE else None,
            ),
            is_gone=is_gone,
        )


def _until(held: Appointment) -> datetime | None:
    """Until when the time is kept; None when it is not kept any more."""
    if held.state is not AppointmentState.HELD or (held.held_until or now()) <= now():
        return None
    return held.held_until


def _link(session: Session, booked: Appointment) -> str:
    link = link_of(session, booked.id)
    assert link is not None
    return public_url(url_for("phone.booking_link", token=link_token(session, link)))


def _qr(code: str) -> Markup:
    """The code as a QR code that the kiosk reads, drawn in place."""
    drawn = segno.make(code, error="m", micro=False)
    return Markup(drawn.svg_inline(border=3, omitsize=True, svgclass="qr", lineclass=None))
