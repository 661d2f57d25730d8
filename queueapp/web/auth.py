"""Signing in and out; the links of screens and of patients; where each may go."""

from urllib.parse import urlsplit

import sqlalchemy as sa
from flask import (
    Blueprint,
    current_app,
    flash,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from flask_login import login_user, logout_user
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from queueapp.actions.access import device_of_token, viewer_of, visit_of_token
from queueapp.actions.logins import find_staff, verify_password
from queueapp.db.models import Room, Site
from queueapp.domain.viewer import Credential, Grant, Part
from queueapp.web import security
from queueapp.web.forms import PostForm, SignInForm
from queueapp.web.security import allow, current_db, viewer

blueprint = Blueprint("auth", __name__)

# What a link leads to: (endpoint, its words); endpoints of screens not installed are left out.
_SCREENS = {
    Part.RECEPTIONIST: [("desk.page", "Desk")],
    Part.MANAGER: [("desk.page", "Desk"), ("board.page", "Board"), ("lobby.page", "Lobby screen")],
    Part.LOBBY: [("lobby.page", "Lobby screen")],
    Part.KIOSK: [("kiosk.page", "Kiosk")],
}
_SCREENS[Part.ADMIN] = [*_SCREENS[Part.MANAGER], ("kiosk.page", "Kiosk")]
_ROOM_PARTS = frozenset({Part.CLINICIAN, Part.MANAGER, Part.ADMIN, Part.ROOM})


@blueprint.route("/")
@allow("anyone")
def home() -> str | Response:
    """What the one who comes may open; straight there when it is one screen."""
    who = viewer()
    if not who.identities:
        return redirect(url_for("auth.sign_in"))
    links = _links()
    patient = who.of_kind("visit")
    if patient and "phone.ticket" in current_app.view_functions:
        links.insert(0, ("Your ticket", [("Follow your ticket", url_for("phone.ticket"))]))
    every = [link for _, group in links for link in group]
    if len(every) == 1:
        return redirect(every[0][1])
    return render_template("auth/home.html", groups=links)


def _links() -> list[tuple[str, list[tuple[str, str]]]]:
    grants = [grant for who in viewer().identities for grant in who.grants]
    with current_db().read() as db:
        sites = db.scalars(sa.select(Site).order_by(Site.name)).all()
        found = []
        for site in sites:
            mine = [
                g for g in grants if g.site_id in (None, site.id) and g.part is not Part.PATIENT
            ]
            links = dict.fromkeys(
                (words, url_for(endpoint, site=site.slug))
                for grant in mine
                for endpoint, words in _SCREENS.get(grant.part, ())
                if endpoint in current_app.view_functions
            )
            links |= dict.fromkeys(_room_links(site.rooms, mine))
            if links:
                found.append((site.name, list(links)))
    return found


def _room_links(rooms: list[Room], grants: list[Grant]) -> list[tuple[str, str]]:
    if "room.page" not in current_app.view_functions:
        return []
    return [
        (f"Room {room.name}", url_for("room.page", room_id=room.id))
        for room in rooms
        if not room.retired
        and any(g.part in _ROOM_PARTS and g.room_id in (None, room.id) for g in grants)
    ]


@blueprint.route("/sign-in", methods=["GET", "POST"])
@allow("anyone")
def sign_in() -> str | Response | tuple[str, int]:
    """Sign in with e-mail and password."""
    form = SignInForm()
    if not form.validate_on_submit():
        form.next.data = form.next.data or request.args.get("next", "")
        return render_template("auth/sign_in.html", form=form), 422 if form.errors else 200
    with current_db().read() as db:
        staff = find_staff(db, form.email.data)
        known = staff is not None and staff.disabled_at is None
        hashed = staff.password_hash if staff and known else None
        credential = Credential("staff", staff.id, str(staff.session_version)) if staff else None
    if not verify_password(form.password.data, hashed) or credential is None:
        form.form_errors.append("The e-mail address or the password is not right.")
        return render_template("auth/sign_in.html", form=form), 422
    with current_db().read() as db:
        who = viewer_of(db, [credential], security.now()).of_kind("staff")
    assert who is not None
    login_user(security.StaffUser(who))
    session["staff_since"] = security.now().timestamp()
    return redirect(_safe(form.next.data) or url_for("auth.home"))


def _safe(target: str | None) -> str | None:
    """The path to go on to, if it is one of ours."""
    if not target or not target.startswith("/") or target.startswith(("//", "/\\")):
        return None
    parts = urlsplit(target)
    return None if parts.scheme or parts.netloc else target


@blueprint.route("/sign-out", methods=["POST"])
@allow("anyone")
def sign_out() -> Response:
    """Sign the member of staff out; a paired screen or a ticket in this browser stays."""
    logout_user()
    session.pop("staff_since", None)
    flash("You are signed out.", "done")
    return redirect(url_for("auth.sign_in"))


@blueprint.route("/device/<token>", methods=["GET", "POST"])
@allow("anyone")
def device(token: str) -> str | Response:
    """A screen's link: one button starts it, so that a mere look at the link does nothing."""
    with current_db().read() as db:
        who = device_of_token(db, token, security.now())
    if who is None:
        raise NotFound("This screen’s link is not valid any more. Ask a manager for a new one.")
    form = PostForm()
    if form.validate_on_submit():
        security.remember(who.credential)
        return redirect(url_for("auth.home"))
    return render_template("auth/device.html", form=form, name=who.actor.label)


@blueprint.route("/t/<token>", methods=["GET", "POST"])
@allow("anyone")
def visit(token: str) -> str | Response:
    """A patient's link: the token leaves the address bar and goes into the session."""
    with current_db().read() as db:
        who = visit_of_token(db, token, security.now())
    if who is None:
        raise NotFound("This link has run out. Ask at the desk for a new one.")
    form = PostForm()
    if form.validate_on_submit():
        security.remember(who.credential)
        return redirect(url_for("phone.ticket"))
    return render_template("auth/visit.html", form=form, ticket=who.actor.label)
