"""The one thing to do next in a room: exactly one, whatever the state."""

from collections.abc import Sequence
from dataclasses import dataclass

from queueapp.db.models import Pause
from queueapp.realtime.content.room_person import Card, Inside
from queueapp.realtime.content.spoken import joined


@dataclass(frozen=True, slots=True)
class Primary:
    """The one thing to do next. `expect` is the entry that a call must name, or nobody is called.

    `form` is the id of the form with the outcome, which the press sends along.
    """

    verb: str
    words: str
    small: str
    icon: str
    entry_id: int | None = None
    expect: int | None = None
    form: str = ""


def primary_of(
    shown: Card | None,
    pause: Pause | None,
    free_places: int,
    coming: Inside | None,
    in_service: Sequence[Inside],
) -> Primary | None:
    """Start who has come; else call, finishing who is in the last free place; else end the pause.

    None when there is nobody to call, start or finish.
    """
    if coming is not None:
        usual = f"; usually {shown.usual} min" if shown and shown.usual else ""
        words = f"{coming.short} is here: start"
        return Primary("start", words, f"The visit clock starts{usual}.", "s-door", coming.id)
    first = in_service[0] if in_service else None
    if first is None and pause is not None:
        return Primary("resume", "Back: end the pause", f"{pause.reason}.", "s-next")
    if free_places > 0 and shown is not None:
        words = f"Call next: {shown.both}"
        return Primary("call", words, f"{shown.routes}.", "s-call", expect=shown.id)
    if first is None:
        return None
    form = f"visit-{first.id}"
    # A party that was called together keeps its one place until the last of them has finished.
    party = first.row.visit.party_id
    fellows = [p for p in in_service[1:] if party is not None and p.row.visit.party_id == party]
    if shown is not None and not fellows:
        words, small = f"Call next: {shown.both}", f"Finishes {first.short}. {shown.routes}."
        return Primary("finish-and-call", words, small, "s-call", first.id, shown.id, form)
    small = "Then the pause." if pause else "Nobody can be called after that."
    if fellows:
        small = f"{joined(p.short for p in fellows)} stays in the room."
    words = f"Finish {first.short}, {first.ticket}" if first.name else f"Finish {first.ticket}"
    return Primary("finish", words, small, "s-check", first.id, form=form)
