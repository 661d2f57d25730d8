"""What a manager's board says of how it went for the patients: their answers, their words."""

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from queueapp.db.models import Site
from queueapp.db.queries.told import Said, count_answers, count_outcomes, latest_words
from queueapp.domain.localtime import ONE_DAY, service_day
from queueapp.domain.spans import Span
from queueapp.domain.verdicts import wilson
from queueapp.domain.visit import Resolution, SortedOut

DAYS = 30
_ANSWERS = {
    SortedOut.YES: "sorted out",
    SortedOut.PARTLY: "partly sorted out",
    SortedOut.NO: "not sorted out",
}
_OUTCOMES = {
    Resolution.RESOLVED: "resolved",
    Resolution.FOLLOW_UP: "follow-up booked",
    Resolution.REFERRED_ON: "referred on",
}


def told(session: Session, site: Site, now: datetime) -> dict[str, Any]:
    """The answers of the last 30 days and the newest words, in tickets, without names."""
    span = Span(now - DAYS * ONE_DAY, now)
    answers = count_answers(session, site.id, span)
    first_day = service_day(site.timezone, span.start, site.rules.day_starts_at)
    outcomes = count_outcomes(session, site.id, first_day)
    low, high = wilson(answers.yes, answers.told)
    of = max(answers.told, 1)
    recorded = sum(outcomes.values())
    return {
        "days": DAYS,
        "count": answers.told,
        "share": answers.yes / of,
        "low": low,
        "high": high,
        "parts": [(name, getattr(answers, name) / of) for name in ("yes", "partly", "no")],
        "outcomes": [
            (words, outcomes.get(one, 0) / recorded) for one, words in _OUTCOMES.items() if recorded
        ],
        "words": [
            (one, _ANSWERS[one.sorted_out], *_state(one, now))
            for one in latest_words(session, site.id, span)
        ],
    }


def _state(one: Said, now: datetime) -> tuple[str, str, str]:
    """What became of it: words, icon and tone."""
    if one.closed_at is not None:
        return "Closed", "s-check", "ok"
    if not one.is_open:
        return "", "", ""
    if one.answer_by is not None and one.answer_by < now:
        return "Answer is late", "s-warning", "late"
    if not one.owner:
        return "Nobody yet", "s-warning", "watch"
    return f"With {one.owner}", "s-person", "mute"
