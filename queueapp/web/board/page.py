"""Today's board."""

from flask import render_template

from queueapp.actions.base import find_site
from queueapp.realtime.content.board import facts
from queueapp.web.board import blueprint
from queueapp.web.security import allow, current_db, current_site, now


@blueprint.get("/<site>")
@allow("manager")
def page(site: str) -> str:
    """Each service and class against its target, by hour, and who is at risk now."""
    with current_db().read() as session:
        found = facts(session, find_site(session, site), now())
        return render_template(
            "board/page.html", channels=[f"board:{current_site().slug}"], **found
        )
