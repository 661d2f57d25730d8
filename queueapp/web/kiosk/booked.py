"""An appointment: found by its code, scanned or typed, or by name and date of birth.

What is answered never guesses and never says more than the person has shown to know; every answer
but the ticket itself offers the desk.
"""

import secrets
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from typing import Any

from flask import current_app, request
from flask_babel import gettext as _
from itsdangerous import BadSignature, URLSafeTimedSerializer
from sqlalchemy.orm import Session

from queueapp.actions.base import find_site
from queueapp.actions.desk_items import ItemKind
from queueapp.actions.lookups import (
    LookedUp,
    Verdict,
    is_spent,
    look_up_code,
    look_up_name,
    note_vain,
)
from queueapp.actions.self_check_in import check_in_all, open_entries_of
from queueapp.actions.wishes import Wishes, tell_wishes
from queueapp.domain.refusal import Refused
from queueapp.web.kiosk.desk import sealed
from queueapp.web.kiosk.given import show_given
from queueapp.web.kiosk.start import blueprint, chosen_language, show
from queueapp.web.once import once
from queueapp.web.security import allow, current_actor, current_db, current_site, now

LONGEST_SOUGHT = 200
_OLDEST = 130
_PERSON_FOR_S = 30 * 60
_DIGITS = 3


@dataclass(frozen=True, slots=True)
class Asked:
    """What was answered so far: a code or a name, a date of birth, the end of a phone number."""

    sought: str
    is_name: bool
    birth_date: date | None = None
    phone_end: str = ""


@dataclass(frozen=True, slots=True)
class Shown:
    """What became of it: waits to show, or a verdict with what may be said of it."""

    verdict: Verdict
    entries: tuple[int, ...] = ()
    starts_at: datetime | None = None
    opens_at: datetime | None = None
    site: str = ""
    clash: bool = False

    def to_keep(self) -> dict[str, Any]:
        """As the answer of a repeated request: verdict, numbers and times, nobody's name."""
        times = {name: getattr(self, name) for name in ("starts_at", "opens_at")}
        return asdict(self) | {name: at.isoformat() if at else "" for name, at in times.items()}

    @classmethod
    def kept(cls, answer: dict[str, Any]) -> "Shown":
        """What was answered to the same request before."""
        times = {
            name: datetime.fromisoformat(answer[name]) if answer[name] else None
            for name in ("starts_at", "opens_at")
        }
        known = {"verdict": Verdict(answer["verdict"]), "entries": tuple(answer["entries"])}
        return cls(**(answer | known | times))


@blueprint.route("/kiosk/<site>/booked", methods=["GET", "POST"])
@allow("kiosk", "manager")
def booked(site: str) -> str | tuple[str, int]:
    """Ask the next question, or check in when there is enough to know who it is."""
    given, back = request.form, request.form.get("back", "")
    sought = given.get("sought", "").strip()
    if given.get("well") != "no":
        return show("kiosk/ask_well.html", then="kiosk.booked", kept=_kept(sought=sought))
    person = _person()
    kept = _kept(well="no", person=_sealer().dumps(person))
    if "sought" not in given or back == "sought":
        return show("kiosk/ask_sought.html", kept=kept, given=given)
    if not 0 < len(sought) <= LONGEST_SOUGHT:
        words = _("Scan your code, or type your name or your code.")
        return show("kiosk/ask_sought.html", kept=kept, given=given, errors={"sought": words}), 422
    asked = Asked(sought, is_name=not _is_code(sought, person))
    kept["sought"] = sought
    if asked.is_name:
        page, birth_date = _birth_date(kept)
        if birth_date is None:
            return page
        asked = replace(asked, birth_date=birth_date, phone_end=_digits(given.get("end", "")))
        kept |= {name: given[name].strip() for name in ("day", "month", "year")}
    return _answer(_look(asked, person), asked, kept)


def born(day: str, month: str, year: str) -> tuple[date | None, dict[str, str]]:
    """The date of birth of three fields, or what is wrong, by field."""
    today = now().date()
    limits = {
        "day": (day, 1, 31, _("Give the day from 1 to 31.")),
        "month": (month, 1, 12, _("Give the month from 1 to 12.")),
        "year": (year, today.year - _OLDEST, today.year, _("Give the year with four figures.")),
    }
    errors = {}
    for field, (text, low, high, words) in limits.items():
        plain = (text or "").strip()
        if not (plain.isascii() and plain.isdigit() and low <= int(plain[:9]) <= high):
            errors[field] = words
    if errors:
        return None, errors
    try:
        found = date(int(year), int(month), int(day))
    except ValueError:
        return None, {"day": _("This month has fewer days. Look at day and month again.")}
    if found > today:
        return None, {"year": _("A date of birth lies in the past. Look at it again.")}
    return found, {}


