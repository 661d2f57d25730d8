"""The verbs of a row: when each applies, what it asks for, and which action it is."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from queueapp.actions import calls, order, presence, service, undo
from queueapp.actions.arrivals import arrive
from queueapp.actions.legs import Wish
from queueapp.db.models import QueueEntry, Site
from queueapp.db.queries.happened import class_words, in_words, room_name
from queueapp.db.queries.queue import load_queue
from queueapp.domain.actor import Actor
from queueapp.domain.refusal import conflict
from queueapp.domain.visit import (
    EntryState,
    PreferenceKind,
    Presence,
    Resolution,
)
from queueapp.domain.visit import (
    in_words as state_words,
)
from queueapp.web.desk import verb_forms as forms
from queueapp.web.fields import future_instant, past_instant, row_number
from queueapp.web.forms import Form


@dataclass(frozen=True, slots=True)
class Turn:
    """Who acts on what, when."""

    session: Session
    actor: Actor
    now: datetime
    site: Site
    entry: QueueEntry

    def afterwards(self, form: Any) -> datetime | None:
        """The true time, where it was entered afterwards."""
        return past_instant(self.site.timezone, self.site.rules, self.now, form.occurred_at)

    @property
    def key(self) -> tuple[Session, Actor, datetime]:
        """What every action takes first."""
        return self.session, self.actor, self.now


@dataclass(frozen=True, slots=True)
class Verb:
    """`why_not` says in words why it does not apply now; empty when it does."""

    code: str
    words: str
    key: str
    icon: str
    form: type[Form]
    why_not: Callable[[QueueEntry], str]
    run: Callable[[Turn, Any], str]


def wish_of(words: str | None) -> Wish:
    """`only:3`, `if_possible:3` or nothing, as the wish it means."""
    kind, _, number = (words or "").partition(":")
    clinician_id = row_number(number)
    return Wish() if clinician_id is None else Wish(PreferenceKind(kind), clinician_id)


def is_away(entry: QueueEntry) -> bool:
    """Whether "here" would change something: away, or passed over after a call in vain."""
    waits = entry.state is EntryState.WAITING
    return waits and (entry.visit.presence is not Presence.HERE or entry.absences > 0)


def _waits(entry: QueueEntry) -> str:
    if entry.state is EntryState.WAITING:
        return ""
    return f"{entry.visit.ticket} {state_words(entry.state)}."


def _waits_here(entry: QueueEntry) -> str:
    if words := _waits(entry):
        return words
    return "" if entry.visit.presence is Presence.HERE else f"{entry.visit.ticket} is not here."


def _only_if(*states: EntryState) -> Callable[[QueueEntry], str]:
    def why_not(entry: QueueEntry) -> str:
        if entry.state in states:
            return ""
        if entry.state is EntryState.WAITING:
            return f"{entry.visit.ticket} has not been called."
        return f"{entry.visit.ticket} {state_words(entry.state)}."

    return why_not


def _away(entry: QueueEntry) -> str:
    return _waits(entry) or ("" if is_away(entry) else f"{entry.visit.ticket} is here already.")


def _call(turn: Turn, form: forms.CallForm) -> str:
    entry = calls.call_chosen(
        *turn.key,
        room_id=form.room.chosen() or 0,
        entry_id=turn.entry.id,
        occurred_at=turn.afterwards(form),
    )
    turn.session.refresh(entry, ["room"])
    return f"called to {room_name(entry.room.name)}" if entry.room else "called"


def _move(turn: Turn, form: forms.MoveForm) -> str:
    anchor_id = form.before.chosen() or 0
    order.move(
        *turn.key, entry_id=turn.entry.id, before_id=anchor_id, reason=form.reason.data or ""
    )
    anchor = turn.session.get_one(QueueEntry, anchor_id)
    return f"moved ahead of {anchor.visit.ticket}"


def _first(turn: Turn, form: forms.FirstForm) -> str:
    line = load_queue(turn.session, turn.site, turn.now).line
    ahead = next((c for c in line if c.band == turn.entry.band), None)
    if ahead is None or ahead.entry_id == turn.entry.id:
        raise conflict("is_first", f"{turn.entry.visit.ticket} is the first already.")
    order.move(
        *turn.key,
        entry_id=turn.entry.id,
        before_id=ahead.entry_id,
        reason=form.reason.data or "",
    )
    return "put first"


def _transfer(turn: Turn, form: forms.TransferForm) -> str:
    opened = service.transfer(
        *turn.key,
        entry_id=turn.entry.id,
        service_id=form.service.chosen() or 0,
        wish=wish_of(form.clinician.data),
        note_text=form.note.data or "",
    )
    return f"sent on to {opened.service.name}"


def _wish(turn: Turn, form: forms.WishForm) -> str:
    wish = wish_of(form.clinician.data)
    order.change_preference(*turn.key, entry_id=turn.entry.id, wish=wish)
    return "may be seen by anyone" if wish == Wish() else "has another wish now"


def _class(turn: Turn, form: forms.ClassForm) -> str:
    wanted = form.entry_class.data or ""
    order.change_class(*turn.key, entry_id=turn.entry.id, entry_class=wanted)
    return f"is {class_words(wanted).lower()} now"


def _out(turn: Turn, form: forms.OutForm) -> str:
    back_by = future_instant(turn.site.timezone, turn.site.rules, turn.now, form.back_by)
    assert back_by is not None
    presence.step_out(
        *turn.key,
        visit_id=turn.entry.visit_id,
        back_by=back_by,
        occurred_at=turn.afterwards(form),
    )
    return f"stepped out, back by {form.back_by.data}"


def _here(turn: Turn, form: Form) -> str:
    visit = turn.entry.visit
    if visit.presence is Presence.OUT:
        presence.come_back(*turn.key, visit_id=visit.id)
        return "is back"
    if visit.presence is Presence.ON_THE_WAY:
        arrive(*turn.key, visit_id=visit.id)
        return "is here"
    calls.restore(*turn.key, entry_id=turn.entry.id)
    return "is here after all, place kept"


def _left(turn: Turn, form: forms.LeftForm) -> str:
    presence.leave(
        *turn.key,
        entry_id=turn.entry.id,
        why=form.why.data or "",
        occurred_at=turn.afterwards(form),
    )
    return "marked as left"


def _absent(turn: Turn, form: Form) -> str:
    calls.did_not_answer(*turn.key, entry_id=turn.entry.id)
    return "did not answer, place kept"


def _start(turn: Turn, form: forms.StartForm) -> str:
    service.start(*turn.key, entry_id=turn.entry.id, occurred_at=turn.afterwards(form))
    return "went in"


def _finish(turn: Turn, form: forms.FinishForm) -> str:
    said = form.resolution.data or ""
    service.finish(
        *turn.key,
        entry_id=turn.entry.id,
        resolution=Resolution(said) if said in forms.RESOLUTIONS else None,
        occurred_at=turn.afterwards(form),
    )
    return "finished"


def _undo(turn: Turn, form: Form) -> str:
    event = undo.last_undoable(turn.session, turn.entry.id)
    if event is None:
        raise conflict(
            "nothing_to_undo", f"There is nothing to take back for {turn.entry.visit.ticket}."
        )
    undo.undo(*turn.key, event_id=event.id)
    return f"taken back: {in_words(turn.session, turn.site, [event])[0].words}"


VERBS: dict[str, Verb] = {
    verb.code: verb
    for verb in (
        Verb("call", "Call", "c", "s-call", forms.CallForm, _waits_here, _call),
        Verb("move", "Move", "m", "s-move", forms.MoveForm, _waits, _move),
        Verb("first", "Put first", "p", "s-up", forms.FirstForm, _waits, _first),
        Verb(
            "transfer",
            "Transfer",
            "t",
            "s-transfer",
            forms.TransferForm,
            _only_if(EntryState.WAITING, EntryState.CALLED, EntryState.IN_SERVICE),
            _transfer,
        ),
        Verb("class", "Class", "k", "s-warning", forms.ClassForm, _waits, _class),
        Verb("out", "Step out", "s", "s-out", forms.OutForm, _waits_here, _out),
        Verb("here", "Here", "h", "s-check", forms.PlainForm, _away, _here),
        Verb(
            "left",
            "Left",
            "l",
            "s-cross",
            forms.LeftForm,
            _only_if(EntryState.WAITING, EntryState.CALLED),
            _left,
        ),
        Verb("wish", "Wish", "w", "s-person", forms.WishForm, _waits, _wish),
        Verb(
            "absent",
            "Absent",
            "a",
            "s-waiting",
            forms.PlainForm,
            _only_if(EntryState.CALLED),
            _absent,
        ),
        Verb(
            "start", "Went in", "g", "s-next", forms.StartForm, _only_if(EntryState.CALLED), _start
        ),
        Verb(
            "finish",
            "Finished",
            "f",
            "s-check",
            forms.FinishForm,
            _only_if(EntryState.IN_SERVICE),
            _finish,
        ),
        Verb("undo", "Undo", "u", "s-undo", forms.PlainForm, lambda entry: "", _undo),
    )
}
