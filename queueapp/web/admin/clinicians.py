"""Clinicians: who gives what, and when in the week."""

from typing import Any

import sqlalchemy as sa
from flask import redirect, request, url_for
from sqlalchemy.orm import Session
from wtforms import FieldList, Form, FormField
from wtforms.validators import ValidationError

from queueapp.actions import admin_clinicians as actions
from queueapp.actions.admin_habits import GivenHabit, habits_from_on
from queueapp.actions.admin_record import version_of
from queueapp.db.models import Clinician, ClinicianService, Service, Site
from queueapp.db.queries import administration as queries
from queueapp.domain.hours import WEEKDAYS
from queueapp.web.admin.base import acting, blueprint, changed_by, press, save, show, status_of
from queueapp.web.admin.forms import AdminForm, DayField, ManyField, need
from queueapp.web.fields import Choice, ClockField
from queueapp.web.forms import PostForm, text
from queueapp.web.security import allow, current_db, current_site, now

_SPARE_ROWS = 1


class HabitRow(Form):
    """A stretch of the week."""

    weekday = Choice("Day")
    starts = ClockField("From")
    ends = ClockField("To")
    break_starts = ClockField("Break from")
    break_ends = ClockField("Break to")
    room = Choice("Usually in")

    def is_blank(self) -> bool:
        """Whether no time was entered."""
        return not ((self.starts.data or "").strip() or (self.ends.data or "").strip())


class ClinicianForm(AdminForm):
    """All of a clinician at this site."""

    title = text("Title", longest=40)
    name = text("Name", "Give the clinician's name.")
    attributes = text("Patients may ask for", longest=300)
    staff = Choice("Login")
    services = ManyField("Services", choices=[])
    habits = FieldList(FormField(HabitRow), max_entries=40)
    habits_from = DayField("New weekly hours hold from")

    def validate_services(self, field: Any) -> None:
        """At least one, as a clinician belongs to a clinic by what is given there."""
        if not field.data:
            raise ValidationError("Choose at least one of this clinic’s services.")


@blueprint.get("/admin/<site>/clinicians")
@allow("manager")
def clinicians(site: str) -> Any:
    """The first clinician, or a new one where there is none."""
    with current_db().read() as session:
        rows = queries.clinicians(session, actions.ids_here(current_site().id))
        first = rows[0].id if rows else None
    if first is not None:
        return redirect(url_for("admin.clinician", site=site, clinician_id=first))
    return redirect(url_for("admin.new_clinician", site=site))


@blueprint.route("/admin/<site>/clinicians/new", methods=["GET", "POST"])
@allow("manager")
def new_clinician(site: str) -> Any:
    """One more."""
    with current_db().read() as session:
        form = ClinicianForm()
        _choices(session, form, None)

    def work(session: Session) -> str:
        row = actions.add_clinician(
            session, *acting(), site_id=current_site().id, given=_given(form)
        )
        return f"{row.shown_name} is added."

    if form.validate_on_submit() and _whole(form):
        done = save(form, work, lambda: url_for("admin.new_clinician", site=site))
        if done is not None:
            return done
    return _page(form, None)


@blueprint.route("/admin/<site>/clinicians/<int:clinician_id>", methods=["GET", "POST"])
@allow("manager")
def clinician(site: str, clinician_id: int) -> Any:
    """One clinician, all that holds here."""
    with current_db().read() as session:
        row = actions.own_clinician(session, current_site().id, clinician_id)
        form = ClinicianForm() if request.method == "POST" else _opened(session, row)
        _choices(session, form, row)

    def work(session: Session) -> str:
        changed = actions.change_clinician(
            session,
            *acting(),
            site_id=current_site().id,
            clinician_id=clinician_id,
            version=form.version.data or "",
            given=_given(form),
        )
        return "Saved." if changed else "Nothing was changed."

    if form.validate_on_submit() and _whole(form):
        done = save(
            form, work, lambda: url_for("admin.clinician", site=site, clinician_id=clinician_id)
        )
        if done is not None:
            return done
    return _page(form, clinician_id)


@blueprint.post("/admin/<site>/clinicians/<int:clinician_id>/retired")
@allow("manager")
def retire_clinician(site: str, clinician_id: int) -> Any:
    """Plan and book no more, or again."""
    retired = request.form.get("retired") == "yes"

    def work(session: Session) -> str:
        actions.retire_clinician(
            session,
            *acting(),
            site_id=current_site().id,
            clinician_id=clinician_id,
            retired=retired,
        )
        return "Retired; what was done stays." if retired else "Back in use."

    return press(work, url_for("admin.clinician", site=site, clinician_id=clinician_id))


