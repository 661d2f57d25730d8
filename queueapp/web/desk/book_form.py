"""The form of a booking: typed in one line or field by field."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session
from wtforms import HiddenField

from queueapp.db.models import (
    Appointment,
    Clinician,
    ClinicianService,
    QueueEntry,
    Service,
    Site,
)
from queueapp.domain.booking_line import parse_booking
from queueapp.domain.localtime import local_to_utc, to_local
from queueapp.domain.walk_in_line import LONGEST
from queueapp.web.desk.book_times import TimeForm, Times, times_of
from queueapp.web.desk.walkin import known
from queueapp.web.fields import Choice, DateField, typed_date
from queueapp.web.forms import text
from queueapp.web.security import now

# What of a form is put aside; tokens and keys are each form's own.
KEPT = ("line", "read", "service", "clinician", "day", "at", "name", "birth_date", "phone")


class BookForm(TimeForm):
    """What for, with whom, when, for whom; `line` says it all at once, `read` is what was read."""

    line = text(
        "In one line: name, what for, with whom, day, time, phone",
        longest=LONGEST,
        id="book-line",
    )
    read = HiddenField()
    service = Choice("What for", "Choose one of this clinic's services.")
    clinician = Choice("With", "Choose anyone or a clinician.")
    name = text("Name", "Give the name of the person.")
    birth_date = DateField("Birth date")
    phone = text("Phone", longest=40)


def find_times(
    session: Session, site: Site, form: BookForm, held: Appointment | None, *, choose: bool
) -> Times:
    """The free times; to `choose`, the first from the wanted time on is chosen unless one is."""
    service = session.get(Service, form.service.chosen() or 0)
    times = times_of(session, site, form, service, form.clinician.chosen(), held=held)
    if not choose:
        return times
    if times.next_day is not None and form.line.data:
        form.day.data = typed_date(times.next_day)
        times = times_of(session, site, form, service, form.clinician.chosen(), held=held)
    values = [value for value, _ in form.at.choices]
    if values and form.at.data not in values and not form.other_at.data:
        wanted = [v for v in values if v >= (form.at.data or "")]
        # Another day was asked for, or nothing is left of this one: its first, or its last.
        form.at.data = (wanted or ([values[-1]] if _is_on(site, form) else values))[0]
        times = times_of(session, site, form, service, form.clinician.chosen(), held=held)
    return times


def _is_on(site: Site, form: BookForm) -> bool:
    at = datetime.fromisoformat(form.at.data) if form.at.data else None
    return at is not None and to_local(site.timezone, at).date() == form.day.said()


def read_line(session: Session, site: Site, form: BookForm) -> str:
    """Take over what the line says, if it was not read yet; what could not be read, in words."""
    if form.line.data == form.read.data:
        return ""
    today = to_local(site.timezone, now()).date()
    line = parse_booking(form.line.data or "", today, *known(session, site.id))
    if line.who.service is not None:
        form.service.data = str(line.who.service.id)
        fill(session, site, form)
    offered = [value for value, *_ in form.clinician.choices]
    wish = str(line.who.clinician.id) if line.who.clinician else ""
    form.clinician.data = wish if wish in offered else ""
    if line.day is not None:
        form.day.data = typed_date(line.day)
    form.at.data = ""
    if line.at is not None:
        day = line.day or form.day.said() or today
        form.at.data = local_to_utc(site.timezone, day, line.at).isoformat()
    form.name.data = line.who.name or form.name.data
    if line.who.birth_date:
        form.birth_date.data = typed_date(line.who.birth_date)
    form.phone.data = line.who.phone or form.phone.data
    form.read.data = form.line.data
    return line.who.problems[0] if line.who.problems else ""


def fill(session: Session, site: Site, form: BookForm) -> None:
    services = [s for s in site.services_in_use if not s.not_care]
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


def begin(
    session: Session,
    site: Site,
    form: BookForm,
    entry_id: int | None,
    content: dict[str, str],
) -> None:
    """A new form: what was put aside, or today; or what is known of the one to be booked anew."""
    form.day.data = typed_date(to_local(site.timezone, now()).date())
    for name in KEPT:
        if content.get(name):
            form[name].data = content[name]
    fill(session, site, form)
    entry = session.get(QueueEntry, entry_id) if entry_id else None
    if entry is None or entry.site_id != site.id:
        return
    form.service.data = str(entry.service_id)
    fill(session, site, form)
    if patient := entry.visit.patient:
        form.name.data, form.phone.data = patient.name, patient.phone
        form.birth_date.data = typed_date(patient.birth_date)
