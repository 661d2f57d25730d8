"""Why somebody cannot be called here now, in plain words."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta

from queueapp.db.queries.rows import EntryRow, SiteRows
from queueapp.domain.localtime import to_local
from queueapp.domain.ordering import ShiftView, Why, why_not
from queueapp.domain.visit import Presence
from queueapp.realtime.content.desk_rows import Risk, risk_of
from queueapp.realtime.content.spoken import joined

_MOST = 4


@dataclass(frozen=True, slots=True)
class Other:
    """One who waits, with the words why not; `may` says that they can be chosen by name."""

    row: EntryRow
    why_not: str
    may: bool
    risk: Risk | None


def others(rows: SiteRows, shift: ShiftView) -> list[Other]:
    """All who wait, in calling order, with why this shift may not call them now."""
    found = []
    for candidate in rows.view.line:
        row = rows.row(candidate.entry_id)
        if row is None:
            continue
        why = why_not(candidate, shift, rows.view.shifts, rows.now, rows.view.rules)
        # What staff may overrule by choosing somebody: see actions.calls.call_chosen.
        may = why in (None, Why.PASSED_OVER, Why.WAITS_FOR_WISH)
        risk = risk_of(row.estimate.miss if row.estimate else None)
        found.append(Other(row, _words(rows, row, why) if why else "", may, risk))
    return found


def nobody_words(rows: SiteRows, shift: ShiftView) -> list[str]:
    """Why nobody can be called: who waits for others, who is out, until when."""
    waiting = others(rows, shift)
    elsewhere: Counter[str] = Counter()
    said = []
    for one in waiting:
        entry = one.row.entry
        if entry.service_id not in shift.services:
            elsewhere[entry.service.name] += 1
        else:
            said.append(f"{one.row.visit.ticket} {one.why_not}.")
    counted = [
        f"{n} {'waits' if n == 1 else 'wait'} for {service}."
        for service, n in elsewhere.most_common()
    ]
    more = len(said) - _MOST
    said = [*said[:_MOST], f"{more} more cannot be called now."] if more > 0 else said
    return said + counted


def _words(rows: SiteRows, row: EntryRow, why: Why) -> str:
    entry, visit = row.entry, row.visit

    def clock(instant: datetime | None) -> str:
        return f"{to_local(rows.site.timezone, instant):%H:%M}" if instant else ""

    if why is Why.NOT_HERE:
        if visit.presence is Presence.OUT:
            return f"stepped out, back by {clock(visit.back_by)}"
        if visit.presence is Presence.ON_THE_WAY:
            return "is on the way"
        return "did not answer twice; the desk is looking"
    if why is Why.PASSED_OVER:
        until = clock(_next_minute(entry.passed_over_until))
        return f"{'did not answer' if entry.absences else 'is set aside'}, again from {until}"
    if why is Why.BUSY_ELSEWHERE:
        return "is called or being seen in another room"
    if why is Why.OTHER_SERVICE:
        return f"waits for {entry.service.name}"
    if why is Why.ROOM_LACKS_FEATURE:
        return f"needs a room with {joined(entry.needs)}"
    wish = entry.wished_clinician.shown_name if entry.wished_clinician else entry.wished_attribute
    if why is Why.ONLY_OTHERS:
        return f"wants only {wish}"
    return f"waits for {wish} until {clock(entry.due_by - rows.view.rules.release)}"


def _next_minute(instant: datetime | None) -> datetime | None:
    """The first whole minute that is not before the instant: by then it surely holds."""
    if instant is None:
        return None
    whole = instant.replace(second=0, microsecond=0)
    return whole if whole == instant else whole + timedelta(minutes=1)
