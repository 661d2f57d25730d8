"""What each figure of a site is called, what it does, in which unit it is typed."""

from dataclasses import dataclass
from datetime import time, timedelta
from enum import Enum
from typing import Any

from queueapp.domain.languages import OFFERED

SECONDS, MINUTES, HOURS, DAYS, PER_CENT = "seconds", "minutes", "hours", "days", "per cent"
_LENGTH = {SECONDS: 1, MINUTES: 60, HOURS: 3600, DAYS: 86_400}


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure's words; `unit` is empty for times of day, counts and switches."""

    label: str
    hint: str = ""
    unit: str = ""
    most: int = 720
    choices: tuple[tuple[str, str], ...] = ()


GROUPS: dict[str, dict[str, Figure]] = {
    "Targets": {
        "urgent_target": Figure("Urgent", "Called within", MINUTES),
        "booked_target": Figure("Booked", "Called within, from the booked time", MINUTES),
        "walk_in_target": Figure("Walk-in", "Called within, from arrival", MINUTES),
        "onward_target": Figure("Sent on", "Called within, from the end of the last", MINUTES),
    },
    "Arriving": {
        "check_in_opens": Figure("Check-in opens", "Before the booked time", MINUTES),
        "grace": Figure("Still on time", "After the booked time", MINUTES),
        "too_late": Figure("Too late to count as booked", "After the booked time", MINUTES),
        "come_by": Figure("Who joined from afar comes within", "", MINUTES),
    },
    "Calling": {
        "release": Figure(
            "A wish for one clinician is let go", "Before the time they are due", MINUTES
        ),
        "pass_over": Figure("Who did not answer is passed over for", "", MINUTES),
        "overdue_back": Figure("Asked after, when not back from stepping out", "Late by", MINUTES),
        "undo_window": Figure("Undo is offered for", "", MINUTES),
    },
    "Booking online": {
        "online": Figure("Book online", "Off: the public page says to ring"),
        "online_window": Figure("How far ahead", "", DAYS, 730),
        "online_notice": Figure("No later than this before the time", "", MINUTES, 10_080),
        "online_per_person": Figure("Bookings ahead for one person", "", "", 50),
        "online_per_contact": Figure("Bookings ahead for one phone or e-mail", "", "", 100),
        "walk_in_share": Figure("Of each day kept for walk-ins", "", PER_CENT, 100),
        "hold": Figure("A time is held while the form is open for", "", MINUTES),
    },
    "Booking at the desk": {
        "parked_hold": Figure("The time of a booking put aside is held for", "", MINUTES),
        "overlap_by": Figure(
            "Who may book over somebody or outside the hours",
            choices=(("receptionist", "Everyone at the desk"), ("manager", "Managers alone")),
        ),
    },
    "Kiosk and phone": {
        "language": Figure(
            "Language", "Until somebody chooses another", choices=tuple(OFFERED.items())
        ),
    },
    "Lobby screen": {
        "lobby_light": Figure("Light instead of dark", "A screen may choose for itself"),
    },
    "Afterwards and the day": {
        "answer_within": Figure(
            "Who wants an answer gets it within", "From when they told us", HOURS
        ),
        "day_starts_at": Figure("The service day begins at", "Night shifts end before it"),
        "forecast_fresh": Figure("A forecast counts as fresh for", "", SECONDS, 3600),
    },
    "Forgetting": {
        "keep_people": Figure(
            "People, with notes and feedback",
            "Purged so long after they last came; 0 never",
            DAYS,
            36_500,
        ),
        "keep_messages": Figure("Messages", "Purged after; 0 never", DAYS, 36_500),
        "keep_record": Figure(
            "Who looked and who changed the clinic", "Purged after; 0 never", DAYS, 36_500
        ),
    },
}


def words_of(name: str) -> Figure:
    """The figure's words; for one without, its name."""
    for figures in GROUPS.values():
        if name in figures:
            return figures[name]
    return Figure(name.replace("_", " ").capitalize(), unit=MINUTES, most=100_000)


def shown(value: Any, figure: Figure) -> str:
    """A value as it stands in its box."""
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, str):
        return dict(figure.choices).get(value, value)
    if isinstance(value, time):
        return f"{value:%H:%M}"
    if isinstance(value, timedelta):
        return f"{value.total_seconds() / _LENGTH[figure.unit]:g}"
    return f"{value * 100:g}" if figure.unit == PER_CENT else f"{value:g}"


def stored(typed: int, figure: Figure, usual: Any) -> Any:
    """What was typed, as `SiteRules.from_mapping` reads it."""
    if isinstance(usual, timedelta):
        return typed * _LENGTH[figure.unit]
    return typed / 100 if figure.unit == PER_CENT else typed
