"""The free times of a day, as a form's choices, and what is said when one has gone meanwhile."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session
from wtforms import RadioField
from wtforms.validators import Optional

from queueapp.actions.booking_rows import Override
from queueapp.db.models import Appointment, Clinician, Service, Site
from queueapp.db.queries.slots import FreeTime, free_times
from queueapp.domain.localtime import local_to_utc, service_day_span, to_local
from queueapp.domain.refusal import Refused, invalid
from queueapp.web.fields import ClockField, DateField
from queueapp.web.forms import Form, text
from queueapp.web.security import now

_LOOK = timedelta(days=21)
_SHOWN = 24


class TimeForm(Form):
    """A day and one of its free times; or another time, with the reason for an overlap."""

    day = DateField("Day", "Give a day as 27.3.2026.", example="27.3.2026")
    at = RadioField("Time", [Optional()], choices=[], validate_choice=False)
    other_at = ClockField("Another time")
    override = text("Reason for booking over it", longest=200)


@dataclass(frozen=True, slots=True)
class Times:
    """A day's free times as (value, clock, with whom); if none, the next day that has some."""

    day: date
    free: list[tuple[str, str, str]]
    next_day: date | None


def times_of(
    session: Session,
    site: Site,
    form: TimeForm,
    service: Service | None,
    clinician_id: int | None,
    length: timedelta | None = None,
    held: Appointment | None = None,
) -> Times:
    """The free times of the form's day, given to its radios; the next day with some, if none.

    A `held` time is free to the one it is held for, and says until when.
    """
    day = form.day.said() or to_local(site.timezone, now()).date()
    free: list[FreeTime] = []
    if service is not None:
        # A booking is spoken of by the calendar's day, whenever the service day turns.
        span = service_day_span(site.timezone, day, time(0))
        found = free_times(
            session, site, service, span.start, span.start + _LOOK, now=now(),
            clinician_id=clinician_id, length=length,
        )  # fmt: skip
        free = [f for f in found if f.starts_at < span.end]
        later = next((f for f in found if f.starts_at >= span.end), None)
        next_day = to_local(site.timezone, later.starts_at).date() if later else None
    else:
        next_day = None
    names = {c.id: c.shown_name for c in session.scalars(sa.select(Clinician))}
    # One time that several are free at is one choice: whoever is free then.
    shown: dict[str, tuple[str, str, str]] = {}
    counts: dict[str, int] = {}
    for one in free:
        clock = f"{to_local(site.timezone, one.starts_at):%H:%M}"
        who = names.get(one.clinician_id or 0, f"{one.places} places")
        value = one.starts_at.isoformat()
        counts[value] = counts.get(value, 0) + one.places
        who = who if value not in shown else f"{counts[value]} free"
        shown[value] = (value, clock, who)
    if held is not None and to_local(site.timezone, held.starts_at).date() == day:
        value = held.starts_at.isoformat()
        kept = f"kept until {to_local(site.timezone, held.held_until or now()):%H:%M}"
        shown[value] = (value, f"{to_local(site.timezone, held.starts_at):%H:%M}", kept)
    ordered = [shown[value] for value in sorted(shown)]
    form.at.choices = [(value, clock) for value, clock, _ in ordered]
    return Times(day, _around(ordered, form.at.data), next_day if not ordered else None)


def _around(times: list[tuple[str, str, str]], chosen: str | None) -> list[tuple[str, str, str]]:
    """As many as can be taken in at a look, the chosen one among them."""
    at = next((n for n, (value, *_) in enumerate(times) if value == chosen), 0)
    start = max(0, min(at - 3, len(times) - _SHOWN)) if at >= _SHOWN else 0
    return times[start : start + _SHOWN]


def wanted(form: TimeForm, site: Site) -> datetime:
    """The instant that was chosen or typed. Raises Refused (invalid `at`)."""
    day, wall = form.day.said(), form.other_at.said()
    if day is not None and wall is not None:
        return local_to_utc(site.timezone, day, wall)
    try:
        return datetime.fromisoformat(form.at.data or "")
    except ValueError:
        raise invalid("at", "Choose one of the free times.") from None


def take_refusal(form: TimeForm, refused: Refused, zone: str) -> None:
    """Show a refusal where it belongs; an overlap names the next free times."""
    free = refused.details.get("next")
    if refused.code == "overlap" and isinstance(free, list):
        clocks = [f"{to_local(zone, datetime.fromisoformat(str(at))):%a %H:%M}" for at in free[:3]]
        said = f" Next free: {', '.join(clocks)}." if clocks else ""
        form.take(Refused(refused.message + said, "at", refused.kind))
        return
    renamed = {"starts_at": "at", "override.reason": "override", "clinician": "clinician"}
    form.take(Refused(refused.message, renamed.get(refused.field, refused.field), refused.kind))


def override_of(form: TimeForm) -> Override | None:
    """The reason for booking over somebody, when one was given."""
    return Override(form.override.data) if (form.override.data or "").strip() else None
