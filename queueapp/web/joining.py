"""What one may join for, and whom one may wish for: the choices of kiosk and phone."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from queueapp.actions.intake import check_intake
from queueapp.actions.legs import NO_WISH, Wish
from queueapp.actions.waits_now import waits_now
from queueapp.db.models import Clinician, Service, Shift, ShiftService, Site
from queueapp.domain.languages import N_
from queueapp.domain.refusal import Refused
from queueapp.domain.visit import PreferenceKind
from queueapp.languages import refusal_words

ANYONE = "anyone"
OTHER = "other"


@dataclass(frozen=True, slots=True)
class Offer:
    """A service one may join; `refusal` says in words why no ticket is given for it now.

    `reasons` and `clinicians` are (id as text, words); the range is in whole minutes, None for
    what is not care. `short` is the refusal in two or three words, for a row of a list.
    """

    id: int
    name: str
    reasons: tuple[tuple[str, str], ...]
    clinicians: tuple[tuple[str, str], ...]
    low_min: int | None = None
    high_min: int | None = None
    refusal: str = ""
    short: str = ""


_SHORT = {
    "closed": N_("Closed now"),
    "intake_ended": N_("No more tickets today"),
    "waiting_limit": N_("Full for now"),
}


def load_offers(session: Session, site: Site, now: datetime) -> list[Offer]:
    """Every service of the site, in its order."""
    waits = {w.service.id: w for w in waits_now(session, site, now)}
    clinicians = _clinicians(session, site, now)
    found = []
    for service in site.services:
        if service.retired:
            continue
        refusal, short = _refusal(session, site, service, now)
        wait = waits.get(service.id)
        found.append(
            Offer(
                id=service.id,
                name=service.plain_name or service.name,
                reasons=tuple((str(r.id), r.words) for r in service.reasons if not r.retired),
                clinicians=() if service.not_care else tuple(clinicians.get(service.id, ())),
                low_min=wait.low_min if wait else None,
                high_min=wait.high_min if wait else None,
                refusal=refusal,
                short=short,
            )
        )
    return found


def offer_of(offers: list[Offer], service_id: str | None) -> Offer | None:
    """The offer a form names, if there is one."""
    return next((o for o in offers if str(o.id) == service_id), None)


def wish_of(who: str | None, firm: str | None) -> Wish:
    """The wish a form tells: `who` a clinician's number or anyone, `firm` only or if_possible."""
    if not who or who == ANYONE:
        return NO_WISH
    return Wish(PreferenceKind(firm or PreferenceKind.IF_POSSIBLE), int(who))


def wrong_answers(offers: list[Offer], given: Mapping[str, str | None]) -> dict[str, str]:
    """What is wrong, by field, of the answers `service, reason, who, firm` that were given."""
    offer = offer_of(offers, given.get("service"))
    if offer is None:
        return {"service": _("Choose what you came for.")}
    wrong: dict[str, str] = {}
    reason, who, firm = given.get("reason"), given.get("who"), given.get("firm")
    if reason and reason != OTHER and reason not in dict(offer.reasons):
        wrong["reason"] = _("Choose one of the reasons for %(service)s.", service=offer.name)
    if who and who != ANYONE and who not in dict(offer.clinicians):
        wrong["who"] = _(
            "Choose anyone, or someone who sees people for %(service)s today.", service=offer.name
        )
    if firm and firm not in (PreferenceKind.ONLY, PreferenceKind.IF_POSSIBLE):
        wrong["firm"] = _("Say whether someone else may see you.")
    return wrong


def reason_id(reason: str | None) -> int | None:
    """The number of a reason; none for "something else"."""
    return int(reason) if reason and reason != OTHER else None


def _refusal(session: Session, site: Site, service: Service, now: datetime) -> tuple[str, str]:
    try:
        check_intake(session, site, service, now)
    except Refused as refused:
        return refusal_words(refused), _(_SHORT.get(refused.code, N_("Ask the desk")))
    return "", ""


def _clinicians(session: Session, site: Site, now: datetime) -> dict[int, list[tuple[str, str]]]:
    day = site.day_at(now)
    rows = session.execute(
        sa.select(ShiftService.service_id, Clinician)
        .join(Shift, Shift.id == ShiftService.shift_id)
        .join(Clinician, Clinician.id == Shift.clinician_id)
        .where(
            Shift.site_id == site.id,
            Shift.actual_to.is_(None),
            sa.or_(
                Shift.actual_from.is_not(None),
                sa.and_(Shift.day == day, Shift.planned_to > now),
            ),
        )
        .order_by(Clinician.name, Clinician.id)
    ).all()
    found: dict[int, list[tuple[str, str]]] = {}
    for service_id, clinician in rows:
        one = (str(clinician.id), clinician.shown_name)
        if one not in found.setdefault(service_id, []):
            found[service_id].append(one)
    return found
