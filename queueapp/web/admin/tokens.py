"""API tokens: shown once, revoked at once."""

from typing import Any

from flask import url_for
from sqlalchemy.orm import Session

from queueapp.actions import admin_tokens as actions
from queueapp.db.queries import administration as queries
from queueapp.domain.actor import Role
from queueapp.web.admin.base import acting, blueprint, press, reach, save, show, status_of
from queueapp.web.admin.forms import AdminForm, PickField
from queueapp.web.forms import text
from queueapp.web.security import allow, current_db, current_site


class TokenForm(AdminForm):
    """What it is for, and what it may do."""

    name = text("Which program it is for", "Say which program it is for.", longest=80)
    role = PickField("It may do what this role may", choices=[])


@blueprint.route("/admin/<site>/tokens", methods=["GET", "POST"])
@allow("manager")
def tokens(site: str) -> Any:
    """All tokens, and one more."""
    form = TokenForm()
    roles = [role for role in Role if role is not Role.ADMIN or reach() is None]
    form.role.choices = [(role.value, role.value.capitalize()) for role in roles]
    made: list[str] = []

    def work(session: Session) -> str:
        made.append(
            actions.issue_api_token(
                session,
                *acting(),
                reach=reach(),
                site_id=current_site().id,
                name=form.name.data or "",
                role=Role(form.role.data),
            )
        )
        return "The token was shown. Make another one if it is lost."

    if form.validate_on_submit():
        done = save(form, work, lambda: url_for("admin.tokens", site=site))
        if done is not None and not made:
            return done
    if made:
        form = TokenForm(formdata=None)
        form.role.choices = [(role.value, role.value.capitalize()) for role in roles]
    with current_db().read() as session:
        return show(
            "admin/tokens.html",
            "admin.tokens",
            status_of(form),
            form=form,
            rows=queries.tokens(session, current_site().id, reach() is None),
            token=made[0] if made else "",
        )


@blueprint.post("/admin/<site>/tokens/<int:token_id>/revoke")
@allow("manager")
def revoke_token(site: str, token_id: int) -> Any:
    """End it at once."""

    def work(session: Session) -> str:
        actions.revoke_api_token(
            session, *acting(), reach=reach(), site_id=current_site().id, token_id=token_id
        )
        return "The token is ended."

    return press(work, url_for("admin.tokens", site=site))
