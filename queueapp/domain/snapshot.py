"""The one immutable input of the forecast: a queue at one moment, and what history taught."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from queueapp.domain.ordering import Candidate, ShiftView
from queueapp.domain.patience import Patience
from queueapp.domain.rules import SiteRules


@dataclass(frozen=True, slots=True)
class InRoom:
    """An entry called or in service: `since` is the start, or the call when not yet started."""

    entry_id: int
    service_id: int
    reason_id: int | None
    entry_class: str
    clinician_id: int
    shift_id: int
    started: bool
    since: datetime
    visit_id: int | None = None


@dataclass(frozen=True, slots=True)
class Expected:
    """A booked patient still to come, as the entry they would open; `planned` is visit length."""

    appointment_id: int
    candidate: Candidate
    scheduled_at: datetime
    planned: timedelta
    reason_id: int | None = None


@dataclass(frozen=True, slots=True)
class Served:
    """One finished service of the past: what durations are learned from (seconds).

    `seconds` runs from start to finish; `gap_seconds` from this clinician's previous finish to
    this call, told only when somebody was waiting; `walk_seconds` from the call to the start.
    """

    service_id: int
    reason_id: int | None
    entry_class: str
    clinician_id: int | None
    started_at: datetime
    seconds: float
    gap_seconds: float | None = None
    walk_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Habits:
    """What history says beside visit lengths.

    `no_show` and `lateness_s` (mean, sd) of booked patients; `arrivals_per_hour` by
    (service id, class, local hour) for those who come without an appointment; `late_starts_s` how
    long after their plan past shifts began, rising, nothing while too few are known; `patience` the
    share still there after so many seconds, nothing while too few have given up.
    """

    no_show: float = 0.1
    lateness_s: tuple[float, float] = (-180.0, 420.0)
    arrivals_per_hour: Mapping[tuple[int, str, int], float] = field(default_factory=dict)
    late_starts_s: tuple[float, ...] = ()
    patience: Patience = ()


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A site at one moment, true as of `seq`.

    `waiting` holds every entry in state waiting, whatever its presence, with its reason in
    `reasons`; `back_by` when a person who is out or on the way is expected (by entry id);
    `shifts` all of today that are open or still to come, with `breaks` and pauses as busy spans;
    `targets` the wait allowed by (service id, class); `planned_s` the planned length by reason id;
    `service_default_s` the planned length of a service without history; `closes_at` when the site
    stops calling, None when it does not close.
    """

    site_id: int
    seq: int
    taken_at: datetime
    zone: str
    rules: SiteRules
    waiting: tuple[Candidate, ...] = ()
    in_rooms: tuple[InRoom, ...] = ()
    expected: tuple[Expected, ...] = ()
    shifts: tuple[ShiftView, ...] = ()
    breaks: Mapping[int, tuple[tuple[datetime, datetime], ...]] = field(default_factory=dict)
    reasons: Mapping[int, int | None] = field(default_factory=dict)
    back_by: Mapping[int, datetime] = field(default_factory=dict)
    services: tuple[int, ...] = ()
    targets: Mapping[tuple[int, str], timedelta] = field(default_factory=dict)
    planned_s: Mapping[int, float] = field(default_factory=dict)
    service_default_s: Mapping[int, float] = field(default_factory=dict)
    habits: Habits = Habits()
    closes_at: datetime | None = None
