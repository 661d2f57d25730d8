"""A person is needed: help, the desk asked, and the alarm that asks no more."""

from flask import current_app, request
from itsdangerous import BadSignature, URLSafeSerializer
from sqlalchemy.orm import Session

from queueapp.actions import desk_items
from queueapp.actions.arrivals import take_ticket
from queueapp.actions.base import find_site
from queueapp.actions.desk_items import ItemKind
from queueapp.db.models import Site
from queueapp.domain.refusal import conflict
from queueapp.domain.visit import EntryClass
from queueapp.web.kiosk.start import blueprint, show
from queueapp.web.once import once
from queueapp.web.security import (
    allow,
    current_actor,
    current_db,
    current_site,
    identity,
    now,
)


def sealed(kind: ItemKind) -> str:
    """Why the desk is asked, so that the page does not say it in clear."""
    return _sealer().dumps(kind.value)


@blueprint.post("/kiosk/<site>/help")
@allow("kiosk", "manager")
def ask_help(site: str) -> str:
    """Somebody comes to the kiosk."""
    with current_db().write() as session:
        _open(session, ItemKind.HELP)
    return show("kiosk/help.html", coming=True)


@blueprint.post("/kiosk/<site>/ask-desk")
@allow("kiosk", "manager")
def ask_desk(site: str) -> str:
    """The desk is told that somebody is on the way to it, and why."""
    try:
        kind = ItemKind(_sealer().loads(request.form.get("about", "")))
    except (BadSignature, ValueError):
        kind = ItemKind.HELP
    with current_db().write() as session:
        _open(session, kind)
    return show("kiosk/help.html", coming=False)


@blueprint.post("/kiosk/<site>/alarm")
@allow("kiosk", "manager")
def alarm(site: str) -> str:
    """Chest pain, trouble breathing, heavy bleeding: in front of everyone, staff alarmed."""
    given = once(lambda session: _emergency(session, find_site(session, site)), body="alarm")
    return show("kiosk/alarm.html", ticket=given["ticket"])


def _emergency(session: Session, site: Site) -> dict[str, str]:
    service = next((s for s in site.services if not s.retired and not s.not_care), None)
    if service is None:
        raise conflict("no_service", "Nobody can be called from here. Tell the desk now.")
    # A ticket of this class alarms desk and rooms by itself.
    entry = take_ticket(
        session,
        current_actor(),
        now(),
        site_id=site.id,
        service_id=service.id,
        entry_class=EntryClass.EMERGENCY,
        despite_limits=True,
    )
    return {"ticket": entry.visit.ticket}


def _open(session: Session, kind: ItemKind) -> None:
    device_id = identity().device_id
    desk_items.open_item(
        session,
        current_actor(),
        now(),
        site_id=current_site().id,
        kind=kind,
        subject=f"device:{device_id}" if device_id else "kiosk",
        device_id=device_id,
    )


def _sealer() -> URLSafeSerializer:
    return URLSafeSerializer(current_app.secret_key or "", salt="kiosk.about")
