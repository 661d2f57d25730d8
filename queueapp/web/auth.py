"""Signing in and out; the links of screens and of patients; where each may go."""

import logging
from urllib.parse import urlsplit

import sqlalchemy as sa
from flask import (
    Blueprint,
    current_app,
    flash,
    make_response,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from flask_login import login_user
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from queueapp.actions.access import device_of_token, visit_of_token
from queueapp.actions.logins import find_staff, renewed_hash, verify_password
from queueapp.actions.setup import is_new
from queueapp.actions.sign_ins import begin_sign_in, end_sign_in
from queueapp.db.models import Room, Site
from queueapp.db.queries.happened import room_name
from queueapp.domain.viewer import Grant, Identity, Part
from queueapp.web import limits, security, speaking
from queueapp.web.forms import PostForm, SignInForm
from queueapp.web.security import allow, current_db, viewer

log = logging.getLogger("queueapp.security")
blueprint = Blueprint("auth", __name__)

# What a link leads to: (endpoint, its words); endpoints of screens not installed are left out.
_SCREENS = {
    Part.RECEPTIONIST: [("desk.page", "Desk")],
    Part.MANAGER: [("desk.page", "Desk"), ("board.page", "Board"), ("lobby.page", "Lobby screen")],
    Part.LOBBY: [("lobby.page", "Lobby screen")],
    Part.KIOSK: [("kiosk.page", "Kiosk")],
}
_SCREENS[Part.MANAGER].append(("admin.page", "Admin"))
_SCREENS[Part.ADMIN] = [*_SCREENS[Part.MANAGER], ("kiosk.page", "Kiosk")]
_ROOM_PARTS = frozenset({Part.CLINICIAN, Part.MANAGER, Part.ADMIN, Part.ROOM})


@blueprint.route("/")
@allow("anyone")
def home() -> str | Response:
    """What the one who comes may open; straight there when it is one screen."""
    who = viewer()
    if not who.identities:
        with current_db().read() as db:
            first = "admin.setup" if is_new(db) else "auth.sign_in"
        return redirect(url_for(first))
    links = _links()
    patient = who.of_kind("visit")
    if patient and "phone.ticket" in current_app.view_functions:
        links.insert(0, ("Your ticket", [("Follow your ticket", url_for("phone.ticket"))]))
    if who.of_kind("booking") and "phone.booking" in current_app.view_functions:
        links.insert(0, ("Your appointment", [("Your appointment", url_for("phone.booking"))]))
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
        (room_name(room.name), url_for("room.page", room_id=room.id))
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
    who = _sign_in(form.email.data, form.password.data)
    if who is None:
        limits.count_wrong()
        log.warning("a wrong password from %s", limits.address())
        form.form_errors.append("The e-mail address or the password is not right.")
        return render_template("auth/sign_in.html", form=form), 422
    answer = redirect(_safe(form.next.data) or url_for("auth.home"))
    limits.remember_browser(answer, form.email.data)
    return answer


def _sign_in(email: str, password: str) -> Identity | None:
    with current_db().read() as db:
        staff = find_staff(db, email)
        known = staff is not None and staff.disabled_at is None
        hashed = staff.password_hash if staff and known else None
    # Outside any transaction, as it takes its time; as long for a login that there is not.
    if not verify_password(password, hashed) or hashed is None:
        return None
    renewed = renewed_hash(password, hashed)
    before = viewer().of_kind("staff")
    with current_db().write() as db:
        staff = find_staff(db, email)
        if staff is None or staff.disabled_at is not None or staff.password_hash != hashed:
            return None
        staff.password_hash = renewed or hashed
        if before:
            end_sign_in(db, security.now(), sign_in_id=before.credential.id)
        browser = request.headers.get("User-Agent", "")
        who = begin_sign_in(db, security.now(), staff=staff, browser=browser)
    security.start_anew()
    login_user(security.StaffUser(who))
    session["staff_since"] = security.now().timestamp()
    log.info("staff %s signed in from %s", who.actor.id, limits.address())
    return who


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
    who = viewer().of_kind("staff")
    if who:
        with current_db().write() as db:
            end_sign_in(db, security.now(), sign_in_id=who.credential.id)
        log.info("staff %s signed out", who.actor.id)
    security.start_anew()
    flash("You are signed out.", "done")
    answer = make_response(redirect(url_for("auth.sign_in")))
    # What the desk kept in the browser for its person goes with that person.
    answer.headers["Clear-Site-Data"] = '"storage"'
    return answer


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
    speaking.answer_as(who.visit_id)
    form = PostForm()
    if form.validate_on_submit():
        security.remember(who.credential)
        return redirect(url_for("phone.ticket"))
    return render_template("auth/visit.html", form=form, ticket=who.actor.label)
