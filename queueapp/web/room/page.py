"""The room's page, with or without a panel that asks for more than one press can say."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from flask import render_template, request
from markupsafe import Markup
from sqlalchemy.orm import Session
from werkzeug.exceptions import NotFound

from queueapp.actions.looks import record_look
from queueapp.db.models import QueueEntry, Shift, Site
from queueapp.db.queries.clinicians import clinician_of_staff, still_to_come
from queueapp.db.queries.happened import of_visit
from queueapp.db.queries.thanks import thanks_to
from queueapp.domain.actor import ActorKind
from queueapp.domain.localtime import to_local
from queueapp.realtime.content.room import Part, RoomView, context, room_view
from queueapp.realtime.content.room_nobody import others
from queueapp.realtime.content.spoken import joined, spoken_date
from queueapp.web.fields import rounded_up
from queueapp.web.forms import Form
from queueapp.web.room import blueprint, forms
from queueapp.web.room.choices import fill
from queueapp.web.room.told import told_before
from queueapp.web.security import (
    allow,
    current_actor,
    current_db,
    current_site,
    identity,
    now,
)

_PAUSE_MIN = 15
DELAYS = (0, 10, 20, 30, 45, 60)
PAUSES = (5, 10, 15, 30)


@dataclass(frozen=True, slots=True)
class Asked:
    """A panel: its partial, its title, its form, and whether it is about a person or a shift."""

    template: str
    title: str
    form: type[Form] | None = None
    about: str = "shift"


PANELS = {
    "others": Asked("room/_others.html", "Call someone else"),
    "call-one": Asked("room/_choose.html", "Call out of turn:", None, "chosen"),
    "keys": Asked("room/_keys.html", "Keys", None, "room"),
    "transfer": Asked("room/_ask.html", "Transfer", forms.TransferForm, "entry"),
    "aside": Asked("room/_ask.html", "Set aside", forms.AsideForm, "entry"),
    "history": Asked("room/_history.html", "What happened today", None, "entry"),
    "pause": Asked("room/_ask.html", "Pause", forms.PauseForm),
    "late": Asked("room/_ask.html", "Running late", forms.LateForm),
    "hand-over": Asked("room/_ask.html", "Hand over", forms.HandOverForm),
    "room": Asked("room/_ask.html", "Change room", forms.RoomForm),
    "more": Asked("room/_more.html", "More"),
    "open": Asked("room/_ask.html", "Who works here?", forms.OpenForm, "room"),
}


@blueprint.route("/<int:room_id>")
@allow("clinician", "room")
def page(room_id: int) -> Any:
    """Who is in the room and who is next; `?panel=` opens one of the panels."""
    name = request.args.get("panel", "")
    if name and name not in PANELS:
        raise NotFound
    if name == "history":
        _look()
    told = told_before(room_id) if name == "call-one" else None
    with current_db().read() as session:
        site = session.get_one(Site, current_site().id)
        view = room_view(session, site, now(), room_id)
        if not view.parts and not name:
            name = "open"
        asked = {**_panel(session, site, view, name), "told": told} if name else None
        if asked and "X-Panel" in request.headers:
            return render_template(asked["template"], **asked, **context(view, site))
        return render_template(
            "room/page.html",
            channels=[f"room:{room_id}"],
            seq=view.rows.seq,
            panel=asked,
            **(asked or {}),
            **context(view, site),
        )


def _panel(session: Session, site: Site, view: RoomView, name: str) -> dict[str, Any]:
    asked = PANELS[name]
    found: dict[str, Any] = {
        "template": asked.template,
        "title": asked.title,
        "name": name,
        "delays": DELAYS,
        "spoken_date": spoken_date,
        "form": None,
        "entry": None,
        "shift": None,
    }
    if asked.about in ("entry", "chosen"):
        found["entry"] = _entry(session, site)
    if asked.about in ("shift", "chosen"):
        found["shift"] = _shift(view)
    if asked.form is not None:
        form = asked.form(formdata=None)
        fill(session, site, form)
        _suggest(session, site, form, found["shift"])
        found["form"] = form
    if name == "others":
        part = next(p for p in view.parts if p.shift.id == found["shift"].id)
        found["others"] = others(view.rows, part.view)
        found["full"] = _full(view, part)
    if name == "history" and found["entry"] is not None:
        found["happenings"] = of_visit(session, site, found["entry"].visit_id)
    if name == "more":
        clinician_id = found["shift"].clinician_id
        found["thanks"] = thanks_to(session, site.id, clinician_id, now())
    if name == "pause":
        found["pauses"] = [f"{to_local(site.timezone, rounded_up(now(), n)):%H:%M}" for n in PAUSES]
    return found


def _full(view: RoomView, part: Part) -> str:
    """Why nobody can be chosen now, in words."""
    if part.pause is not None:
        return "You are on a pause. End it first."
    if part.view.free_places > 0:
        return ""
    first = Markup(joined(p.short for p in view.inside))
    return Markup("Finish {} first: {} has no place free.").format(first, view.name)


def _entry(session: Session, site: Site) -> QueueEntry:
    entry = session.get(QueueEntry, request.args.get("entry", 0, type=int))
    if entry is None or entry.site_id != site.id:
        raise NotFound
    return entry


def _shift(view: RoomView) -> Shift:
    wanted = request.args.get("shift", 0, type=int)
    there = [p.shift for p in view.parts]
    found = next((s for s in there if s.id == wanted), there[0] if there else None)
    if found is None:
        raise NotFound
    return found


def _suggest(session: Session, site: Site, form: Any, shift: Shift | None) -> None:
    """What is likely is filled in; an outcome never is."""
    if isinstance(form, forms.PauseForm):
        form.until.data = f"{to_local(site.timezone, rounded_up(now(), _PAUSE_MIN)):%H:%M}"
    if isinstance(form, forms.LateForm) and shift is not None:
        form.minutes.data = round(shift.declared_delay / timedelta(minutes=1))
    if isinstance(form, forms.RoomForm) and shift is not None:
        form.room.choices = [c for c in form.room.choices if c[0] != str(shift.room_id)]
    if isinstance(form, forms.HandOverForm) and shift is not None:
        form.clinician.choices = [
            c for c in form.clinician.choices if c[0] != str(shift.clinician_id)
        ]
    if isinstance(form, forms.OpenForm):
        _suggest_clinician(session, site, form)


def _suggest_clinician(session: Session, site: Site, form: forms.OpenForm) -> None:
    """The one who is signed in, else nobody: a wrong name on the door is worse than a choice."""
    who = identity().actor
    mine = clinician_of_staff(session, who.id) if who.kind is ActorKind.STAFF else None
    form.clinician.choices = [("", "Choose"), *form.clinician.choices]
    form.clinician.data = str(mine) if mine else ""
    planned = still_to_come(session, site, site.day_at(now()))
    until = {str(s.clinician_id): to_local(site.timezone, s.planned_to) for s in planned}
    form.clinician.choices = [
        (n, f"{words}, planned until {until[n]:%H:%M}" if n in until else words)
        for n, words in form.clinician.choices
    ]


def _look() -> None:
    """That a person's story was opened is recorded."""
    with current_db().write() as session:
        entry = _entry(session, session.get_one(Site, current_site().id))
        record_look(session, current_actor(), now(), visit_id=entry.visit_id)