def _opened(session: Session, row: Clinician) -> ClinicianForm:
    site = session.get_one(Site, current_site().id)
    today = site.day_at(now())
    state = actions.clinician_state(session, site, row, today)
    given = session.scalars(
        sa.select(ClinicianService.service_id)
        .join(Service, Service.id == ClinicianService.service_id)
        .where(ClinicianService.clinician_id == row.id, Service.site_id == site.id)
    )
    return ClinicianForm(
        data={
            **state,
            "version": version_of(state),
            "attributes": ", ".join(row.attributes or ()),
            "staff": str(row.staff_id or ""),
            "services": [str(service_id) for service_id in given],
            "habits": [
                {
                    "weekday": str(p.weekday),
                    "room": str(p.room_id or ""),
                    **{
                        name: f"{value:%H:%M}" if (value := getattr(p, name)) else ""
                        for name in ("starts", "ends", "break_starts", "break_ends")
                    },
                }
                for p in habits_from_on(session, site.id, row.id, today)
            ],
        }
    )


def _choices(session: Session, form: ClinicianForm, row: Clinician | None) -> None:
    site_id = current_site().id
    lines = queries.services(session, site_id)
    chosen = set(form.services.data or ())
    form.services.choices = [
        (str(one.service.id), one.service.name)
        for one in lines
        if not one.service.retired or str(one.service.id) in chosen
    ]
    logins = queries.free_logins(session, site_id, row.id if row else None)
    form.staff.choices = [("", "No login")] + [(str(s.id), f"{s.name}, {s.email}") for s in logins]
    if request.method == "POST":
        form.habits.entries = [e for e in form.habits.entries if not e.form.is_blank()]
    rooms = [(str(r.id), r.name) for r in queries.rooms(session, site_id) if not r.retired]
    for entry in form.habits.entries:
        _fill_row(entry.form, rooms)
    form.rooms = rooms


def _fill_row(row: Any, rooms: list[tuple[str, str]]) -> None:
    row.weekday.choices = [(str(n), name) for n, name in enumerate(WEEKDAYS)]
    row.room.choices = [("", "Any room"), *rooms]
    if row.room.data and row.room.data not in dict(rooms):
        row.room.choices.append((row.room.data, "A retired room"))


def _whole(form: ClinicianForm) -> bool:
    """Whether each stretch has both of its times; says so beside the one that lacks one."""
    for entry in form.habits.entries:
        need(entry.form.starts, "Give a time as 09:00.")
        need(entry.form.ends, "Give a time as 17:00.")
    return not form.was_refused()


def _given(form: ClinicianForm) -> actions.GivenClinician:
    return actions.GivenClinician(
        name=form.name.data or "",
        title=form.title.data or "",
        attributes=(form.attributes.data or "").split(","),
        services=[int(value) for value in form.services.data or ()],
        staff_id=form.staff.chosen(),
        habits=[
            GivenHabit(
                weekday=int(row.weekday.data),
                starts=row.starts.said(),
                ends=row.ends.said(),
                break_starts=row.break_starts.said(),
                break_ends=row.break_ends.said(),
                room_id=row.room.chosen(),
            )
            for row in (entry.form for entry in form.habits.entries)
        ],
        habits_from=form.habits_from.data,
    )


def _page(form: ClinicianForm, clinician_id: int | None) -> Any:
    if not form.habits.entries and clinician_id is None and request.method == "GET":
        for n in range(5):
            form.habits.append_entry({"weekday": str(n)})
    for _ in range(_SPARE_ROWS):
        form.habits.append_entry({"weekday": "0"})
    for entry in form.habits.entries:
        _fill_row(entry.form, form.rooms)
    with current_db().read() as session:
        rows = queries.clinicians(session, actions.ids_here(current_site().id))
        return show(
            "admin/clinician.html",
            "admin.clinicians",
            status_of(form),
            form=form,
            button=PostForm(formdata=None),
            rows=rows,
            clinician=next((r for r in rows if r.id == clinician_id), None),
            chosen=clinician_id,
            skills=queries.skills(session, current_site().id),
            changed=changed_by(session, actions.SUBJECT, clinician_id) if clinician_id else None,
        )
