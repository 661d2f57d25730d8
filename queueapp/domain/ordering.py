"""Who is next, and why.

Order is total: band, then `due_by`, then arrival, then entry number; a move by staff puts one
entry directly before its anchor for as long as the anchor waits. Eligibility is per shift.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from queueapp.domain.rules import SiteRules
from queueapp.domain.visit import EntryClass, PreferenceKind, Presence

OrderKey = tuple[int, datetime, datetime, int]


@dataclass(frozen=True, slots=True)
class Move:
    """A stored order override: directly before entry `before_id`; `made_at` orders several."""

    before_id: int
    made_at: datetime


@dataclass(frozen=True, slots=True)
class Candidate:
    """A waiting entry as the order sees it.

    `clinicians` are those wished for (resolved from a name or an attribute); `needs` are room
    features; `visit_busy` says that another entry of the visit is called or in service.
    """

    entry_id: int
    visit_id: int
    service_id: int
    entry_class: str
    band: int
    due_by: datetime
    arrived_at: datetime
    number: int
    reference_at: datetime
    target: timedelta
    presence: Presence = Presence.HERE
    passed_over_until: datetime | None = None
    preference: PreferenceKind = PreferenceKind.NONE
    clinicians: frozenset[int] = frozenset()
    needs: frozenset[str] = frozenset()
    visit_busy: bool = False
    move: Move | None = None

    @property
    def key(self) -> OrderKey:
        """The place in the order before any move."""
        return (self.band, self.due_by, self.arrived_at, self.number)


@dataclass(frozen=True, slots=True)
class ShiftView:
    """A clinician's stretch of today as the order sees it; planned, open or paused.

    `starts_at`/`ends_at` are when the clinician is or will be there (instants); `is_open` says
    that the shift has really begun; `paused_until` is set while paused (max datetime: no end).
    """

    shift_id: int
    clinician_id: int
    services: frozenset[int]
    starts_at: datetime
    ends_at: datetime
    is_open: bool = False
    room_id: int | None = None
    room_features: frozenset[str] = frozenset()
    paused_until: datetime | None = None
    free_places: int = 1
    declared_delay: timedelta = timedelta(0)


class Why(StrEnum):
    """Why an entry cannot be called by a shift now."""

    NOT_HERE = "not_here"
    PASSED_OVER = "passed_over"
    BUSY_ELSEWHERE = "busy_elsewhere"
    OTHER_SERVICE = "other_service"
    ROOM_LACKS_FEATURE = "room_lacks_feature"
    ONLY_OTHERS = "only_others"
    WAITS_FOR_WISH = "waits_for_wish"


def in_order(candidates: Iterable[Candidate]) -> list[Candidate]:
    """All candidates in calling order, moves applied oldest first."""
    line = sorted(candidates, key=lambda c: c.key)
    moved = [(c.move.made_at, c.entry_id, c.move.before_id, c) for c in line if c.move]
    for _, _, before_id, one in sorted(moved, key=lambda m: m[:2]):
        anchor = next((c for c in line if c.entry_id == before_id), None)
        if anchor is None or anchor is one or anchor.band != one.band:
            continue
        line.remove(one)
        line.insert(line.index(anchor), one)
    return line


def can_serve(candidate: Candidate, shift: ShiftView) -> bool:
    """Whether the shift could ever serve the entry: service, room features, an `only` wish."""
    if candidate.service_id not in shift.services:
        return False
    if shift.room_id is not None and not candidate.needs <= shift.room_features:
        return False
    return not (
        candidate.preference is PreferenceKind.ONLY
        and shift.clinician_id not in candidate.clinicians
    )


def why_not(
    candidate: Candidate,
    shift: ShiftView,
    shifts: Sequence[ShiftView],
    now: datetime,
    rules: SiteRules,
) -> Why | None:
    """Why the shift may not call the entry now; None when it may."""
    if candidate.presence is not Presence.HERE:
        return Why.NOT_HERE
    if candidate.passed_over_until is not None and now < candidate.passed_over_until:
        return Why.PASSED_OVER
    if candidate.visit_busy:
        return Why.BUSY_ELSEWHERE
    if candidate.service_id not in shift.services:
        return Why.OTHER_SERVICE
    if not candidate.needs <= shift.room_features:
        return Why.ROOM_LACKS_FEATURE
    if candidate.preference is PreferenceKind.NONE or shift.clinician_id in candidate.clinicians:
        return None
    if candidate.preference is PreferenceKind.ONLY:
        return Why.ONLY_OTHERS
    return None if is_released(candidate, shifts, now, rules) else Why.WAITS_FOR_WISH


def is_released(
    candidate: Candidate, shifts: Sequence[ShiftView], now: datetime, rules: SiteRules
) -> bool:
    """Whether an "if possible" wish no longer holds others back."""
    if now >= candidate.due_by - rules.release:
        return True
    return not any(
        s.clinician_id in candidate.clinicians
        and candidate.service_id in s.services
        and s.ends_at > now
        and s.starts_at < candidate.due_by
        for s in shifts
    )


def next_for(
    shift: ShiftView,
    candidates: Iterable[Candidate],
    shifts: Sequence[ShiftView],
    now: datetime,
    rules: SiteRules,
) -> Candidate | None:
    """The first in order whom the shift may call now."""
    return next(
        (c for c in in_order(candidates) if why_not(c, shift, shifts, now, rules) is None), None
    )


def is_stranded(candidate: Candidate, shifts: Iterable[ShiftView], now: datetime) -> bool:
    """Whether no open or planned shift of today can serve the entry."""
    return not any(s.ends_at > now and can_serve(candidate, s) for s in shifts)


def ahead_of(candidate: Candidate, others: Iterable[Candidate], shifts: Iterable[ShiftView]) -> int:
    """How many eligible-by-presence entries are due before, among those who share a clinician."""
    mine = [s for s in shifts if can_serve(candidate, s)]
    line = in_order([*(c for c in others if c.entry_id != candidate.entry_id), candidate])
    count = 0
    for other in line:
        if other.entry_id == candidate.entry_id:
            break
        if other.presence is Presence.HERE and any(can_serve(other, s) for s in mine):
            count += 1
    return count


def reason(
    candidate: Candidate,
    clock: Callable[[datetime], str],
    *,
    moved_before: str = "",
    scheduled_at: datetime | None = None,
    wish: str = "",
) -> str:
    """One sentence that can be read aloud; `clock` writes an instant as local HH:MM."""
    target = round(candidate.target.total_seconds() / 60)
    due = clock(candidate.due_by)
    if candidate.band == 0:
        return "Emergency: called before everyone else."
    if moved_before:
        return f"Moved by the desk before {moved_before}. Due by {due}."
    if candidate.entry_class == EntryClass.BOOKED and scheduled_at is not None:
        if candidate.reference_at == scheduled_at:
            said = f"Booked {clock(scheduled_at)}, target {target} min, so due by {due}."
        else:
            said = (
                f"Booked {clock(scheduled_at)}, came {clock(candidate.reference_at)}, "
                f"target {target} min, so due by {due}."
            )
    elif candidate.entry_class == EntryClass.URGENT:
        said = (
            f"Urgent since {clock(candidate.reference_at)}, target {target} min, so due by {due}."
        )
    elif candidate.entry_class == EntryClass.ONWARD:
        said = f"Sent on at {clock(candidate.reference_at)}, target {target} min, so due by {due}."
    else:
        said = f"Came {clock(candidate.reference_at)}, target {target} min, so due by {due}."
    if candidate.preference is PreferenceKind.ONLY and wish:
        said += f" Only {wish}."
    elif candidate.preference is PreferenceKind.IF_POSSIBLE and wish:
        said += f" {wish} if possible."
    return said
