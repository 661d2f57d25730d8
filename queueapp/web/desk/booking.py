"""Booking a time: for whom, with whom, on which day, at one of the free times."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from flask import request
from sqlalchemy.orm import Session
from wtforms import RadioField
from wtforms.validators import Optional

from queueapp.actions import bookings, presence
from queueapp.actions.booking_rows import Override, Place
from queueapp.actions.patients import new_patient
from queueapp.db.models import Clinician, ClinicianService, QueueEntry, Service, Site
from queueapp.db.queries.slots import FreeTime, free_times
from queueapp.domain.localtime import local_to_utc, service_day_span, to_local
from queueapp.domain.refusal import Refused, invalid
from queueapp.domain.visit import OPEN_STATES, PreferenceKind
from queueapp.web.desk import blueprint
from queueapp.web.desk.acting import Done, carry_out
from queueapp.web.desk.page import Panel, make_panel, show, status_of
from queueapp.web.fields import Choice, ClockField, DateField
from queueapp.web.forms import Form, text
from queueapp.web.security import allow, current_actor, current_db, current_site, now

_LOOK = timedelta(days=21)
_SHOWN = 24


class TimeForm(Form):
    """A day and one of its free times; or another time, with the reason for an overlap."""

    day = DateField("Day", "Give a day as 27.3.2026.", example="27.3.2026")
    at = RadioField("Time", [Optional()], choices=[], validate_choice=False)
    other_at = ClockField("Another time")
    override = text("Reason for booking over it", longest=200)


class BookForm(TimeForm):
    """What for, with whom, when, for whom."""

    service = Choice("What for", "Choose one of this clinic's services.")
    clinician = Choice("With", "Choose anyone or a clinician.")
    name = text("Name", "Give the name of the person.")
    birth_date = DateField("Birth date")
    phone = text("Phone", longest=40)


@dataclass(frozen=True, slots=True)
class Times:
    """A day's free times as (value, clock, with whom); if none, the next day that has some."""

    day: date
    free: list[tuple[str, str, str]]
    next_day: date | None


@blueprint.route("/<site>/book", methods=["GET", "POST"])
@allow("receptionist")
def book(site: str) -> Any:
    """Book a time; "show times" looks again without booking."""
    form = BookForm()
    entry_id = request.args.get("entry", type=int)
    with current_db().read() as session:
        row = session.get_one(Site, current_site().id)
        _fill(session, row, form)
        if request.method == "GET":
            _begin(session, row, form, entry_id)
        times = times_of(session, row, form, _service(session, form), form.clinician.chosen())
    if request.method == "GET" or "look" in request.form:
        return show(_panel(form, times, entry_id))
    if not form.validate():
        return show(_panel(form, times, entry_id), 422)
    try:
        return carry_out(lambda session: _book(session, form, entry_id))
    except Refused as refused:
        take_refusal(form, refused, current_site().timezone)
        return show(_panel(form, times, entry_id), status_of(refused))


def _panel(form: BookForm, times: Times, entry_id: int | None) -> Panel:
    context = {"form": form, "times": times, "entry_id": entry_id, "booking": None}
    return make_panel("desk/_book.html", "Book a time", context)


def _fill(session: Session, site: Site, form: BookForm) -> None:
    services = session.scalars(
        sa.select(Service)
        .where(Service.site_id == site.id, Service.retired.is_(False), Service.not_care.is_(False))
        .order_by(Service.position, Service.id)
    )
    form.service.choices = [(str(s.id), s.name) for s in services]
    if not form.service.data and form.service.choices:
        form.service.data = form.service.choices[0][0]
    given = session.scalars(
        sa.select(Clinician)
        .join(ClinicianService, ClinicianService.clinician_id == Clinician.id)
        .where(
            ClinicianService.service_id == (form.service.chosen() or 0),
            Clinician.retired.is_(False),
        )
        .order_by(Clinician.id)
    )
    form.clinician.choices = [("", "Anyone"), *((str(c.id), c.shown_name) for c in given)]
    if form.clinician.data not in [value for value, *_ in form.clinician.choices]:
        form.clinician.data = ""


def _begin(session: Session, site: Site, form: BookForm, entry_id: int | None) -> None:
    """A new form: today, or what is known of the one to be booked anew."""
    form.day.data = _typed(to_local(site.timezone, now()).date())
    entry = session.get(QueueEntry, entry_id) if entry_id else None
    if entry is None or entry.site_id != site.id:
        return
    form.service.data = str(entry.service_id)
    _fill(session, site, form)
    if patient := entry.visit.patient:
        form.name.data, form.phone.data = patient.name, patient.phone
        form.birth_date.data = _typed(patient.birth_date) if patient.birth_date else ""