def _birth_date(kept: dict[str, str]) -> tuple[str | tuple[str, int], date | None]:
    given = request.form
    if "year" not in given or given.get("back") == "born":
        return show("kiosk/ask_born.html", kept=kept, given=given), None
    found, errors = born(given.get("day", ""), given.get("month", ""), given["year"])
    if found is None:
        return (show("kiosk/ask_born.html", kept=kept, given=given, errors=errors), 422), None
    return "", found


def _is_code(sought: str, person: str) -> bool:
    """Whether a code is meant: names have no figures, and a code without any is one word.

    Such a word that is no code counts as a try, as it may have been a guess at one.
    """
    if any(c.isdigit() for c in sought) or "/" in sought:
        return True
    if " " in sought or "year" in request.form:
        return False
    with current_db().write() as session:
        if is_spent(session, current_actor(), now(), person):
            return False
        site = find_site(session, current_site().slug)
        if look_up_code(session, site, now(), sought).verdict is not Verdict.NOT_FOUND:
            return True
        note_vain(session, current_actor(), now(), person)
    return False


def _look(asked: Asked, person: str) -> Shown:
    """Look up and check in, once per key; what is found in vain is counted."""
    kept = once(lambda session: _looked(session, asked, person).to_keep(), body=repr(asked))
    return Shown.kept(kept)


def _looked(session: Session, asked: Asked, person: str) -> Shown:
    if is_spent(session, current_actor(), now(), person):
        return Shown(Verdict.SPENT)
    site = find_site(session, current_site().slug)
    if asked.birth_date is None:
        found = look_up_code(session, site, now(), asked.sought)
    else:
        found = look_up_name(session, site, now(), asked.sought, asked.birth_date, asked.phone_end)
    try:
        entries = _entries(session, found)
    except Refused:
        # Another screen was quicker; the desk knows more than may be said here.
        found = LookedUp(Verdict.NOT_FOUND)
        entries = ()
    if found.is_vain:
        note_vain(session, current_actor(), now(), person)
        if is_spent(session, current_actor(), now(), person):
            return Shown(Verdict.SPENT, clash=found.clash)
    starts_at = found.appointment.starts_at if found.appointment else None
    opens_at = starts_at - site.rules.check_in_opens if starts_at else None
    return Shown(found.verdict, entries, starts_at, opens_at, found.site, found.clash)


def _entries(session: Session, found: LookedUp) -> tuple[int, ...]:
    appointment = found.appointment
    if found.verdict is Verdict.READY and appointment is not None:
        made = check_in_all(session, current_actor(), now(), appointment_id=appointment.id)
        if chosen_language():
            told = Wishes(language=chosen_language())
            for visit_id in dict.fromkeys(entry.visit_id for entry in made):
                tell_wishes(session, current_actor(), now(), visit_id=visit_id, wishes=told)
        return tuple(entry.id for entry in made)
    if found.verdict is Verdict.ALREADY_HERE and appointment is not None:
        return tuple(entry.id for entry in open_entries_of(session, appointment))
    return ()


def _answer(shown: Shown, asked: Asked, kept: dict[str, str]) -> str | tuple[str, int]:
    again = shown.verdict is Verdict.ALREADY_HERE
    if shown.entries:
        # A name and a date of birth are no secret: they show the ticket, not the link to it.
        return show_given(shown.entries, again=again, with_link=not (again and asked.is_name))
    if shown.verdict is Verdict.WHICH_PHONE:
        return show("kiosk/ask_digits.html", kept=kept, about=sealed(ItemKind.NAME_CLASH))
    kind = ItemKind.NAME_CLASH if shown.clash else ItemKind.NOT_FOUND
    # A visit of today that has ended, or whose check-in is not yet in sight, is for the desk.
    verdict = Verdict.NOT_FOUND if again else shown.verdict
    page = show("kiosk/answer.html", verdict=verdict, shown=shown, about=sealed(kind), kept=kept)
    return page, 429 if verdict is Verdict.SPENT else 404


def _person() -> str:
    """An opaque word for whoever stands here now: new with each start, so tries are counted."""
    try:
        said = _sealer().loads(request.form.get("person", ""), max_age=_PERSON_FOR_S)
    except BadSignature:
        return secrets.token_hex(16)
    return str(said)


def _sealer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(current_app.secret_key or "", salt="kiosk.person")


def _kept(**answers: str) -> dict[str, str]:
    return {name: value for name, value in answers.items() if value}


def _digits(text: str) -> str:
    plain = text.strip()
    return plain if len(plain) == _DIGITS and plain.isascii() and plain.isdigit() else ""
