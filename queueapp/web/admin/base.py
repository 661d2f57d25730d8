"""The blueprint, the frame of its pages, and how a form is taken."""

from collections.abc import Callable
from typing import Any, TypeVar

from flask import Blueprint, current_app, flash, redirect, render_template, request
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from queueapp.actions.admin_record import actor_name, last_change
from queueapp.domain.refusal import RefusalKind, Refused
from queueapp.domain.viewer import Part
from queueapp.web import errors, security
from queueapp.web.admin.forms import AdminForm
from queueapp.web.once import once

blueprint = Blueprint("admin", __name__)
T = TypeVar("T")

# The side's groups: (heading, [(endpoint, words)]).
SECTIONS = [
    (
        "Clinic",
        [
            ("admin.page", "First steps"),
            ("admin.hours", "Opening hours"),
            ("admin.services", "Services"),
            ("admin.pools", "Pools"),
            ("admin.rooms", "Rooms"),
            ("admin.settings", "Figures and name"),
        ],
    ),
    (
        "People",
        [("admin.clinicians", "Clinicians"), ("admin.staff", "Logins and roles")],
    ),
    (
        "Screens and programs",
        [("admin.devices", "Paired screens"), ("admin.tokens", "API tokens")],
    ),
    ("Record", [("admin.audit", "Who did, who looked")]),
]


def show(template: str, section: str, status: int = 200, **values: Any) -> tuple[str, int]:
    """A page of the site's administration; `section` is the endpoint marked at the side."""
    return render_template(
        template,
        sections=SECTIONS,
        section=section,
        slug=security.current_site().slug,
        installed=current_app.view_functions,
        **values,
    ), status


def reach() -> frozenset[int] | None:
    """The sites whose staff the viewer may administer; None for all."""
    grants = security.identity().grants
    if any(grant.part is Part.ADMIN for grant in grants):
        return None
    return frozenset(g.site_id for g in grants if g.part is Part.MANAGER and g.site_id is not None)


def acting() -> tuple[Any, Any]:
    """`(actor, now)` of every action."""
    return security.current_actor(), security.now()


def carry_out(work: Callable[[Session], str]) -> str:
    """Do `work` once per idempotency key; the words it answers. Raises Refused."""
    words: str = once(lambda session: {"said": work(session)})["said"]
    return words


def save(form: AdminForm, work: Callable[[Session], str], where: Callable[[], str]) -> Any:
    """Carry out a valid form: on to `where` with the words said, or None and the form says why."""
    try:
        said = carry_out(work)
    except Refused as refused:
        if refused.kind in (RefusalKind.NOT_FOUND, RefusalKind.FORBIDDEN):
            raise
        form.take(refused)
        return None
    flash(said, "done")
    return redirect(where(), 303)


def press(work: Callable[[Session], str], where: str) -> Response:
    """One button: done, or why not, said on the page it goes to."""
    try:
        flash(carry_out(work), "done")
    except Refused as refused:
        if refused.kind in (RefusalKind.NOT_FOUND, RefusalKind.FORBIDDEN):
            raise
        flash(refused.message, "refused")
    return redirect(where, 303)


def status_of(form: AdminForm) -> int:
    """200 for a form that is shown, 409 or 422 for one that was refused."""
    if request.method == "GET" or not form.was_refused():
        return 200
    return form.refused_status or errors.STATUS[RefusalKind.INVALID]


def changed_by(session: Session, subject: str, subject_id: int | None) -> dict[str, Any] | None:
    """Who changed that one last, and when; None when it never was changed here."""
    last = last_change(session, subject, subject_id)
    if last is None:
        return None
    return {"who": actor_name(session, last.actor), "at": last.changed_at}
