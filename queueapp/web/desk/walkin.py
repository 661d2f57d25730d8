"""A walk-in in one line: read as it is typed, previewed as a range, added by Enter."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from flask import flash, jsonify, request
from sqlalchemy.orm import Session

from queueapp.actions import promises
from queueapp.actions.arrivals import Newcomer, take_ticket
from queueapp.actions.legs import Wish, due_for
from queueapp.db.models import QueueEntry, Service, Site
from queueapp.db.queries.clinicians import clinicians_of
from queueapp.db.queries.happened import class_words
from queueapp.domain.localtime import to_local
from queueapp.domain.refusal import Refused, invalid
from queueapp.domain.visit import EntryState, PreferenceKind
from queueapp.domain.walk_in_line import LONGEST, Known, WalkInLine, parse
from queueapp.waits.promise import range_words, said_range
from queueapp.web.desk import blueprint
from queueapp.web.desk.acting import Done, carry_out, in_panel
from queueapp.web.desk.consequence import told_before
from queueapp.web.desk.page import show, status_of
from queueapp.web.fields import been_at
from queueapp.web.forms import Form, text
from queueapp.web.security import allow, current_actor, current_db, current_site, now

# Later in the order than any real entry: a preview stands behind those due at the same moment.
_NOBODY_YET = 2**62


class WalkInForm(Form):
    """The one line."""

    line = text("Add a walk-in: name, service, urgent", longest=LONGEST)


def known(session: Session, site_id: int) -> tuple[list[Known], list[Known]]:
    services = session.scalars(
        sa.select(Service)
        .where(Service.site_id == site_id, Service.retired.is_(False))
        .order_by(Service.position, Service.id)
    )
    clinicians = clinicians_of(session, site_id)
    return (
        [Known(s.id, s.name, f"{s.slug} {s.plain_name}") for s in services],
        [Known(c.id, c.shown_name) for c in clinicians],
    )


def _read(session: Session, site_id: int, words: str) -> WalkInLine:
    return parse(words, *known(session, site_id))


def wish_of(line: WalkInLine) -> Wish:
    return Wish(line.preference, line.clinician.id if line.clinician else None)


def _range(session: Session, site: Site, moment: datetime, line: WalkInLine) -> dict[str, str]:
    """The range that the one who is being typed would be told."""
    assert line.service is not None
    service = session.get_one(Service, line.service.id)
    due = due_for(session, site, service, line.entry_class, moment)
    entry = QueueEntry(
        id=_NOBODY_YET,
        site_id=site.id,
        service_id=service.id,
        state=EntryState.WAITING,
        band=due.band,
        due_by=due.due_by,
        arrived_at=moment,
        preference=line.preference,
        wished_clinician_id=line.clinician.id if line.clinician else None,
    )
    told = promises.quote_for(
        session,
        moment,
        site=site,
        entry=entry,
        stored=promises.newest_forecast(session, site, moment),
    )
    low, high = said_range(told)
    minutes = (round(low.total_seconds() / 60), round(high.total_seconds() / 60))
    return {
        "range": range_words(*minutes),
        "by": f"{to_local(site.timezone, moment + high):%H:%M}",
    }


def _chips(session: Session, line: WalkInLine) -> list[dict[str, str]]:
    chips = []
    if line.name:
        chips.append({"icon": "s-person", "words": line.name})
    if line.birth_date:
        born = line.birth_date
        chips.append({"icon": "", "words": f"born {born.day}.{born.month}.{born.year}"})
    if line.phone:
        chips.append({"icon": "s-phone", "words": line.phone})
    if line.service:
        service = session.get_one(Service, line.service.id)
        minutes = round(service.planned.total_seconds() / 60)
        chips.append({"icon": "", "words": f"{service.name}, {minutes} min"})
    shape = "walkin" if line.entry_class == "walk_in" else "urgent"
    chips.append({"icon": f"c-{shape}", "words": class_words(line.entry_class)})
    if line.clinician:
        only = line.preference is PreferenceKind.ONLY
        name = line.clinician.name
        chips.append({"icon": "", "words": f"only {name}" if only else f"{name} if possible"})
    if line.came_at:
        chips.append({"icon": "s-clock", "words": f"came {line.came_at:%H:%M}, entered afterwards"})
    return chips


@blueprint.route("/<site>/walk-in/preview", methods=["POST"])
@allow("receptionist")
def preview(site: str) -> Any:
    """What the line means so far, what is missing, and what the person would be told."""
    words = request.form.get("line", "")
    with current_db().read() as session:
        row = session.get_one(Site, current_site().id)
        line = _read(session, row.id, words)
        told = _range(session, row, now(), line) if line.service and not line.problems else None
        return jsonify(
            chips=_chips(session, line) if words.strip() else [],
            tell=(line.name.split() or ["them"])[0],
            told=told,
            problem=line.problems[0] if line.problems and words.strip() else "",
        )


@blueprint.route("/<site>/walk-in/consequence", methods=["POST"])
@allow("receptionist")
def add_consequence(site: str) -> Any:
    """Who waits longer if this one is added; nothing is done."""
    form = WalkInForm()
    return told_before(lambda session: _add(session, form))


@blueprint.route("/<site>/walk-in", methods=["POST"])
@allow("receptionist")
def add(site: str) -> Any:
    """Add the walk-in; what is wrong is said beside the line, which stays as it was typed."""
    form = WalkInForm()
    try:
        if not form.validate():
            raise invalid("line", str(form.errors.get("line", form.form_errors)[0]))
        return carry_out(lambda session: _add(session, form))
    except Refused as refused:
        if in_panel():
            raise Refused(
                refused.message, "line", refused.kind, refused.code, refused.details
            ) from None
        flash(refused.message, "refused")
        return show(status=status_of(refused), typed=form.line.data)


def _add(session: Session, form: WalkInForm) -> Done:
    site = session.get_one(Site, current_site().id)
    line = _read(session, site.id, form.line.data or "")
    if line.problems:
        raise invalid("line", line.problems[0])
    assert line.service is not None
    if len(line.name) > 120:
        raise invalid("line", "Use at most 120 characters for the name.")
    entry = take_ticket(
        session,
        current_actor(),
        now(),
        site_id=site.id,
        service_id=line.service.id,
        entry_class=line.entry_class,
        newcomer=Newcomer(name=line.name, phone=line.phone, birth_date=line.birth_date),
        wish=wish_of(line),
        despite_limits=True,
        occurred_at=been_at(site.timezone, site.rules, now(), line.came_at),
    )
    session.refresh(entry)
    promise = entry.promises[0]
    assert promise.low_at is not None
    assert promise.high_at is not None
    low, high = (
        round((at - now()).total_seconds() / 60) for at in (promise.low_at, promise.high_at)
    )
    by = f"{to_local(site.timezone, promise.high_at):%H:%M}"
    said = f"has a ticket. Tell them {max(low, 0)}–{high} min, by {by}"
    return Done(entry.visit.ticket, said, entry.id)
