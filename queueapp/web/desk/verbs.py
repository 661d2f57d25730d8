"""A row opened: the sentence to read aloud, the verbs, needs and wishes, and what happened."""

from typing import Any

import sqlalchemy as sa
from flask import jsonify, request, url_for
from sqlalchemy.orm import Session
from werkzeug.exceptions import NotFound

from queueapp.actions.looks import record_look
from queueapp.actions.undo import last_undoable
from queueapp.actions.unseen import newest_seq
from queueapp.db.models import (
    QueueEntry,
    ServiceTarget,
    Site,
)
from queueapp.db.queries.clinicians import clinicians_of
from queueapp.db.queries.happened import class_words, in_words, of_visit
from queueapp.domain.localtime import to_local
from queueapp.domain.refusal import Refused
from queueapp.domain.visit import EntryClass, Presence
from queueapp.realtime.content.desk import DeskView
from queueapp.web.desk import blueprint
from queueapp.web.desk.acting import Done, carry_out
from queueapp.web.desk.aloud import aloud, needs_of
from queueapp.web.desk.consequence import told_before
from queueapp.web.desk.page import Panel, make_panel, show, status_of, view_of
from queueapp.web.desk.person import PERSON_VERBS, fill_details, shown_notes
from queueapp.web.desk.seen import check_seen, explained, of_entry, told_unseen
from queueapp.web.desk.verb_forms import LEFT_BECAUSE
from queueapp.web.desk.verb_table import VERBS, Turn
from queueapp.web.fields import rounded_up
from queueapp.web.forms import Form
from queueapp.web.security import allow, current_actor, current_db, current_site, now

_BACK_IN_MIN = 15
ALL_VERBS = VERBS | PERSON_VERBS
# Verbs by which others gain or lose: that is said before they are done.
WEIGHED = frozenset({"call", "move", "first", "class", "transfer", "wish", "left", "here", "out"})


@blueprint.route("/entries/<int:entry_id>")
@allow("receptionist")
def row(entry_id: int) -> Any:
    """Open a row, perhaps with one of its verbs; that it was opened is recorded."""
    verb = request.args.get("verb", "")
    with current_db().write() as session:
        entry = session.get_one(QueueEntry, entry_id)
        record_look(session, current_actor(), now(), visit_id=entry.visit_id)
    return show(_panel(entry_id, verb if verb in ALL_VERBS else ""))


@blueprint.route("/entries/<int:entry_id>/<verb>", methods=["POST"])
@allow("receptionist")
def do(entry_id: int, verb: str) -> Any:
    """Carry out a verb; what is wrong is said beside its field."""
    form, about = _form(entry_id, verb)
    if not form.validate():
        if unseen := told_unseen(current_site().id, about):
            form.take(unseen)
        return show(_panel(entry_id, verb, form), 422)
    try:
        return carry_out(lambda session: _carry_out(session, entry_id, verb, form))
    except Refused as refused:
        form.take(explained(refused, current_site().id, about))
        return show(_panel(entry_id, verb, form), status_of(refused))


@blueprint.route("/entries/<int:entry_id>/<verb>/consequence", methods=["POST"])
@allow("receptionist")
def consequence(entry_id: int, verb: str) -> Any:
    """Who would gain and who would lose by it, in a sentence; nothing is done."""
    form, _ = _form(entry_id, verb)
    if "reason" in form and not form.reason.data:
        form.reason.data = "-"  # asked for when it is done, not while it is thought over
    if not form.validate():
        return jsonify(said="", refused="")
    return told_before(lambda session: _run(session, entry_id, verb, form))


def _form(entry_id: int, verb: str) -> tuple[Any, Any]:
    """The form of a verb with its choices, and what picks the facts of that row."""
    if verb not in ALL_VERBS:
        raise NotFound
    form = ALL_VERBS[verb].form()
    with current_db().read() as session:
        site, view = view_of(session)
        entry = session.get_one(QueueEntry, entry_id)
        _fill(session, site, view, entry, form)
        return form, of_entry(entry)


def _carry_out(session: Session, entry_id: int, verb: str, form: Form) -> Done:
    entry = session.get_one(QueueEntry, entry_id)
    if verb not in PERSON_VERBS:
        check_seen(session, session.get_one(Site, entry.site_id), of_entry(entry))
    words = _run(session, entry_id, verb, form)
    then = url_for("desk.row", entry_id=entry_id) if verb in PERSON_VERBS else ""
    return Done(entry.visit.ticket, words, entry.id, then)


def _run(session: Session, entry_id: int, verb: str, form: Form) -> str:
    entry = session.get_one(QueueEntry, entry_id)
    site = session.get_one(Site, entry.site_id)
    return ALL_VERBS[verb].run(Turn(session, current_actor(), now(), site, entry), form)


