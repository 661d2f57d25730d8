"""The sentence a board opens with, and the words for whom it speaks of."""

from collections.abc import Sequence

from queueapp.db.queries.board import TargetRow
from queueapp.db.queries.figures import Figures
from queueapp.db.queries.happened import class_words
from queueapp.domain.verdicts import Verdict
from queueapp.domain.visit import EntryClass
from queueapp.realtime.content.spoken import joined

PEOPLE = {
    EntryClass.EMERGENCY.value: "emergencies",
    EntryClass.URGENT.value: "urgent patients",
    EntryClass.BOOKED.value: "booked patients",
    EntryClass.WALK_IN.value: "walk-ins",
    EntryClass.ONWARD.value: "patients sent on",
}
_MOST_NAMED = 3


def per_cent(share: float | None) -> str:
    """`83 %`; a dash for none."""
    return "–" if share is None else f"{share * 100:.0f} %"


def whom(row: TargetRow) -> str:
    """Whom a row is about: `GP consultation walk-ins`."""
    people = PEOPLE.get(row.entry_class, f"{class_words(row.entry_class).lower()} patients")
    return f"{row.service.name} {people}"


def sentence(rows: Sequence[TargetRow], total: Figures) -> tuple[str, str]:
    """What there is to know first: its bold part, and the rest."""
    if not total.arrived:
        return "Nobody has come yet today.", ""
    missing = [r for r in rows if r.verdict is Verdict.MISSING]
    meeting = [r for r in rows if r.verdict is Verdict.MEETING]
    if missing:
        return _missing(missing, bool(meeting))
    if meeting:
        named = joined(whom(r) for r in meeting[:_MOST_NAMED])
        more = len(meeting) - _MOST_NAMED
        also = f" and {more} more" if more > 0 else ""
        verb = "meet their targets" if len(meeting) > 1 else "meet their target"
        rest = " The rest are too close or too few to say." if len(meeting) < len(rows) else ""
        return "No target is being missed.", f"{named}{also} {verb}.{rest}"
    called = "1 person" if total.n == 1 else f"{total.n} people"
    return "Too early to say whether targets are met:", f"{called} called so far."


def _missing(missing: Sequence[TargetRow], some_meet: bool) -> tuple[str, str]:
    worst = sorted(missing, key=lambda r: (r.figures.share or 0.0) - r.aim)
    others = (
        "The rest meet theirs or are too close to say."
        if some_meet
        else "The rest are too close or too few to say."
    )
    if len(worst) == 1:
        row = worst[0]
        minutes = round(row.within.total_seconds() / 60)
        return (
            f"{whom(row)} miss their target:",
            f"{per_cent(row.figures.share)} called within {minutes} min, against "
            f"{per_cent(row.aim)}. {others}",
        )
    named = joined(f"{whom(r)} ({per_cent(r.figures.share)})" for r in worst[:_MOST_NAMED])
    more = f" and {len(worst) - _MOST_NAMED} more" if len(worst) > _MOST_NAMED else ""
    return f"{len(worst)} groups miss their targets:", f"{named}{more}. {others}"
