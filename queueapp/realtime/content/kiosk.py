"""What a kiosk says live: the wait per service for one who comes without an appointment."""

from datetime import datetime
from typing import Any

from flask import render_template
from sqlalchemy.orm import Session

from queueapp.actions.waits_now import waits_now
from queueapp.db.models import Site
from queueapp.realtime.content import content


@content("kiosk")
def kiosk(session: Session, site: Site, now: datetime, _subject: int | None) -> dict[str, Any]:
    """The painted start page's live part."""
    return {"html": render_template("kiosk/_waits.html", **facts(session, site, now))}


def facts(session: Session, site: Site, now: datetime) -> dict[str, Any]:
    """What the partial paints; `closed` when no service at all gives tickets now."""
    waits = waits_now(session, site, now)
    closed = waits[0].refusal if waits and all(w.refusal for w in waits) else ""
    return {"seq": site.seq, "waits": waits, "closed": closed}
