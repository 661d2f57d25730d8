"""One's own login: another password, and where one is signed in."""

from flask import Blueprint, flash, redirect, render_template, url_for
from werkzeug.wrappers import Response
from wtforms import PasswordField
from wtforms.validators import DataRequired, EqualTo, Length

from queueapp.actions.logins import hash_password
from queueapp.actions.sign_ins import change_own_password, current_sign_ins, end_other_sign_ins
from queueapp.db.models import SignIn
from queueapp.domain.passwords import LONGEST
from queueapp.domain.refusal import Refused
from queueapp.web import limits
from queueapp.web.forms import Form
from queueapp.web.security import allow, current_db, identity, now

blueprint = Blueprint("account", __name__)
# Browsers name their kin as well: the first that is found is meant.
_BROWSERS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
_SYSTEMS = (
    ("Windows", "Windows"),
    ("Android", "Android"),
    ("iPhone", "an iPhone"),
    ("iPad", "an iPad"),
    ("Mac OS X", "a Mac"),
    ("Linux", "Linux"),
)
_STAFF = ("receptionist", "clinician", "manager", "admin")


class OwnPasswordForm(Form):
    """The current password, and another one twice."""

    current = PasswordField(
        "Current password", [DataRequired("Give your current password."), Length(max=LONGEST)]
    )
    password = PasswordField(
        "New password", [DataRequired("Choose a new password."), Length(max=LONGEST)]
    )
    again = PasswordField(
        "The new one again",
        [EqualTo("password", "This is not the same password. Type it again.")],
    )


@blueprint.route("/account", methods=["GET", "POST"])
@allow(*_STAFF)
def page() -> str | Response | tuple[str, int]:
    """Change one's own password; every other browser is signed out by it."""
    form = OwnPasswordForm()
    if form.validate_on_submit():
        try:
            _change(form)
        except Refused as refused:
            if refused.field == "current":
                limits.count_wrong()
            form.take(refused)
        else:
            flash("You have a new password. Every other browser is signed out.", "done")
            return redirect(url_for("account.page"), 303)
    status = 422 if form.errors else 200
    with current_db().read() as session:
        mine = current_sign_ins(session, now(), staff_id=_staff_id())
        return render_template(
            "auth/account.html",
            form=form,
            email=session.get_one(SignIn, _here()).staff.email,
            sign_ins=[(one, browser_words(one.browser)) for one in mine],
            here=_here(),
        ), status


@blueprint.post("/account/others")
@allow(*_STAFF)
def sign_out_others() -> Response:
    """Sign oneself out of every other browser."""
    with current_db().write() as session:
        ended = end_other_sign_ins(session, now(), staff_id=_staff_id(), but_id=_here())
    flash(f"Signed out of {ended} other browser{'s' * (ended != 1)}.", "done")
    return redirect(url_for("account.page"), 303)


def browser_words(said: str) -> str:
    """`Firefox on Windows`, of what a browser calls itself."""
    name = next((words for mark, words in _BROWSERS if mark in said), "A browser")
    system = next((words for mark, words in _SYSTEMS if mark in said), "")
    return f"{name} on {system}" if system else name


def _change(form: OwnPasswordForm) -> None:
    with current_db().read() as session:
        staff = session.get_one(SignIn, _here()).staff
        about = (staff.email, staff.name)
    hashed = hash_password(form.password.data or "", about)
    with current_db().write() as session:
        change_own_password(
            session, now(), sign_in_id=_here(), current=form.current.data or "",
            password_hash=hashed,
        )  # fmt: skip


def _here() -> int:
    return identity().credential.id


def _staff_id() -> int:
    found = identity().actor.id
    assert found is not None
    return found
