"""The one thing to do next in a room: exactly one, whatever the state."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from queueapp.db.models import Pause
from queueapp.realtime.content.room_person import Card, Inside
from queueapp.realtime.content.spoken import joined

# The page's script writes " as resolved" here when an outcome is chosen.
_OUTCOME = Markup("<span data-outcome-as></span>")


@dataclass(frozen=True, slots=True)
class Primary:
    """The one thing to do next. `expect` is the entry that a call must name, or nobody is called.

    `form` is the id of the form with the outcome, which the press sends along.
    """

    verb: str
    words: Markup
    small: Markup
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
        words = Markup("{} is here: start").format(coming.short)
        small = escape(f"The visit clock starts{usual}.")
        return Primary("start", words, small, "s-door", coming.id)
    first = in_service[0] if in_service else None
    if first is None and pause is not None:
        return Primary(
            "resume", escape("Back: end the pause"), escape(f"{pause.reason}."), "s-next"
        )
    if free_places > 0 and shown is not None:
        words = Markup("Call next: {}").format(shown.both)
        return Primary("call", words, escape(f"{shown.routes}."), "s-call", expect=shown.id)
    if first is None:
        return None
    form = f"visit-{first.id}"
    # A party that was called together keeps its one place until the last of them has finished.
    party = first.row.visit.party_id
    fellows = [p for p in in_service[1:] if party is not None and p.row.visit.party_id == party]
    if shown is not None and not fellows:
        words = Markup("Call next: {}").format(shown.both)
        small = Markup("Finishes {}{}. {}.").format(first.short, _OUTCOME, shown.routes)
        return Primary("finish-and-call", words, small, "s-call", first.id, shown.id, form)
    small = escape("Then the pause." if pause else "Nobody can be called after that.")
    if fellows:
        stay = Markup(joined(p.short for p in fellows))
        small = Markup("{} stays in the room.").format(stay)
    words = Markup("Finish {}{}").format(first.both, _OUTCOME)
    return Primary("finish", words, small, "s-check", first.id, form=form)
