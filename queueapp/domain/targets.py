"""When an entry's wait counts from, and the moment its target runs out."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from queueapp.domain.rules import SiteRules
from queueapp.domain.visit import EntryClass


@dataclass(frozen=True, slots=True)
class Target:
    """A dated promise of a service to a class: `share` (0-1) called within `within`."""

    service_id: int
    entry_class: str
    within: timedelta
    share: float
    valid_from: date


@dataclass(frozen=True, slots=True)
class Due:
    """What an entry is stored with when it opens: never changed by a move."""

    entry_class: str
    reference_at: datetime
    target: timedelta
    too_late: bool = False

    @property
    def due_by(self) -> datetime:
        """The moment the target runs out."""
        return self.reference_at + self.target

    @property
    def band(self) -> int:
        """0 for emergencies, 1 for everyone else."""
        return 0 if self.entry_class == EntryClass.EMERGENCY else 1


def target_for(
    targets: Iterable[Target], service_id: int, entry_class: str, day: date, rules: SiteRules
) -> timedelta:
    """The target in force on `day`; a class without one of its own takes the site's default."""
    in_force = [
        t
        for t in targets
        if t.service_id == service_id and t.entry_class == entry_class and t.valid_from <= day
    ]
    if in_force:
        return max(in_force, key=lambda t: t.valid_from).within
    defaults = {
        EntryClass.EMERGENCY.value: timedelta(0),
        EntryClass.URGENT.value: rules.urgent_target,
        EntryClass.BOOKED.value: rules.booked_target,
        EntryClass.ONWARD.value: rules.onward_target,
    }
    return defaults.get(entry_class, rules.walk_in_target)


def booked_reference(
    scheduled_at: datetime,
    checked_in_at: datetime,
    declared_delay: timedelta,
    rules: SiteRules,
) -> tuple[datetime, bool]:
    """Where a booked patient's wait counts from, and whether it was too late to count as booked.

    Nobody is late for a clinician who is later: lateness counts from the time plus the delay.
    """
    late_by = checked_in_at - (scheduled_at + declared_delay)
    if late_by <= rules.grace:
        return scheduled_at, False
    return checked_in_at, late_by > rules.too_late


def remote_reference(
    joined_at: datetime,
    intake_opens_at: datetime,
    come_by: datetime | None,
    here_at: datetime | None,
    rules: SiteRules,
) -> datetime:
    """Where the wait of one who joined from afar counts from.

    The later of joining and intake opening; once past the come-by time and grace, being here.
    """
    joined = max(joined_at, intake_opens_at)
    if here_at is not None and come_by is not None and here_at > come_by + rules.grace:
        return here_at
    return joined


def onward_reference(last_leg_ended_at: datetime, booked_for: datetime | None) -> datetime:
    """Where the next leg counts from: the end of the last one, or a later booked time."""
    return max(last_leg_ended_at, booked_for) if booked_for else last_leg_ended_at
