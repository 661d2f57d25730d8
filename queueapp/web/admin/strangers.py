"""What someone unknown may do with a code or a link: start a screen, choose a password."""

from typing import Any

from flask import flash, redirect, render_template, url_for
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from queueapp.actions.access import device_of_token
from queueapp.actions.admin_devices import pair as pair_screen
from queueapp.actions.admin_devices import wrong_code
from queueapp.actions.admin_links import choose_password as set_password
from queueapp.actions.admin_links import staff_of_link
from queueapp.actions.logins import hash_password
from queueapp.db.models import Site
from queueapp.domain.passwords import SHORTEST
from queueapp.domain.refusal import Refused
from queueapp.domain.viewer import Part
from queueapp.web import security
from queueapp.web.admin.base import blueprint, status_of
from queueapp.web.admin.forms import AdminForm
from queueapp.web.admin.setup import PasswordForm
from queueapp.web.forms import text
from queueapp.web.security import allow, current_db, now


class CodeForm(AdminForm):
    """Eight digits."""

    code = text("Code", "Type the eight digits that the manager sees.", longest=20)


@blueprint.route("/pair", methods=["GET", "POST"])
@allow("anyone")
def pair() -> Any:
    """Make this browser a screen of the clinic, by a code that works once."""
    form = CodeForm()
    if form.validate_on_submit():
        with current_db().write() as session:
            token = pair_screen(session, now(), code=form.code.data or "")
        if token is None:
            form.take(wrong_code())
        else:
            return _start(token)
    return render_template("admin/pair.html", form=form), status_of(form)


def _start(token: str) -> Response:
    # Nobody sees the token: the browser keeps the pairing in its signed session.
    with current_db().read() as session:
        who = device_of_token(session, token, now())
        assert who is not None
        grant = who.grants[0]
        slug = session.get_one(Site, grant.site_id).slug
    security.remember(who.credential)
    if grant.part is Part.ROOM:
        return redirect(url_for("room.page", room_id=grant.room_id), 303)
    return redirect(url_for(f"{grant.part.value}.page", site=slug), 303)


@blueprint.route("/password/<token>", methods=["GET", "POST"])
@allow("anyone")
def choose_password(token: str) -> Any:
    """Choose a password by a link that works once."""
    with current_db().read() as session:
        staff = staff_of_link(session, now(), token)
        name, email = (staff.name, staff.email) if staff else ("", "")
    if not email:
        raise NotFound("This link has run out or was used. Ask a manager for a new one.")
    form = PasswordForm()
    if form.validate_on_submit():
        try:
            hashed = hash_password(form.password.data or "", (email, name))
            with current_db().write() as session:
                set_password(session, now(), token=token, password_hash=hashed)
        except Refused as refused:
            form.take(refused)
        else:
            flash("Your password is set. Sign in with it.", "done")
            return redirect(url_for("auth.sign_in"), 303)
    return render_template(
        "admin/password.html", form=form, name=name, email=email, least=SHORTEST
    ), status_of(form)
