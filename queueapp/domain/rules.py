"""The figures a site may set, with their defaults."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import time, timedelta
from typing import Any

from queueapp.domain.actor import Role
from queueapp.domain.languages import OFFERED, WRITTEN_IN
from queueapp.domain.refusal import invalid

_MAY_OVERLAP = (Role.RECEPTIONIST.value, Role.MANAGER.value)
_MINUTE = timedelta(minutes=1)
_MOST = 1000


@dataclass(frozen=True, slots=True)
class SiteRules:
    """Every figure of the queue's rules; durations are timedeltas, stored as whole seconds.

    Booking online: from `online_notice` to `online_window` ahead; `walk_in_share` (0-1) of each
    day of a clinician or pool is kept for those who come without; a person (birth date and
    contact) may have `online_per_person` bookings ahead, a phone or e-mail `online_per_contact`.

    `parked_hold` keeps the time of a booking that the desk put aside; `overlap_by` is who may book
    over somebody or outside the hours: every receptionist, or a manager alone. `language` is what
    kiosk and phone speak until somebody chooses another. A purge forgets people `keep_people` after
    they last came, and their words with them; messages and who looked and changed after theirs; 0
    is never.
    """

    grace: timedelta = 10 * _MINUTE
    too_late: timedelta = 20 * _MINUTE
    release: timedelta = 10 * _MINUTE
    pass_over: timedelta = 5 * _MINUTE
    overdue_back: timedelta = 10 * _MINUTE
    come_by: timedelta = 30 * _MINUTE
    check_in_opens: timedelta = 60 * _MINUTE
    answer_within: timedelta = timedelta(hours=48)
    undo_window: timedelta = 10 * _MINUTE
    onward_target: timedelta = 10 * _MINUTE
    urgent_target: timedelta = 10 * _MINUTE
    booked_target: timedelta = 15 * _MINUTE
    walk_in_target: timedelta = 60 * _MINUTE
    hold: timedelta = 5 * _MINUTE
    forecast_fresh: timedelta = timedelta(seconds=60)
    day_starts_at: time = time(4, 0)
    parked_hold: timedelta = 10 * _MINUTE
    overlap_by: Role = Role.RECEPTIONIST
    online: bool = True
    online_window: timedelta = timedelta(days=42)
    online_notice: timedelta = 30 * _MINUTE
    online_per_person: int = 2
    online_per_contact: int = 6
    walk_in_share: float = 0.3
    lobby_light: bool = False
    language: str = WRITTEN_IN
    keep_people: timedelta = timedelta(days=730)
    keep_messages: timedelta = timedelta(days=30)
    keep_record: timedelta = timedelta(days=2190)

    @classmethod
    def from_mapping(cls, stored: Mapping[str, Any]) -> "SiteRules":
        """Read the stored overrides (seconds; `HH:MM` for times); refuses unknown or bad ones."""
        known = {f.name: f for f in fields(cls)}
        values: dict[str, Any] = {}
        for name, value in stored.items():
            if name not in known:
                raise invalid(f"rules.{name}", "This is not a setting of a site.")
            values[name] = _parse(name, value, known[name].default)
        return cls(**values)


def _parse(name: str, value: object, default: object) -> object:
    if isinstance(default, time):
        try:
            return time.fromisoformat(str(value))
        except ValueError:
            raise invalid(f"rules.{name}", "Give a time of day as HH:MM.") from None
    if isinstance(default, Role):
        if value not in _MAY_OVERLAP:
            raise invalid(f"rules.{name}", f"Say {' or '.join(_MAY_OVERLAP)}.")
        return Role(str(value))
    if isinstance(default, str):
        if value not in OFFERED:
            raise invalid(f"rules.{name}", f"Say one of {', '.join(OFFERED)}.")
        return str(value)
    if isinstance(default, bool):
        if not isinstance(value, bool):
            raise invalid(f"rules.{name}", "Say yes or no.")
        return value
    if isinstance(default, int):
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _MOST:
            raise invalid(f"rules.{name}", f"Give a whole number from 0 to {_MOST}.")
        return value
    if isinstance(default, float):
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
            raise invalid(f"rules.{name}", "Give a share from 0 to 1.")
        return float(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        raise invalid(f"rules.{name}", "Give a number of seconds, 0 or more.")
    return timedelta(seconds=value)
