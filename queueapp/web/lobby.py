"""The lobby screen: who is called to which room. Codes only, readable from six metres."""

from flask import Blueprint, render_template

from queueapp.actions.base import find_site
from queueapp.realtime.content.lobby import facts
from queueapp.web.security import allow, current_db, current_site, now

blueprint = Blueprint("lobby", __name__)


@blueprint.get("/lobby/<site>")
@allow("lobby", "receptionist", "clinician", "manager")
def page(site: str) -> str:
    """The television in the waiting room."""
    with current_db().read() as session:
        row = find_site(session, site)
        found = facts(session, row, now())
        return render_template(
            "lobby/page.html",
            channels=[f"lobby:{current_site().slug}"],
            seq=found["seq"],
            theme="light" if row.rules.lobby_light else "dark",
            **{name: value for name, value in found.items() if name != "seq"},
        )
