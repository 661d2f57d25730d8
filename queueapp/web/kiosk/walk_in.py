"""No appointment: are you in danger, what you came for, what we call you; a ticket.

Whom one would like to see is asked when that is wanted, so that a ticket takes five touches.
"""

from flask import request
from flask_babel import gettext as _
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response
from wtforms import StringField
from wtforms.validators import Length

from queueapp.actions.arrivals import Newcomer, take_ticket
from queueapp.actions.base import find_site
from queueapp.actions.desk_items import ItemKind
from queueapp.domain.languages import N_
from queueapp.domain.refusal import Refused
from queueapp.languages import refusal_words
from queueapp.web import joining
from queueapp.web.forms import Form
from queueapp.web.joining import ANYONE, Offer
from queueapp.web.kiosk.desk import sealed
from queueapp.web.kiosk.given import show_given
from queueapp.web.kiosk.start import blueprint, chosen_language, show
from queueapp.web.once import once
from queueapp.web.security import allow, current_actor, current_db, current_site, now
from queueapp.web.turned_away import count_turned_away

QUESTIONS = ("well", "service", "reason", "who", "firm", "name")
LONGEST_NAME = 60


class TicketForm(Form):
    """All answers so far; what is asked next is the first one missing."""

    well = StringField()
    service = StringField()
    reason = StringField()
    who = StringField()
    firm = StringField()
    name = StringField(validators=[Length(max=LONGEST_NAME, message=N_("Use at most 60 letters."))])


@blueprint.route("/kiosk/<site>/ticket", methods=["GET", "POST"])
@allow("kiosk", "manager")
def ticket(site: str) -> str | Response | tuple[str, int]:
    """Ask the next question, or give the ticket when all are answered."""
    form = TicketForm()
    given = _answers(form)
    with current_db().read() as session:
        offers = joining.load_offers(session, find_site(session, site), now())
    first = next((q for q in ("well", "service") if q not in given), None)
    if first is not None:
        return _ask(first, offers, given)
    offer = joining.offer_of(offers, given["service"])
    if wrong := _wrong(form, offers, given):
        field = next(name for name in QUESTIONS if name in wrong)
        return _ask(field, offers, given, wrong), 422
    assert offer is not None
    if offer.refusal:
        return refused(offers, offer, offer.refusal)
    missing = next((q for q in QUESTIONS if q not in given and _applies(q, offer, given)), None)
    if missing is not None:
        return _ask(missing, offers, given)
    try:
        entry_id = _take(given)
    except Refused as why:
        return refused(offers, offer, refusal_words(why))
    return show_given([entry_id])


def _answers(form: TicketForm) -> dict[str, str]:
    if request.method != "POST":
        return {}
    given = {q: form[q].data.strip() for q in QUESTIONS if q in request.form}
    if given.get("well") != "no":
        return {}
    back = request.form.get("back", "")
    if back in QUESTIONS:
        given = {q: v for q, v in given.items() if QUESTIONS.index(q) < QUESTIONS.index(back)}
    return given


def _wrong(form: TicketForm, offers: list[Offer], given: dict[str, str]) -> dict[str, str]:
    form.validate()
    errors = {q: _(str(form[q].errors[0])) for q in QUESTIONS if q in given and form[q].errors}
    return joining.wrong_answers(offers, given) | errors


def _applies(question: str, offer: Offer, given: dict[str, str]) -> bool:
    if question == "reason":
        return bool(offer.reasons)
    if question == "who":
        return len(offer.clinicians) > 1 and request.form.get("ask") == "who"
    if question == "firm":
        return given.get("who", ANYONE) != ANYONE
    return True


def _ask(
    question: str, offers: list[Offer], given: dict[str, str], errors: dict[str, str] | None = None
) -> str:
    offer = joining.offer_of(offers, given.get("service"))
    asked = [q for q in QUESTIONS if q in given and QUESTIONS.index(q) < QUESTIONS.index(question)]
    return show(
        f"kiosk/ask_{question}.html",
        then="kiosk.ticket",
        offers=offers,
        offer=offer,
        given=given,
        kept={q: given[q] for q in asked},
        back=asked[-1] if asked else None,
        who=dict(offer.clinicians).get(given.get("who", ""), "") if offer else "",
        errors=errors or {},
    )


def refused(
    offers: list[Offer],
    offer: Offer,
    words: str,
    *,
    then: str = "kiosk.ticket",
    kept: dict[str, str] | None = None,
) -> tuple[str, int]:
    """No ticket is given: why, and what else there is; counted. `kept` are answers so far."""
    count_turned_away(current_actor(), offer.id)
    others = [o for o in offers if o.id != offer.id and not o.refusal]
    page = show(
        "kiosk/no_ticket.html",
        offer=offer,
        words=words,
        others=others,
        about=sealed(ItemKind.HELP),
        then=then,
        kept=kept or {"well": "no"},
    )
    return page, 409


def _take(given: dict[str, str]) -> int:
    def give(session: Session) -> dict[str, int]:
        name, language = given.get("name", ""), chosen_language()
        entry = take_ticket(
            session,
            current_actor(),
            now(),
            site_id=current_site().id,
            service_id=int(given["service"]),
            reason_id=joining.reason_id(given.get("reason")),
            wish=joining.wish_of(given.get("who"), given.get("firm")),
            newcomer=Newcomer(chosen_name=name, language=language),
        )
        return {"entry": entry.id}

    # Only the answers make it the same request again: which question was asked last does not.
    body = "\n".join(f"{q}={given.get(q, '')}" for q in QUESTIONS)
    return int(once(give, body=body)["entry"])
