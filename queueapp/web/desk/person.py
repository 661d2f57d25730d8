"""What is known of a person and what staff write down: notes, details, how to call them."""

from typing import Any

import sqlalchemy as sa
from flask import url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response
from wtforms import BooleanField, SelectMultipleField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import DataRequired, Length
from wtforms.widgets import CheckboxInput, ListWidget

from queueapp.actions.details import Details, change_details, details_of
from queueapp.actions.notes import notes_of, remove_note, write_note
from queueapp.db.models import LONGEST_NOTE, Note, QueueEntry, Room, Site, Staff, Visit
from queueapp.domain.actor import ActorKind, kind_and_id
from queueapp.domain.refusal import not_found
from queueapp.domain.visit import CallRoute
from queueapp.realtime.content.spoken import LANGUAGES
from queueapp.realtime.content.spoken import language as language_words
from queueapp.web.desk import blueprint
from queueapp.web.desk.acting import Done, carry_out
from queueapp.web.desk.verb_table import Turn, Verb
from queueapp.web.fields import Choice, DateField, typed_date
from queueapp.web.forms import Form, text
from queueapp.web.security import allow, current_actor, now

ROUTES = {
    CallRoute.LOBBY.value: "Screen",
    CallRoute.PHONE.value: "Phone",
    CallRoute.FETCH.value: "Come over to them",
}


class Ticks(SelectMultipleField):
    """Several of some, as boxes to tick."""

    widget = ListWidget(prefix_label=False)
    option_widget = CheckboxInput()


class NoteForm(Form):
    """Words for colleagues."""

    words = TextAreaField(
        "Note for colleagues",
        [
            DataRequired("Write the note."),
            Length(max=LONGEST_NOTE, message=f"Use at most {LONGEST_NOTE} characters."),
        ],
        render_kw={"rows": 2, "maxlength": LONGEST_NOTE},
    )
    about_person = BooleanField("Keep it with the person, for later visits too")


class DetailsForm(Form):
    """How the person wishes to be met; the needs of the room are the site's own words."""

    name = text("Name")
    chosen_name = text("Chosen name")
    name_sounds = text("How it is said", longest=160)
    language = Choice("Language", "Choose one of these.")
    birth_date = DateField("Birth date")
    phone = text("Phone", longest=40)
    call_routes = Ticks(
        "Call by",
        choices=[SelectChoice(value, words) for value, words in ROUTES.items()],
        validate_choice=False,
    )
    access_needs = text("Needs help with", longest=300)
    room_needs = Ticks("Room must have", choices=[], validate_choice=False)


def fill_details(session: Session, entry: QueueEntry, form: Any, *, is_new: bool) -> None:
    """The choices of a details form, and a new one's values."""
    patient = entry.visit.patient
    usual = session.get_one(Site, entry.site_id).rules.language
    language = patient.language if patient else usual
    known = {language: language_words(language), **LANGUAGES}
    form.language.choices = sorted(known.items(), key=lambda pair: pair[1])
    rooms = session.scalars(
        sa.select(Room).where(Room.site_id == entry.site_id, Room.retired.is_(False))
    )
    features = {feature for room in rooms for feature in room.features or ()}
    features |= set(patient.room_needs if patient else ())
    form.room_needs.choices = [(feature, feature) for feature in sorted(features)]
    if not is_new:
        return
    now_known = details_of(patient)
    form.name.data, form.chosen_name.data = now_known.name, now_known.chosen_name
    form.name_sounds.data, form.phone.data = now_known.name_sounds, now_known.phone
    form.language.data = language
    form.birth_date.data = typed_date(now_known.birth_date)
    form.call_routes.data = list(now_known.call_routes)
    form.access_needs.data = ", ".join(now_known.access_needs)
    form.room_needs.data = list(now_known.room_needs)


def shown_notes(session: Session, visit: Visit) -> list[tuple[Note, str]]:
    """The notes to read with this visit, each with who wrote it."""
    notes = notes_of(session, visit)
    ids = {_staff_id(note.written_by) for note in notes}
    names = {s.id: s.name for s in session.scalars(sa.select(Staff).where(Staff.id.in_(ids)))}
    return [(note, names.get(_staff_id(note.written_by), "")) for note in notes]


@blueprint.route("/entries/<int:entry_id>/notes/<int:note_id>/remove", methods=["POST"])
@allow("receptionist")
def take_note_away(entry_id: int, note_id: int) -> Response:
    """Take a note away; it can be undone."""

    def work(session: Session) -> Done:
        entry = session.get_one(QueueEntry, entry_id)
        found = session.get(Note, note_id)
        if found is None or found.site_id != entry.site_id:
            raise not_found("The note")
        remove_note(session, current_actor(), now(), note_id=note_id)
        here = url_for("desk.row", entry_id=entry_id)
        return Done(entry.visit.ticket, "note taken away", entry.id, here)

    return carry_out(work)


def _write(turn: Turn, form: NoteForm) -> str:
    write_note(
        *turn.key,
        visit_id=turn.entry.visit_id,
        words=form.words.data or "",
        about_person=bool(form.about_person.data),
    )
    return "note written"


def _change(turn: Turn, form: DetailsForm) -> str:
    change_details(
        *turn.key,
        visit_id=turn.entry.visit_id,
        details=Details(
            name=form.name.data or "",
            chosen_name=form.chosen_name.data or "",
            name_sounds=form.name_sounds.data or "",
            birth_date=form.birth_date.said(),
            language=form.language.data or "en",
            call_routes=tuple(form.call_routes.data or ()),
            access_needs=tuple((form.access_needs.data or "").split(",")),
            room_needs=tuple(form.room_needs.data or ()),
            phone=form.phone.data or "",
        ),
    )
    return "details changed"


def _is_open(entry: QueueEntry) -> str:
    return f"{entry.visit.ticket} has gone." if entry.visit.departed_at is not None else ""


def _staff_id(key: str) -> int:
    kind, number = kind_and_id(key)
    return number if kind == ActorKind.STAFF else 0


PERSON_VERBS: dict[str, Verb] = {
    verb.code: verb
    for verb in (
        Verb("note", "Note", "e", "s-note", NoteForm, lambda entry: "", _write),
        Verb("details", "Details", "d", "s-person", DetailsForm, _is_open, _change),
    )
}
