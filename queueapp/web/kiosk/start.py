"""The start page, and how every page of the kiosk is rendered."""

from typing import Any

from flask import Blueprint, render_template, url_for

from queueapp.actions.base import find_site
from queueapp.actions.hits import hit_words
from queueapp.realtime.content.kiosk import facts
from queueapp.web.security import allow, current_db, current_site, now

blueprint = Blueprint("kiosk", __name__)


@blueprint.get("/kiosk/<site>")
@allow("kiosk", "manager")
def page(site: str) -> str:
    """Two doors, and what the wait is now."""
    with current_db().read() as session:
        here = find_site(session, site)
        found = facts(session, here, now())
        sure = hit_words(session, here, now())
        return show("kiosk/start.html", seq=found.pop("seq"), sure=sure, is_start=True, **found)


def show(template: str, *, seq: int | None = None, **values: Any) -> str:
    """A page of the kiosk; all are live on its one channel, so a step costs no new connection."""
    slug = current_site().slug
    if seq is None:
        with current_db().read() as session:
            seq = find_site(session, slug).seq
    values.setdefault("errors", {})
    return render_template(
        template,
        channels=[f"kiosk:{slug}"],
        seq=seq,
        home=url_for("kiosk.page", site=slug),
        **values,
    )
