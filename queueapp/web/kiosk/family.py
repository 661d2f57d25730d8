"""Several people without appointments: how many, what for, what we call each; a ticket each.

They are one party: called together, and followed by one QR code.
"""

from flask import request
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from queueapp.actions.arrivals import Newcomer
from queueapp.actions.base import find_site
from queueapp.actions.desk_items import ItemKind
from queueapp.actions.parties import MOST_TOGETHER, Member, take_tickets
from queueapp.domain.refusal import Refused
from queueapp.languages import refusal_words
from queueapp.web import joining
from queueapp.web.joining import Offer
from queueapp.web.kiosk.desk import sealed
from queueapp.web.kiosk.given import show_given
from queueapp.web.kiosk.start import blueprint, chosen_language, show
from queueapp.web.kiosk.walk_in import LONGEST_NAME, refused
from queueapp.web.once import once
from queueapp.web.security import allow, current_actor, current_db, current_site, now

DIFFERS = "differs"
_HERE = "kiosk.family"


@blueprint.post("/kiosk/<site>/family")
@allow("kiosk", "manager")
def family(site: str) -> str | tuple[str, int]:
    """Ask the next question, or give the tickets when all are answered."""
    given = _answers()
    if given.get("well") != "no":
        return show("kiosk/ask_well.html", then=_HERE, kept={})
    with current_db().read() as session:
        offers = joining.load_offers(session, find_site(session, site), now())
    many = _number(given.get("many", ""))
    if not many:
        wrong = _("Choose how many you are, from 2 to %(most)s.", most=MOST_TOGETHER)
        errors = {"many": wrong} if "many" in given else {}
        return _status(_ask("many", offers, given, errors), errors)
    offer = joining.offer_of(offers, given.get("service"))
    if offer is not None and offer.refusal:
        kept = {"well": "no", "many": given["many"]}
        return refused(offers, offer, offer.refusal, then=_HERE, kept=kept)
    for question in _questions(given, offer, many):
        errors = _wrong(question, offers, given)
        if question not in given or errors:
            return _status(_ask(question, offers, given, errors), errors)
    try:
        answer = once(lambda session: {"entries": _take(session, given, many)})
    except Refused as why:
        assert offer is not None
        kept = {"well": "no", "many": given["many"]}
        return refused(offers, offer, refusal_words(why), then=_HERE, kept=kept)
    return show_given(answer["entries"], names=[given[name] for name in _each("name", many)])


def _answers() -> dict[str, str]:
    """What was answered before the question that one goes back to, or all of it."""
    given = {name: value.strip() for name, value in request.form.items()}
    back, many = given.get("back", ""), _number(given.get("many", "")) or 0
    order = ["many", "service", "reason", *_each("reason", many), *_each("name", many)]
    gone = order[order.index(back) :] if back in order else []
    return {name: value for name, value in given.items() if name not in gone}


def _each(field: str, many: int) -> list[str]:
    return [f"{field}_{n}" for n in range(1, many + 1)]


def _number(text: str) -> int | None:
    known = map(str, range(2, MOST_TOGETHER + 1))
    return int(text) if text in known else None


def _questions(given: dict[str, str], offer: Offer | None, many: int) -> list[str]:
    asked = ["service"]
    if offer is not None and offer.reasons:
        asked.append("reason")
        if given.get("reason") == DIFFERS:
            asked += _each("reason", many)
    return [*asked, *_each("name", many)]


def _wrong(question: str, offers: list[Offer], given: dict[str, str]) -> dict[str, str]:
    """What is wrong with an answer that was given, by its field."""
    if question not in given:
        return {}
    kind = question.partition("_")[0]
    if kind == "name":
        is_long = len(given[question]) > LONGEST_NAME
        return {question: _("Use at most 60 letters.")} if is_long else {}
    if given[question] == DIFFERS and question == "reason":
        return {}
    answers = {"service": given.get("service"), "reason": given[question]}
    wrong = joining.wrong_answers(offers, answers if kind == "reason" else given)
    return {question: wrong[kind]} if kind in wrong else {}


def _ask(question: str, offers: list[Offer], given: dict[str, str], errors: dict[str, str]) -> str:
    many = _number(given.get("many", "")) or 0
    offer = joining.offer_of(offers, given.get("service"))
    kind, _sep, person = question.partition("_")
    order = ["many", *_questions(given, offer, many)] if many else ["many"]
    before = order[: order.index(f"{kind}_1" if kind == "name" else question)]
    asked = [name for name in before if name in given]
    return show(
        f"kiosk/ask_{'names' if kind == 'name' else kind}.html",
        then=_HERE,
        offers=offers,
        offer=offer,
        given=given,
        kept={"well": "no"} | {name: given[name] for name in asked},
        back=asked[-1] if asked else None,
        field=question,
        fields=_each("name", many),
        person=person,
        many=many,
        most=MOST_TOGETHER,
        about=sealed(ItemKind.HELP),
        errors=errors | ({kind: errors[question]} if question in errors else {}),
    )


def _status(page: str, errors: dict[str, str]) -> str | tuple[str, int]:
    return (page, 422) if errors else page


def _take(session: Session, given: dict[str, str], many: int) -> list[int]:
    language = chosen_language()
    each = [given.get(name, given.get("reason")) for name in _each("reason", many)]
    names = [given[name] for name in _each("name", many)]
    entries = take_tickets(
        session,
        current_actor(),
        now(),
        site_id=current_site().id,
        service_id=int(given["service"]),
        members=[
            Member(Newcomer(chosen_name=name, language=language), joining.reason_id(reason))
            for name, reason in zip(names, each, strict=True)
        ],
    )
    return [entry.id for entry in entries]
