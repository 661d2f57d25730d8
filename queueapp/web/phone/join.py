"""Joining from anywhere by the clinic's link: one page, no login."""

from datetime import datetime, time, timedelta

from flask import Blueprint, current_app, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response
from wtforms import StringField
from wtforms.validators import InputRequired, Length

from queueapp.actions.access import visit_of_token
from queueapp.actions.arrivals import Newcomer, take_ticket
from queueapp.actions.base import find_site
from queueapp.actions.tickets import visit_token
from queueapp.db.models import QueueEntry, Site, Visit
from queueapp.db.queries.online import may_be_booked
from queueapp.domain.actor import Actor, ActorKind
from queueapp.domain.localtime import ONE_DAY, local_to_utc, to_local
from queueapp.domain.refusal import Refused
from queueapp.domain.viewer import Credential
from queueapp.domain.visit import Presence
from queueapp.web import joining
from queueapp.web.forms import Form
from queueapp.web.joining import Offer
from queueapp.web.once import once
from queueapp.web.security import allow, current_db, current_site, now, remember, viewer
from queueapp.web.turned_away import count_turned_away

blueprint = Blueprint("phone", __name__)

LATEST = timedelta(hours=4)
_USUAL = timedelta(minutes=20)
_STEP_MIN = 5


class JoinForm(Form):
    """What for, with whom, under what name, and when."""

    what = StringField(validators=[InputRequired("Choose what you need.")])
    who = StringField(default=joining.ANYONE)
    firm = StringField(default="if_possible")
    name = StringField(validators=[Length(max=60, message="Use at most 60 letters.")])
    presence = StringField(validators=[InputRequired("Say whether you are here or on your way.")])
    come_by = StringField()


@blueprint.route("/phone/<site>", methods=["GET", "POST"])
@allow("anyone")
def join(site: str) -> str | Response | tuple[str, int]:
    """Join the queue of a clinic, from here or on the way."""
    form = JoinForm()
    with current_db().read() as session:
        offers = joining.load_offers(session, find_site(session, site), now())
    if request.method != "POST":
        return _page(form, offers)
    given = _given(form)
    errors = _errors(form, offers, given)
    come_by = None
    if "presence" not in errors and form.presence.data == Presence.ON_THE_WAY:
        come_by = come_by_of(form.come_by.data or "", current_site().timezone, now())
        if come_by is None:
            errors["come_by"] = "Give a time within the next 4 hours, such as " + _usual() + "."
    offer = joining.offer_of(offers, given["service"])
    if offer is not None and offer.refusal:
        count_turned_away(_anybody(), offer.id)
    if errors:
        return _page(form, offers, errors), 422
    try:
        credential = _join(form, given, come_by)
    except Refused as refused:
        return _page(form, offers, {"what": refused.message}), 409
    remember(credential)
    return redirect(url_for("phone.ticket"), 303)


def come_by_of(text: str, zone: str, moment: datetime) -> datetime | None:
    """The next instant at which the clinic's clock shows `HH:MM`, if it is within four hours."""
    try:
        wall = time.fromisoformat(text.strip())
    except ValueError:
        return None
    today = to_local(zone, moment).date()
    for day in (today, today + ONE_DAY):
        at = local_to_utc(zone, day, wall.replace(tzinfo=None))
        if moment < at <= moment + LATEST:
            return at
    return None


def _usual() -> str:
    later = to_local(current_site().timezone, now()) + _USUAL
    later += timedelta(minutes=-later.minute % _STEP_MIN)
    return f"{later:%H:%M}"


def _given(form: JoinForm) -> dict[str, str]:
    service, _, reason = (form.what.data or "").partition(":")
    who = form.who.data or joining.ANYONE
    firm = form.firm.data if who != joining.ANYONE else ""
    return {"service": service, "reason": reason, "who": who, "firm": firm or ""}


def _errors(form: JoinForm, offers: list[Offer], given: dict[str, str]) -> dict[str, str]:
    form.validate()
    errors = {name: str(found[0]) for name, found in form.errors.items() if name and found}
    if "what" in errors:
        return errors
    wrong = joining.wrong_answers(offers, given)
    for field, words in wrong.items():
        errors["what" if field in ("service", "reason") else field] = words
    offer = joining.offer_of(offers, given["service"])
    if offer is not None and offer.refusal:
        errors["what"] = offer.refusal
    if (form.presence.data or "") not in ("", Presence.HERE, Presence.ON_THE_WAY):
        errors["presence"] = "Say whether you are here or on your way."
    return errors


def _join(form: JoinForm, given: dict[str, str], come_by: datetime | None) -> Credential:
    name = (form.name.data or "").strip()

    def work(session: Session) -> dict[str, int]:
        entry = take_ticket(
            session,
            _anybody(),
            now(),
            site_id=current_site().id,
            service_id=int(given["service"]),
            reason_id=joining.reason_id(given["reason"]),
            wish=joining.wish_of(given["who"], given["firm"]),
            newcomer=Newcomer(chosen_name=name) if name else None,
            presence=Presence(form.presence.data or Presence.HERE),
            come_by=come_by,
        )
        return {"entry": entry.id}

    body = repr((given, name, form.presence.data, form.come_by.data))
    entry_id = once(work, _anybody(), body=body)["entry"]
    with current_db().read() as session:
        return _credential(session, session.get_one(QueueEntry, entry_id).visit)


def _credential(session: Session, visit: Visit) -> Credential:
    token = visit_token(session.info["secret"], visit.key, visit.nonce)
    who = visit_of_token(session, token, now())
    assert who is not None
    return who.credential


def _anybody() -> Actor:
    return Actor(ActorKind.PATIENT, None, "phone")


def _page(form: JoinForm, offers: list[Offer], errors: dict[str, str] | None = None) -> str:
    everyone = dict.fromkeys(one for offer in offers for one in offer.clinicians)
    gives = {
        id: " ".join(str(o.id) for o in offers if (id, name) in o.clinicians)
        for id, name in everyone
    }
    mine = viewer().of_kind("visit")
    with current_db().read() as session:
        row = session.get_one(Site, current_site().id)
        can_book = any(may_be_booked(row, service) for service in row.services)
    return render_template(
        "phone/join.html",
        can_book=can_book,
        form=form,
        offers=offers,
        clinicians=[(id, name, gives[id]) for id, name in everyone],
        closed=offers[0].refusal if offers and all(o.refusal for o in offers) else "",
        errors=errors or {},
        usual=_usual(),
        mine=mine.actor.label if mine and "phone.ticket" in current_app.view_functions else "",
    )
