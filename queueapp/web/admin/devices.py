"""Paired screens: kiosks, lobby screens, tablets of rooms."""

from typing import Any

from flask import url_for
from sqlalchemy.orm import Session

from queueapp.actions import admin_devices as actions
from queueapp.db.queries import administration as queries
from queueapp.domain.refusal import Refused
from queueapp.domain.viewer import Part
from queueapp.web.admin.base import acting, blueprint, carry_out, press, show, status_of
from queueapp.web.admin.forms import AdminForm, RadiosField
from queueapp.web.fields import Choice
from queueapp.web.forms import text
from queueapp.web.security import allow, current_db, current_site, now

KIND_WORDS = {
    Part.KIOSK.value: "Kiosk at the entrance",
    Part.LOBBY.value: "Lobby screen",
    Part.ROOM.value: "Tablet in a room",
}


class DeviceForm(AdminForm):
    """Which screen it is to be."""

    kind = RadiosField("What it is", choices=list(KIND_WORDS.items()), default=Part.LOBBY.value)
    name = text("What you call it", "Say which screen it is, for example Lobby, left wall.", 80)
    room = Choice("In which room, for a tablet", "Choose one of this clinic's rooms.")


@blueprint.route("/admin/<site>/devices", methods=["GET", "POST"])
@allow("manager")
def devices(site: str) -> Any:
    """All screens, and a code for one more."""
    form = DeviceForm()
    with current_db().read() as session:
        rooms = queries.rooms(session, current_site().id)
        form.room.choices = [
            ("", "No room"),
            *((str(r.id), r.name) for r in rooms if not r.retired),
        ]
    shown: list[tuple[str, str]] = []

    def work(session: Session) -> str:
        pairing, code = actions.offer_pairing(
            session,
            *acting(),
            site_id=current_site().id,
            kind=Part(form.kind.data),
            name=form.name.data or "",
            room_id=form.room.chosen(),
        )
        shown.append((pairing.name, code))
        return "The code was shown. Make another one if it is lost."

    said = ""
    if form.validate_on_submit():
        try:
            said = carry_out(work)
        except Refused as refused:
            form.take(refused)
    return _page(form, shown, said)


@blueprint.post("/admin/<site>/devices/<int:device_id>/code")
@allow("manager")
def pair_again(site: str, device_id: int) -> Any:
    """A code that makes another browser this screen."""
    shown: list[tuple[str, str]] = []

    def work(session: Session) -> str:
        pairing, code = actions.offer_pairing_again(
            session, *acting(), site_id=current_site().id, device_id=device_id
        )
        shown.append((pairing.name, code))
        return "The code was shown. Make another one if it is lost."

    said = carry_out(work)
    return _page(DeviceForm(formdata=None), shown, said)


@blueprint.post("/admin/<site>/devices/<int:device_id>/revoke")
@allow("manager")
def revoke_device(site: str, device_id: int) -> Any:
    """End it at once."""

    def work(session: Session) -> str:
        actions.revoke_device(session, *acting(), site_id=current_site().id, device_id=device_id)
        return "The screen is ended: it shows nothing any more."

    return press(work, url_for("admin.devices", site=site))


def _page(form: DeviceForm, shown: list[tuple[str, str]], said: str) -> Any:
    if shown:
        form = DeviceForm(formdata=None)
    with current_db().read() as session:
        rooms = queries.rooms(session, current_site().id)
        form.room.choices = [
            ("", "No room"),
            *((str(r.id), r.name) for r in rooms if not r.retired),
        ]
        return show(
            "admin/devices.html",
            "admin.devices",
            status_of(form),
            form=form,
            kinds=KIND_WORDS,
            rows=queries.devices(session, current_site().id),
            waiting=queries.open_pairings(session, current_site().id, now()),
            shown=shown[0] if shown else None,
            said="" if shown else said,
        )
