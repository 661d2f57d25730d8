"""The record: who did, who changed, who looked; by person and time, and as a file."""

import csv
import io
import json
from collections.abc import Iterator
from datetime import datetime, time, timedelta
from typing import Any

from flask import Response, request, stream_with_context

from queueapp.actions.admin_record import words
from queueapp.db.models import Site
from queueapp.db.queries import audit as queries
from queueapp.domain.localtime import ONE_DAY, local_to_utc, to_local
from queueapp.web.admin.audit_words import KIND_WORDS, WHAT_WORDS, label, said
from queueapp.web.admin.base import blueprint, show
from queueapp.web.admin.forms import AdminForm, DayField, PickField
from queueapp.web.fields import ClockField
from queueapp.web.security import allow, current_db, current_site, now

_PAGE = 200
_LOOKED_BACK = timedelta(days=6)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class FilterForm(AdminForm):
    """Who, what, when; sent by GET, so that an address can be kept."""

    class Meta:
        csrf = False

    who = PickField("Who", choices=[], validate_choice=False)
    what = PickField("What", choices=[("", "All"), *WHAT_WORDS.items()], validate_choice=False)
    since = DayField("From")
    until = DayField("To, included")
    at = ClockField("Up to this time on the last day")


@blueprint.get("/admin/<site>/record")
@allow("manager")
def audit(site: str) -> Any:
    """The newest lines of what is asked for."""
    with current_db().read() as session:
        row = session.get_one(Site, current_site().id)
        names = queries.actors(session, row.id)
        form, wanted = _wanted(row, names)
        found = queries.lines(session, row.id, wanted, _PAGE + 1) if not form.was_refused() else []
        return show(
            "admin/audit.html",
            "admin.audit",
            422 if form.was_refused() else 200,
            form=form,
            lines=[_shown(line, names, row.timezone) for line in found[:_PAGE]],
            more=len(found) > _PAGE,
            query=request.query_string.decode(),
        )


@blueprint.get("/admin/<site>/record.csv")
@allow("manager")
def audit_file(site: str) -> Response:
    """All lines of what is asked for, as CSV."""
    with current_db().read() as session:
        row = session.get_one(Site, current_site().id)
        site_id, zone = row.id, row.timezone
        names = queries.actors(session, row.id)
        _, wanted = _wanted(row, names)
    database = current_db()

    def rows() -> Iterator[str]:
        with database.read() as session:
            yield _csv(["when", "who", "actor", "what", "did", "about", "detail"])
            for line in queries.every_line(session, site_id, wanted):
                yield _csv(
                    [
                        to_local(zone, line.at).isoformat(timespec="seconds"),
                        names.get(line.actor, line.actor),
                        line.actor,
                        line.what,
                        line.kind,
                        line.subject,
                        json.dumps(line.changes, ensure_ascii=False)
                        if line.changes
                        else line.detail,
                    ]
                )

    name = f"record-{site}-{wanted.since:%Y%m%d}-{wanted.until:%Y%m%d}.csv"
    return Response(
        stream_with_context(rows()),
        mimetype="text/csv",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _csv(cells: list[str]) -> str:
    # A spreadsheet must not take a name for a formula.
    safe = [f"'{cell}" if cell.startswith(_FORMULA) else cell for cell in cells]
    out = io.StringIO()
    csv.writer(out).writerow(safe)
    return out.getvalue()


def _wanted(site: Site, names: dict[str, str]) -> tuple[FilterForm, queries.Wanted]:
    """The form as asked, and what it asks for: by default everyone's last seven days."""
    form = FilterForm(request.args)
    form.who.choices = [("", "Everyone"), *names.items()]
    form.validate()
    today = to_local(site.timezone, now()).date()
    last = form.until.data or today
    first = form.since.data or last - _LOOKED_BACK
    if last < first:
        form.until.errors = [*form.until.errors, "Give a day that is not before the first."]
    at = form.at.said()
    until = _instant(site, last, at) if at else _instant(site, last + ONE_DAY, time(0))
    what = form.what.data or ""
    who = form.who.data or ""
    for field, day in ((form.since, first), (form.until, last)):
        if not any(field.parts.values()):
            field.parts = {"day": str(day.day), "month": str(day.month), "year": str(day.year)}
    return form, queries.Wanted(
        since=_instant(site, first, time(0)),
        until=until,
        actor=who if who in names or who.startswith("patient:") else "",
        what=(what,) if what in queries.WHAT else queries.WHAT,
    )


def _instant(site: Site, day: Any, wall: time) -> datetime:
    return local_to_utc(site.timezone, day, wall)


def _shown(line: queries.Line, names: dict[str, str], zone: str) -> dict[str, Any]:
    who = names.get(line.actor)
    if who is None:
        kind, _, number = line.actor.partition(":")
        who = "a patient’s phone" if kind == "patient" else f"{kind} {number}"
    return {
        "at": line.at,
        "day": to_local(zone, line.at).strftime("%a %d.%m."),
        "clock": to_local(zone, line.at).strftime("%H:%M:%S"),
        "who": who,
        "what": line.what,
        "did": KIND_WORDS.get(line.kind) or words(line.kind),
        "about": line.subject,
        "detail": line.detail.replace("_", " "),
        "changes": [
            (label(name), said(name, a), said(name, b)) for name, (a, b) in line.changes.items()
        ],
    }
