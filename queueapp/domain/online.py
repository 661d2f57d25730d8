"""What the public may book: from when to when, and how much of a day."""

import math
from datetime import datetime, timedelta

from queueapp.domain.refusal import Refused, conflict, invalid
from queueapp.domain.rules import SiteRules
from queueapp.domain.spans import Span


def bookable_span(rules: SiteRules, now: datetime) -> Span:
    """From the shortest notice to the end of the booking window; starts lie in it, half-open."""
    return Span(now + rules.online_notice, now + max(rules.online_notice, rules.online_window))


def check_notice(rules: SiteRules, now: datetime, starts_at: datetime) -> None:
    """Raise Refused where the public may not book `starts_at` now: too soon, or too far ahead."""
    span = bookable_span(rules, now)
    if starts_at < span.start:
        if starts_at < now:
            raise invalid("time", "That time is over. Choose another one.")
        raise conflict(
            "too_soon",
            f"Online you can book up to {_in_words(rules.online_notice)} before. "
            "Choose a later time, or call us.",
        )
    if starts_at >= span.end:
        raise conflict(
            "too_far",
            f"Online you can book up to {_in_words(rules.online_window)} ahead. "
            "Choose an earlier time.",
        )


def time_left(capacity: timedelta, used: timedelta, kept_share: float) -> timedelta:
    """How much of a clinician's day the public may still book; never below 0."""
    return max(timedelta(0), capacity * (1 - kept_share) - used)


def seats_left(seats: int, used: int, kept_share: float) -> int:
    """How many of a pool's places of a day the public may still book; never below 0."""
    return max(0, math.floor(seats * (1 - kept_share) + 1e-9) - used)


def too_many(rules: SiteRules, of_person: int, of_contact: int) -> Refused | None:
    """The refusal of one booking more, where a person or a contact has all that are allowed.

    It does not say which, nor what there is: who asks may not be whose details they typed.
    """
    if of_person < rules.online_per_person and of_contact < rules.online_per_contact:
        return None
    return conflict(
        "too_many",
        "No more can be booked online with these details. Move or cancel a booking by its link, "
        "or call us: the desk can book more.",
    )


def _in_words(span: timedelta) -> str:
    minutes = round(span.total_seconds() / 60)
    for size, word in ((24 * 60, "day"), (60, "hour")):
        if minutes >= size and minutes % size == 0:
            return f"{minutes // size} {word}{'s' if minutes > size else ''}"
    return f"{minutes} minute{'s' if minutes != 1 else ''}"
