"""Opening hours: the week, and days that differ."""

from typing import Any

from flask import request, url_for
from sqlalchemy.orm import Session
from wtforms import FieldList, Form, FormField

from queueapp.actions import admin_hours as actions
from queueapp.actions.admin_record import version_of
from queueapp.db.queries import administration as queries
from queueapp.domain.hours import WEEKDAYS
from queueapp.web.admin.base import acting, blueprint, changed_by, press, save, show, status_of
from queueapp.web.admin.forms import AdminForm, DayField, RadiosField, need
from queueapp.web.fields import ClockField
from queueapp.web.forms import PostForm, text
from queueapp.web.security import allow, current_db, current_site, now

_LEFT_OUT = "Give both times, or neither."


class DayRow(Form):
    """A weekday: closed when left empty; a second stretch after a pause."""

    opens = ClockField("Opens")
    closes = ClockField("Closes")
    opens_again = ClockField("Opens again")
    closes_again = ClockField("Closes again")


class HoursForm(AdminForm):
    """The week, Monday first."""

    days = FieldList(FormField(DayRow), min_entries=7, max_entries=7)


class OtherDayForm(AdminForm):
    """One day with hours of its own."""

    day = DayField("Day", needed="Give the day, for example 24 12 2026.")
    kind = RadiosField("That day", choices=[("closed", "Closed"), ("open", "Open at other hours")])
    opens = ClockField("Opens")
    closes = ClockField("Closes")
    note = text("Why, for patients too")


@blueprint.route("/admin/<site>/hours", methods=["GET", "POST"])
@allow("manager")
def hours(site: str) -> Any:
    """The week and the days that differ."""
    with current_db().read() as session:
        state = actions.hours_state(session, current_site().id)
    form = HoursForm() if request.method == "POST" else _opened(state)
    for name, entry in zip(WEEKDAYS, form.days.entries, strict=False):
        for field in entry.form:
            field.summary = f"{name}, {field.label.text.lower()}"

    def work(session: Session) -> str:
        changed = actions.set_hours(
            session,
            *acting(),
            site_id=current_site().id,
            version=form.version.data or "",
            given=_given(form),
        )
        return "Saved." if changed else "Nothing was changed."

    if form.validate_on_submit() and _whole(form):
        done = save(form, work, lambda: url_for("admin.hours", site=site))
        if done is not None:
            return done
    return _page(form, OtherDayForm(formdata=None, kind="closed"), status_of(form))


@blueprint.post("/admin/<site>/hours/days")
@allow("manager")
def other_day(site: str) -> Any:
    """Other hours on one day."""
    form = OtherDayForm()

    def work(session: Session) -> str:
        is_open = form.kind.data == "open"
        assert form.day.data
        booked = actions.add_day(
            session,
            *acting(),
            site_id=current_site().id,
            day=form.day.data,
            opens=form.opens.said() if is_open else None,
            closes=form.closes.said() if is_open else None,
            note=form.note.data or "",
        )
        if not booked:
            return f"{form.day.data:%d.%m.%Y} is noted."
        return f"{form.day.data:%d.%m.%Y} is noted. {booked} booked on that day: look at them."

    is_valid = form.validate_on_submit()
    if form.kind.data == "open":
        need(form.opens, "Give a time as 10:00.")
        need(form.closes, "Give a time as 10:00.")
    if is_valid and not form.was_refused():
        done = save(form, work, lambda: url_for("admin.hours", site=site))
        if done is not None:
            return done
    with current_db().read() as session:
        state = actions.hours_state(session, current_site().id)
    return _page(_opened(state), form, status_of(form))


@blueprint.post("/admin/<site>/hours/days/<int:exception_id>/remove")
@allow("manager")
def remove_day(site: str, exception_id: int) -> Any:
    """The usual hours hold again."""

    def work(session: Session) -> str:
        actions.remove_day(session, *acting(), site_id=current_site().id, exception_id=exception_id)
        return "The usual hours hold again on that day."

    return press(work, url_for("admin.hours", site=site))


def _opened(state: dict[str, Any]) -> HoursForm:
    rows = []
    for name in WEEKDAYS:
        row: dict[str, str] = {}
        for stretch, again in zip(state[name], ("", "_again"), strict=False):
            opens, _, closes = stretch.partition("-")
            row |= {f"opens{again}": opens, f"closes{again}": closes}
        rows.append(row)
    return HoursForm(formdata=None, data={"days": rows, "version": version_of(state)})


def _whole(form: HoursForm) -> bool:
    """Whether each stretch has both of its times; says so beside the one that lacks one."""
    for entry in form.days.entries:
        row = entry.form
        pairs = ((row.opens, row.closes), (row.opens_again, row.closes_again))
        for opens, closes in pairs:
            if (opens.said() is None) != (closes.said() is None):
                lacking = closes if opens.said() else opens
                lacking.errors = [*lacking.errors, _LEFT_OUT]
        if row.opens_again.said() and not row.opens.said():
            row.opens.errors = [*row.opens.errors, "Use the first pair of times first."]
    return not form.was_refused()


def _given(form: HoursForm) -> list[actions.GivenHours]:
    given = []
    for weekday, entry in enumerate(form.days.entries):
        row = entry.form
        pairs = ((row.opens, row.closes), (row.opens_again, row.closes_again))
        for opens, closes in pairs:
            first, last = opens.said(), closes.said()
            if first is not None and last is not None:
                given.append(actions.GivenHours(weekday, first, last))
    return given


def _page(form: HoursForm, other: OtherDayForm, status: int) -> Any:
    with current_db().read() as session:
        site_id = current_site().id
        return show(
            "admin/hours.html",
            "admin.hours",
            status,
            form=form,
            other=other,
            button=PostForm(formdata=None),
            weekdays=WEEKDAYS,
            exceptions=queries.exceptions(session, site_id, now()),
            changed=changed_by(session, actions.WEEK, site_id),
        )