def _panel(entry_id: int, verb: str, form: Form | None = None) -> Panel:
    with current_db().read() as session:
        site, view = view_of(session)
        entry = session.get_one(QueueEntry, entry_id)
        line = view.line(entry_id)
        undoable = last_undoable(session, entry_id)
        why_not = {code: v.why_not(entry) for code, v in ALL_VERBS.items()}
        if undoable is None:
            why_not["undo"] = "There is nothing to take back."
        elif now() - undoable.recorded_at > site.rules.undo_window:
            why_not["undo"] = "It is too long ago to take it back."
        if verb and form is None and not why_not[verb]:
            form = ALL_VERBS[verb].form(formdata=None)
            _fill(session, site, view, entry, form, is_new=True)
        patient = entry.visit.patient
        name = patient.called_name if patient else ""
        return make_panel(
            "desk/_row.html",
            f"{entry.visit.ticket} {name}".strip(),
            {
                "entry": entry,
                "line": line,
                "person": name or "No name",
                "aloud": aloud(view, site, entry),
                "needs": needs_of(session, site, entry),
                "verbs": ALL_VERBS.values(),
                "why_not": why_not,
                "here_words": _here_words(entry),
                "verb": ALL_VERBS.get(verb),
                "form": form,
                "happened": of_visit(session, site, entry.visit_id),
                "undoable": in_words(session, site, [undoable])[0] if undoable else None,
                "class_words": class_words,
                "notes": shown_notes(session, entry.visit),
                "seen": newest_seq(session, of_entry(entry)),
                "weighed": verb in WEIGHED,
                "came": f"{to_local(site.timezone, entry.arrived_at):%H:%M}",
            },
        )


def _here_words(entry: QueueEntry) -> str:
    return "Back here" if entry.visit.presence is Presence.OUT else "Is here"


def _fill(
    session: Session,
    site: Site,
    view: DeskView,
    entry: QueueEntry,
    form: Any,
    *,
    is_new: bool = False,
) -> None:
    """Give the form its choices, and a new one its most likely answers."""
    if "room_needs" in form:
        fill_details(session, entry, form, is_new=is_new)
    if "room" in form:
        form.room.choices = [
            (str(s.row.room.id), f"{s.name}, {s.clinician}{_busy(s.row.entries)}")
            for s in view.strips
            if s.row.shift
        ]
        if is_new:
            first = next((s for s in view.strips if s.row.next_entry_id == entry.id), None)
            form.room.data = str(first.row.room.id) if first else _likely_room(view, entry)
    if "before" in form:
        others = [r for r in view.rows.waiting if r.entry.id != entry.id]
        same = [r for r in others if r.entry.band == entry.band]
        clock = site.timezone
        form.before.choices = [
            (str(r.entry.id), f"{r.visit.ticket}, due by {to_local(clock, r.entry.due_by):%H:%M}")
            for r in same
        ]
        if is_new and same:
            place = next((r.place for r in view.rows.waiting if r.entry.id == entry.id), 0) or 0
            ahead = [r for r in same if (r.place or 0) < place]
            form.before.data = str((ahead or same)[-1 if ahead else 0].entry.id)
    if "service" in form:
        others = [s for s in site.services_in_use if s.id != entry.service_id]
        form.service.choices = [(str(s.id), s.name) for s in others]
    if "clinician" in form:
        form.clinician.choices = _wishes(session, site)
        if is_new:
            wished = f"{entry.preference}:{entry.wished_clinician_id}"
            form.clinician.data = wished if entry.wished_clinician_id else ""
    if "entry_class" in form:
        form.entry_class.choices = _classes(session, entry)
        if is_new:
            form.entry_class.data = "urgent"
    if "why" in form:
        form.why.choices = list(LEFT_BECAUSE.items())
    if "back_by" in form and is_new:
        form.back_by.data = f"{to_local(site.timezone, rounded_up(now(), _BACK_IN_MIN)):%H:%M}"


def _busy(entries: Any) -> str:
    return f", with {entries[0].visit.ticket}" if entries else ", free"


def _likely_room(view: DeskView, entry: QueueEntry) -> str:
    for shift in view.rows.view.shifts:
        if shift.is_open and shift.room_id and entry.service_id in shift.services:
            return str(shift.room_id)
    return ""


def _wishes(session: Session, site: Site) -> list[tuple[str, str]]:
    clinicians = clinicians_of(session, site.id)
    return [
        ("", "Anyone"),
        *((f"if_possible:{c.id}", f"{c.shown_name} if possible") for c in clinicians),
        *((f"only:{c.id}", f"Only {c.shown_name}") for c in clinicians),
    ]


def _classes(session: Session, entry: QueueEntry) -> list[tuple[str, str]]:
    labels = session.scalars(
        sa.select(ServiceTarget.entry_class).where(ServiceTarget.service_id == entry.service_id)
    ).all()
    known = [EntryClass.EMERGENCY.value, EntryClass.URGENT.value, EntryClass.WALK_IN.value]
    by_rule = {EntryClass.BOOKED.value, EntryClass.ONWARD.value}
    if entry.scheduled_at is not None:
        known.append(EntryClass.BOOKED.value)
    known += [label for label in dict.fromkeys(labels) if label not in {*known, *by_rule}]
    return [(code, class_words(code)) for code in known if code != entry.entry_class]
