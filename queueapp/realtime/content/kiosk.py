"""What a kiosk says live: the wait per service for one who comes without an appointment."""

from datetime import datetime
from typing import Any

from flask import render_template
from sqlalchemy.orm import Session

from queueapp.actions.waits_now import waits_now
from queueapp.db.models import Site
from queueapp.languages import OFFERED, force_locale
from queueapp.realtime.content import content


@content("kiosk")
def kiosk(session: Session, site: Site, now: datetime, _subject: int | None) -> dict[str, Any]:
    """The painted start page's live part in the clinic's language, and in each other one."""
    found, usual, painted = facts(session, site, now), site.rules.language, {}
    for code in OFFERED:
        with force_locale(code):
            painted[code] = render_template("kiosk/_waits.html", **found)
    return {"html": painted.pop(usual), "languages": painted}


def facts(session: Session, site: Site, now: datetime) -> dict[str, Any]:
    """What the partial paints; `closed` is a refusal when no service at all gives tickets now."""
    waits = waits_now(session, site, now)
    closed = waits[0].refused if waits and all(w.refused for w in waits) else None
    return {"seq": site.seq, "waits": waits, "closed": closed}
