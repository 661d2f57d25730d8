"""How it has gone: days and weeks beside those before, without taking noise for news."""

from typing import Any, NamedTuple

from flask import render_template, request
from werkzeug.exceptions import NotFound

from queueapp.actions.base import find_site
from queueapp.db.queries.happened import class_words
from queueapp.db.queries.time_spent import STAGES
from queueapp.db.queries.trend import Trend, load_trend
from queueapp.realtime.content.board import DRAWING
from queueapp.realtime.content.board_words import PEOPLE, per_cent
from queueapp.web.board import blueprint
from queueapp.web.security import allow, current_db, now


class Stretch(NamedTuple):
    """What may be looked at: so many days, or weeks."""

    length: int
    weeks: bool
    words: str


STRETCHES = {
    "20d": Stretch(20, False, "Last 20 days, against the 20 before"),
    "60d": Stretch(60, False, "Last 60 days, against the 60 before"),
    "12w": Stretch(12, True, "Last 12 weeks, against the 12 before"),
    "26w": Stretch(26, True, "Last 26 weeks, against the 26 before"),
}
_USUAL = "20d"
_WARM = (10, 20, 30, 40, 50)
_SHARES = {"Called within target", "Left without being seen", "Promises kept"}
_SHARES |= {"Sorted out the first time"}
_SAME_MIN = 0.5
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


@blueprint.get("/<site>/trend")
@allow("manager")
def trend(site: str) -> str:
    """Called within target by day or week, when the waits are long, and what has changed."""
    over = request.args.get("over", _USUAL)
    if over not in STRETCHES:
        raise NotFound
    stretch = STRETCHES[over]
    chosen = request.args.get("of", "")
    number, _, entry_class = chosen.partition(":")
    if chosen and not (number.isascii() and number.isdigit() and len(number) < 19):
        raise NotFound
    with current_db().read() as session:
        row = find_site(session, site)
        found = load_trend(
            session,
            row,
            now(),
            count=stretch.length,
            weeks=stretch.weeks,
            service_id=int(number) if number else None,
            entry_class=entry_class or None,
        )
        choices = _choices(found)
        return render_template(
            "board/trend.html",
            trend=found,
            stretches=STRETCHES,
            over=over,
            of=chosen,
            choices=choices,
            about=choices.get(chosen, "Everyone"),
            unit="week" if stretch.weeks else "day",
            lede=_sentence(found, choices.get(chosen, "Everyone")),
            weekdays=_open_weekdays(found),
            warmth=_warmth,
            warm=_WARM,
            shares=_SHARES,
            spent=_spent(found),
            **DRAWING,
        )


def _choices(found: Trend) -> dict[str, str]:
    choices = {"": "All services and classes"}
    for service, entry_class in found.choices:
        choices.setdefault(f"{service.id}:", f"{service.name}, everyone")
        people = PEOPLE.get(entry_class, class_words(entry_class))
        choices[f"{service.id}:{entry_class}"] = f"{service.name}, {people}"
    return choices


def _sentence(found: Trend, about: str) -> tuple[str, str]:
    target, median = found.changes[0], found.changes[1]
    if not found.now.arrived:
        return "Nobody came in this time.", ""
    told = f"{about}: {per_cent(found.now.share)} called within target"
    if target.change is None:
        return f"{told}.", "There is nothing before it to compare with."
    for one, words in ((target, ("More", "Fewer")), (median, ("Shorter", "Longer"))):
        if one.word in ("Better", "Worse"):
            what = words[one.word == "Worse"]
            thing = "are called within target" if one is target else "waits"
            return f"{what} {thing} than before, and it is not chance.", f"{told}, before it " + (
                f"{per_cent(found.before.share)}."
            )
    return "No clear change:", f"{told}, before it {per_cent(found.before.share)}."


def _open_weekdays(found: Trend) -> list[tuple[int, str]]:
    used = {
        n for cells in found.heat.values() for n, minutes in enumerate(cells) if minutes is not None
    }
    return [(n, word) for n, word in enumerate(_WEEKDAYS) if n in used]


def _spent(found: Trend) -> list[tuple[str, float, float, str]]:
    """Per stage its words, mean minutes before and now, and their difference in words."""
    before, after = found.spent
    rows = []
    for words, was, became in zip(STAGES, before.minutes, after.minutes, strict=True):
        change = became - was
        is_same = not before.visits or abs(change) < _SAME_MIN
        told = "same" if is_same else f"{'+' if change > 0 else '−'}{abs(change):.0f} min"
        rows.append((words, was, became, told if before.visits else ""))
    return rows


def _warmth(minutes: Any) -> int:
    """The step of the scale, 0 to 5, that a wait of so many minutes has."""
    return sum(minutes >= edge for edge in _WARM)
