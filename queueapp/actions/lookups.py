"""Who stands at the kiosk: what is found, what is not said, and how often one may try."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Session

from queueapp.db.models import Appointment, Device, Site, VainLookup
from queueapp.db.queries.booked_today import by_code, by_name, person_of, today_of
from queueapp.domain.actor import Actor, ActorKind
from queueapp.domain.visit import AppointmentState

MOST_TRIES = 5
# Whoever starts anew after five tries is not told apart from the next person, so all count here.
MOST_AT_A_KIOSK = 20
_WITHIN = timedelta(minutes=10)
_KEPT = timedelta(hours=1)
_PHONE_END = 3
_NOT_OF_A_CODE = re.compile(r"[^0-9A-Z]+")


class Verdict(StrEnum):
    """What the kiosk answers to one who looks for a booking."""

    READY = "ready"
    ALREADY_HERE = "already_here"
    TOO_EARLY = "too_early"
    ANOTHER_DAY = "another_day"
    ANOTHER_SITE = "another_site"
    WHICH_PHONE = "which_phone"
    NOT_FOUND = "not_found"
    SPENT = "spent"


@dataclass(frozen=True, slots=True)
class LookedUp:
    """The answer; `appointment` is the one meant, `site` another clinic's name.

    `clash`: several people could be meant, which the desk is told, and nobody else.
    """

    verdict: Verdict
    appointment: Appointment | None = None
    site: str = ""
    clash: bool = False

    @property
    def is_vain(self) -> bool:
        """Whether it counts as a try."""
        return self.verdict is Verdict.NOT_FOUND


_NOTHING = LookedUp(Verdict.NOT_FOUND)


def codes_in(text: str) -> list[str]:
    """The codes that what was typed or scanned may hold: itself, or a part of a link."""
    if "://" in text or "/" in text:
        parts = re.split(r"[/?&=#]", text)
        return [c for part in reversed(parts) if (c := _NOT_OF_A_CODE.sub("", part.upper()))]
    plain = _NOT_OF_A_CODE.sub("", text.upper())
    return [plain] if plain else []


def look_up_code(session: Session, site: Site, now: datetime, text: str) -> LookedUp:
    """The booking whose code was typed or scanned. The code is a secret: day and site are told."""
    found = by_code(session, codes_in(text))
    here = [a for a in found if a.site_id == site.id]
    if here:
        return _judged(session, site, now, here)
    to_come = [a for a in found if a.starts_at >= today_of(session, site, now).start]
    if not to_come:
        return _NOTHING
    return LookedUp(Verdict.ANOTHER_SITE, site=session.get_one(Site, to_come[0].site_id).name)


def look_up_name(
    session: Session, site: Site, now: datetime, name: str, birth_date: date, phone_end: str = ""
) -> LookedUp:
    """The booking of that name and date of birth; of several people, by the end of a number.

    Which day or clinic another booking is for is not told: name and date of birth are no secret.
    """
    today = today_of(session, site, now)
    found = by_name(session, name, birth_date, today.start)
    todays = [a for a in found if a.site_id == site.id and a.starts_at < today.end]
    people = {person_of(a) for a in todays}
    if len(people) > 1:
        if not phone_end:
            return LookedUp(Verdict.WHICH_PHONE, clash=True)
        todays = [a for a in todays if _phone_ends(a, phone_end)]
        if len({person_of(a) for a in todays}) != 1:
            return LookedUp(Verdict.NOT_FOUND, clash=True)
    if todays:
        return _judged(session, site, now, todays)
    if any(a.site_id == site.id for a in found):
        return LookedUp(Verdict.ANOTHER_DAY)
    return LookedUp(Verdict.ANOTHER_SITE) if found else _NOTHING


def is_spent(session: Session, actor: Actor, now: datetime, person: str) -> bool:
    """Whether this person, or this kiosk of late, has tried too often.

    The kiosk's row is held, so that tries sent at once are counted one after the other.
    """
    if actor.kind is ActorKind.DEVICE:
        session.get(Device, actor.id, with_for_update=True)
    mine = sa.func.sum(sa.case((VainLookup.person == person, 1), else_=0))
    of_person, of_late = session.execute(
        sa.select(
            sa.func.coalesce(mine, 0),
            sa.func.coalesce(
                sa.func.sum(sa.case((VainLookup.tried_at > now - _WITHIN, 1), else_=0)), 0
            ),
        ).where(VainLookup.actor == actor.key)
    ).one()
    return bool(person and of_person >= MOST_TRIES) or of_late >= MOST_AT_A_KIOSK


def note_vain(session: Session, actor: Actor, now: datetime, person: str) -> None:
    """Count a look-up that found nothing; what is an hour old is forgotten."""
    session.execute(
        sa.delete(VainLookup).where(
            VainLookup.actor == actor.key, VainLookup.tried_at < now - _KEPT
        )
    )
    session.add(VainLookup(actor=actor.key, person=person, tried_at=now))
    session.flush()


def _judged(session: Session, site: Site, now: datetime, found: Sequence[Appointment]) -> LookedUp:
    today = today_of(session, site, now)
    todays = [a for a in found if a.starts_at in today]
    if not todays:
        to_come = [a for a in found if a.starts_at >= today.end]
        return LookedUp(Verdict.ANOTHER_DAY, (to_come or list(found))[0])
    open_ones = [a for a in todays if a.state is not AppointmentState.CHECKED_IN]
    here = [a for a in todays if a.state is AppointmentState.CHECKED_IN]
    if not open_ones:
        return LookedUp(Verdict.ALREADY_HERE, here[0])
    one = open_ones[0]
    if here and one.starts_at - now > site.rules.check_in_opens:
        return LookedUp(Verdict.ALREADY_HERE, here[0])
    if one.starts_at - now > site.rules.check_in_opens:
        return LookedUp(Verdict.TOO_EARLY, one)
    return LookedUp(Verdict.READY, one)


def _phone_ends(appointment: Appointment, end: str) -> bool:
    phone = appointment.patient.phone if appointment.patient else ""
    digits = re.sub(r"\D", "", phone)
    return len(end) == _PHONE_END and len(digits) >= _PHONE_END and digits.endswith(end)
