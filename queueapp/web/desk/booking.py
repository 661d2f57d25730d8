"""Booking a time, put aside and taken up again."""

from typing import Any

from flask import request
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from queueapp.actions import bookings, drafts, presence
from queueapp.actions.booking_rows import Place
from queueapp.actions.overrides import may_override
from queueapp.actions.patients import new_patient
from queueapp.db.models import QueueEntry, Site
from queueapp.domain.localtime import to_local
from queueapp.domain.refusal import Refused
from queueapp.domain.visit import OPEN_STATES, PreferenceKind
from queueapp.web.desk import blueprint
from queueapp.web.desk.acting import Done, carry_out
from queueapp.web.desk.book_form import KEPT, BookForm, begin, fill, find_times, read_line
from queueapp.web.desk.book_times import override_of, take_refusal, wanted
from queueapp.web.desk.page import Panel, make_panel, show, status_of
from queueapp.web.security import allow, current_actor, current_db, current_site, now


@blueprint.route("/<site>/book", methods=["GET", "POST"])
@allow("receptionist")
def book(site: str) -> Any:
    """Book a time: what was typed is read and a free time shown first; then it is booked."""
    form = BookForm()
    entry_id = request.args.get("entry", type=int)
    is_post = request.method == "POST"
    # A line that has just been typed is looked at, with its first free time, before it is booked.
    is_new = form.line.data != form.read.data
    is_look = "look" in request.form or is_new or not (form.at.data or form.other_at.data)
    with current_db().read() as session:
        row = session.get_one(Site, current_site().id)
        draft = None if entry_id else drafts.parked(session, current_actor(), row.id, now())
        held = drafts.held_of(session, draft, now()) if draft else None
        fill(session, row, form)
        if not is_post:
            begin(session, row, form, entry_id, draft.content if draft else {})
        parts = {
            "problem": read_line(session, row, form) if form.line.data else "",
            "times": find_times(session, row, form, held, choose=is_look or not is_post),
            "entry_id": entry_id,
            "draft": draft,
            "kept": held,
            "may_override": may_override(session, current_actor(), row),
        }
        page = _panel(form, parts)
        held_id = held.id if held and form.at.data == held.starts_at.isoformat() else None
        if not is_post or is_look:
            return show(page)
        if not form.validate():
            return show(_panel(form, parts), 422)
    try:
        return carry_out(lambda session: _book(session, form, entry_id, held_id))
    except Refused as refused:
        take_refusal(form, refused, current_site().timezone)
        return show(_panel(form, parts), status_of(refused))


@blueprint.route("/<site>/book/park", methods=["POST"])
@allow("receptionist")
def park(site: str) -> Response:
    """Put what was typed aside; its time is held. What is wrong in it may stay wrong for now."""
    form = BookForm()
    with current_db().read() as session:
        row = session.get_one(Site, current_site().id)
        fill(session, row, form)
        read_line(session, row, form)
        place = _place(row, form)
    try:
        return carry_out(lambda session: _park(session, form, place))
    except Refused as refused:
        why = refused.message
        form.at.data = form.read.data = ""
        return carry_out(lambda session: _park(session, form, None, why))


@blueprint.route("/<site>/book/drop", methods=["POST"])
@allow("receptionist")
def drop(site: str) -> Response:
    """Throw away what was put aside; its time is free again."""

    def work(session: Session) -> Done:
        key = (session, current_actor(), now())
        there = drafts.throw_away(*key, site_id=current_site().id)
        return Done("", "Thrown away; the time is free again" if there else "Nothing was put aside")

    return carry_out(work)


def _park(session: Session, form: BookForm, place: Place | None, why: str = "") -> Done:
    site = session.get_one(Site, current_site().id)
    drafts.park(
        session,
        current_actor(),
        now(),
        site_id=site.id,
        content={name: form[name].data or "" for name in KEPT},
        service_id=form.service.chosen(),
        place=place,
    )
    if place is None:
        said = f". No time is kept: {why}".rstrip(".") if why else ""
        return Done("", f"Booking put aside{said}")
    at = to_local(site.timezone, place.starts_at)
    until = to_local(site.timezone, now() + site.rules.parked_hold)
    return Done("", f"Booking put aside; {at:%a %H:%M} is kept until {until:%H:%M}")


def _panel(form: BookForm, parts: dict[str, Any]) -> Panel:
    return make_panel("desk/_book.html", "Book a time", {"form": form, "booking": None, **parts})


def _place(site: Site, form: BookForm) -> Place | None:
    """The time that is to be held, if one was chosen."""
    try:
        return Place(wanted(form, site), form.clinician.chosen())
    except Refused:
        return None


def _book(session: Session, form: BookForm, entry_id: int | None, held_id: int | None) -> Done:
    actor, site = current_actor(), session.get_one(Site, current_site().id)
    patient = new_patient(
        session,
        now(),
        name=form.name.data or "",
        birth_date=form.birth_date.said(),
        phone=form.phone.data or "",
        language=site.rules.language,
    )
    clinician_id = form.clinician.chosen()
    wish = PreferenceKind.IF_POSSIBLE if clinician_id else PreferenceKind.NONE
    key = (session, actor, now())
    if held_id is not None:
        booked = drafts.book_parked(*key, site_id=site.id, patient_id=patient.id, preference=wish)
    else:
        if entry_id is None:
            drafts.throw_away(*key, site_id=site.id)
        booked = bookings.book(
            *key,
            site_id=site.id,
            service_id=form.service.chosen() or 0,
            place=Place(wanted(form, site), clinician_id),
            patient_id=patient.id,
            preference=wish,
            override=override_of(form),
        )
    entry = session.get(QueueEntry, entry_id) if entry_id else None
    if entry is not None and entry.site_id == site.id and entry.state in OPEN_STATES:
        presence.leave(session, actor, now(), entry_id=entry.id, why="rebooked")
    at = to_local(site.timezone, booked.starts_at)
    return Done("", f"Booked for {at:%a} {at.day} {at:%b}, {at:%H:%M}, code {booked.code}")
