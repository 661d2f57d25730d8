"""What happens in the room: starting, finishing, sending on, setting aside."""

from datetime import timedelta
from typing import Any

from queueapp.actions import forgotten, service
from queueapp.actions.legs import Wish
from queueapp.actions.plan import NextStep
from queueapp.db.models import QueueEntry
from queueapp.domain.refusal import invalid
from queueapp.domain.visit import PreferenceKind, Resolution
from queueapp.web.fields import future_instant, row_number
from queueapp.web.room.calling import check_meant, still_waits
from queueapp.web.room.forms import SAME, UNKNOWN, AsideForm, EndedForm, FinishForm, TransferForm
from queueapp.web.room.turn import Turn


def start(turn: Turn, form: Any) -> str:
    """They have come in."""
    entry = service.start(*turn.key, entry_id=turn.inside().id)
    return f"{entry.visit.ticket} is in"


def finish(turn: Turn, form: FinishForm) -> str:
    """The visit has ended."""
    entry = turn.inside()
    service.finish(
        *turn.key,
        entry_id=entry.id,
        resolution=_resolution(form),
        next_step=_next_step(entry, form),
    )
    return f"{entry.visit.ticket} finished"


def finish_and_call(turn: Turn, form: FinishForm) -> str:
    """The visit has ended and the next one, whom the button named, is called: both or neither."""
    meant = still_waits(turn)
    entry = turn.inside()
    _, called = service.finish_and_call_next(
        *turn.key,
        entry_id=entry.id,
        room_id=turn.room_id,
        resolution=_resolution(form),
        next_step=_next_step(entry, form),
    )
    check_meant(turn, meant, called)
    return f"{entry.visit.ticket} finished, {meant.visit.ticket} called"


def still_in(turn: Turn, form: Any) -> str:
    """It does take that long."""
    entry = turn.inside()
    forgotten.still_in(*turn.key, entry_id=entry.id)
    return f"{entry.visit.ticket} is still in"


def ended(turn: Turn, form: EndedForm) -> str:
    """It has ended a while ago, and nobody pressed it then."""
    entry = turn.inside()
    ago = form.ago.data
    forgotten.finish_late(
        *turn.key,
        entry_id=entry.id,
        ago=None if ago == UNKNOWN else timedelta(minutes=int(ago)),
        resolution=_resolution(form),
        next_step=_next_step(entry, form),
    )
    when = {"0": "", UNKNOWN: ", end not known"}.get(ago, f", {ago} min ago")
    return f"{entry.visit.ticket} finished{when}"


def came(turn: Turn, form: Any) -> str:
    """They came in when they were called, and nobody pressed it then."""
    entry = turn.inside()
    forgotten.start_late(*turn.key, entry_id=entry.id)
    return f"{entry.visit.ticket} is in, since the call"


def transfer(turn: Turn, form: TransferForm) -> str:
    """On to another service."""
    entry = turn.inside()
    chosen = row_number((form.clinician.data or "").removeprefix("only:"))
    wish = Wish() if chosen is None else Wish(PreferenceKind.ONLY, chosen)
    opened = service.transfer(
        *turn.key,
        entry_id=entry.id,
        service_id=form.service.chosen() or 0,
        wish=wish,
        note_text=form.note.data or "",
    )
    return f"{entry.visit.ticket} sent on to {opened.service.name}"


def set_aside(turn: Turn, form: AsideForm) -> str:
    """Out for a while, then back to the same clinician."""
    entry = turn.inside()
    then, ready = (
        form.service.chosen(),
        future_instant(turn.site.timezone, turn.site.rules, turn.now, form.ready_at),
    )
    if then is None and ready is None:
        raise invalid("ready_at", "Say when they can come back in, or where they go first.")
    service.set_aside(
        *turn.key,
        entry_id=entry.id,
        then_service_id=then,
        ready_at=ready,
        note_text=form.note.data or "",
    )
    return f"{entry.visit.ticket} set aside, comes back to you"


def _resolution(form: FinishForm) -> Resolution | None:
    return Resolution(form.resolution.data) if form.resolution.data else None


def _next_step(entry: QueueEntry, form: FinishForm) -> NextStep | None:
    service_id = form.next_service.chosen()
    if service_id is None:
        return None
    same = form.next_who.data == SAME and entry.clinician_id is not None
    wish = Wish(PreferenceKind.ONLY, entry.clinician_id) if same else Wish()
    return NextStep(service_id, wish)
