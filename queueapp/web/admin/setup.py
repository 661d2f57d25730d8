"""First-run set-up, for a clinic without a command line."""

from typing import Any

from flask import flash, redirect, render_template, url_for
from wtforms import PasswordField
from wtforms.validators import DataRequired, EqualTo, Length

from queueapp.actions.logins import hash_password
from queueapp.actions.setup import is_new, set_up
from queueapp.domain.passwords import SHORTEST
from queueapp.domain.refusal import Refused
from queueapp.web.admin.base import blueprint, status_of
from queueapp.web.admin.forms import AdminForm
from queueapp.web.forms import text
from queueapp.web.security import allow, current_db, now


class PasswordForm(AdminForm):
    """A password, twice."""

    password = PasswordField("Password", [DataRequired("Choose a password."), Length(max=200)])
    again = PasswordField(
        "The same again", [EqualTo("password", "This is not the same password. Type it again.")]
    )


class SetupForm(PasswordForm):
    """The server's code, the clinic, its first admin."""

    code = text("Set-up code", "Give the code that the server printed when it started.", 40)
    site_name = text("Name of the clinic", "Give the clinic's name.")
    timezone = text("Time zone", "Give a time zone such as Europe/London.", longest=64)
    name = text("Your name", "Give the name colleagues know you by.")
    email = text("Your e-mail", "Give your e-mail address: you sign in with it.", longest=254)


@blueprint.route("/setup", methods=["GET", "POST"])
@allow("anyone")
def setup() -> Any:
    """Make the clinic and its first admin; closed for good afterwards."""
    with current_db().read() as session:
        if not is_new(session):
            return redirect(url_for("auth.home"))
    form = SetupForm()
    if form.validate_on_submit():
        try:
            about = (form.email.data or "", form.name.data or "", form.site_name.data or "")
            hashed = hash_password(form.password.data or "", about)
            with current_db().write() as session:
                site = set_up(
                    session,
                    now(),
                    code=form.code.data or "",
                    site_name=form.site_name.data or "",
                    timezone=(form.timezone.data or "").strip(),
                    admin_name=form.name.data or "",
                    email=form.email.data or "",
                    password_hash=hashed,
                )
                slug, name = site.slug, site.name
        except Refused as refused:
            form.take(refused)
        else:
            flash(f"{name} is set up. Sign in, and go through the first steps.", "done")
            return redirect(url_for("auth.sign_in", next=url_for("admin.page", site=slug)), 303)
    return render_template("admin/setup.html", form=form, least=SHORTEST), status_of(form)