def _service(session: Session, form: BookForm) -> Service | None:
    return session.get(Service, form.service.chosen() or 0)


def times_of(
    session: Session,
    site: Site,
    form: TimeForm,
    service: Service | None,
    clinician_id: int | None,
    length: timedelta | None = None,
) -> Times:
    """The free times of the form's day, given to its radios; the next day with some, if none."""
    day = form.day.said() or to_local(site.timezone, now()).date()
    free: list[FreeTime] = []
    if service is not None:
        span = service_day_span(site.timezone, day, site.rules.day_starts_at)
        found = free_times(
            session, site, service, span.start, span.start + _LOOK, now=now(),
            clinician_id=clinician_id, length=length,
        )  # fmt: skip
        free = [f for f in found if f.starts_at < span.end]
        later = next((f for f in found if f.starts_at >= span.end), None)
        next_day = to_local(site.timezone, later.starts_at).date() if later else None
    else:
        next_day = None
    names = {c.id: c.shown_name for c in session.scalars(sa.select(Clinician))}
    # One time that several are free at is one choice: whoever is free then.
    shown: dict[str, tuple[str, str, str]] = {}
    counts: dict[str, int] = {}
    for one in free:
        clock = f"{to_local(site.timezone, one.starts_at):%H:%M}"
        who = names.get(one.clinician_id or 0, f"{one.places} places")
        value = one.starts_at.isoformat()
        counts[value] = counts.get(value, 0) + one.places
        who = who if value not in shown else f"{counts[value]} free"
        shown[value] = (value, clock, who)
    form.at.choices = [(value, clock) for value, clock, _ in shown.values()]
    return Times(day, list(shown.values())[:_SHOWN], next_day if not free else None)


def wanted(form: TimeForm, site: Site) -> datetime:
    """The instant that was chosen or typed. Raises Refused (invalid `at`)."""
    day, wall = form.day.said(), form.other_at.said()
    if day is not None and wall is not None:
        return local_to_utc(site.timezone, day, wall)
    try:
        return datetime.fromisoformat(form.at.data or "")
    except ValueError:
        raise invalid("at", "Choose one of the free times.") from None


def take_refusal(form: TimeForm, refused: Refused, zone: str) -> None:
    """Show a refusal where it belongs; an overlap names the next free times."""
    free = refused.details.get("next")
    if refused.code == "overlap" and isinstance(free, list):
        clocks = [
            f"{to_local(zone, datetime.fromisoformat(str(n.get('starts_at')))):%a %H:%M}"
            for n in free[:3]
            if isinstance(n, dict)
        ]
        said = f" Next free: {', '.join(clocks)}." if clocks else ""
        form.take(Refused(refused.message + said, "at", refused.kind))
        return
    renamed = {"starts_at": "at", "override.reason": "override", "clinician": "clinician"}
    form.take(Refused(refused.message, renamed.get(refused.field, refused.field), refused.kind))


def override_of(form: TimeForm) -> Override | None:
    """The reason for booking over somebody, when one was given."""
    return Override(form.override.data) if (form.override.data or "").strip() else None


def _book(session: Session, form: BookForm, entry_id: int | None) -> Done:
    actor, site = current_actor(), session.get_one(Site, current_site().id)
    patient = new_patient(
        session,
        now(),
        name=form.name.data or "",
        birth_date=form.birth_date.said(),
        phone=form.phone.data or "",
    )
    clinician_id = form.clinician.chosen()
    booked = bookings.book(
        session,
        actor,
        now(),
        site_id=site.id,
        service_id=form.service.chosen() or 0,
        place=Place(wanted(form, site), clinician_id),
        patient_id=patient.id,
        preference=PreferenceKind.IF_POSSIBLE if clinician_id else PreferenceKind.NONE,
        override=override_of(form),
    )
    entry = session.get(QueueEntry, entry_id) if entry_id else None
    if entry is not None and entry.site_id == site.id and entry.state in OPEN_STATES:
        presence.leave(session, actor, now(), entry_id=entry.id, why="rebooked")
    at = to_local(site.timezone, booked.starts_at)
    return Done("", f"Booked for {at:%a} {at.day} {at:%b}, {at:%H:%M}, code {booked.code}")


def _typed(day: date) -> str:
    return f"{day.day}.{day.month}.{day.year}"
