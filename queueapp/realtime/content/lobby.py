"""What a lobby says: the last six calls, the wait per service, who is next, targets and delays.

Codes and rooms; a name only of who asked for it, and only while they are called.
"""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from flask import render_template
from sqlalchemy.orm import Session

from queueapp.actions.hits import recent_hits
from queueapp.actions.waits_now import services_of, waits_now
from queueapp.db.models import Call, Patient, QueueEntry, Room, Site, Visit
from queueapp.db.queries.queue import load_queue
from queueapp.domain.names import called_name
from queueapp.domain.visit import CallOutcome, CallRoute, EntryState, Presence
from queueapp.realtime.content import content
from queueapp.realtime.content.line import open_rows
from queueapp.realtime.content.lobby_words import delay_words, goals, hit_line, moved_words
from queueapp.realtime.told import stamp

SHOWN_CALLS = 6
# More than are shown go along as data: of many calls in one moment none goes unheard.
_TOLD_CALLS = 24
_SHOWN_NEXT = 5
_CALLS = (
    sa.select(
        Call.id,
        Call.number,
        Call.called_at,
        Call.outcome,
        Call.routes,
        Visit.ticket,
        Visit.id.label("visit_id"),
        Patient.name_on_lobby,
        Patient.chosen_name,
        Patient.name,
        Room.name.label("room"),
        QueueEntry.state,
    )
    .select_from(
        sa.join(Call.__table__, QueueEntry.__table__, QueueEntry.id == Call.entry_id)
        .join(Visit.__table__, Visit.id == QueueEntry.visit_id)
        .join(Room.__table__, Room.id == Call.room_id)
        .outerjoin(Patient.__table__, Patient.id == Visit.patient_id)
    )
    .where(
        Call.site_id == sa.bindparam("site"),
        Visit.discreet.is_(False),
        sa.cast(Call.routes, sa.String).contains(f'"{CallRoute.LOBBY.value}"'),
    )
    .order_by(Call.called_at.desc(), Call.id.desc())
    .limit(2 * _TOLD_CALLS)
)


@content("lobby")
def lobby(session: Session, site: Site, now: datetime, _subject: int | None) -> dict[str, Any]:
    """The painted page's live part, and the calls as data for the chime."""
    found = facts(session, site, now)
    calls = [
        {
            "call": call["call"],
            "ticket": call["ticket"],
            "room": call["room"],
            "number": call["number"],
            "called_at": stamp(call["called_at"]),
            "withdrawn": call["withdrawn"],
            **({"name": call["name"]} if call["name"] else {}),
        }
        for call in found["told"]
    ]
    return {"html": render_template("lobby/_live.html", **found), "calls": calls}


def facts(session: Session, site: Site, now: datetime) -> dict[str, Any]:
    """What the partial paints; the same facts give the same bytes."""
    view = load_queue(session, site, now)
    services = services_of(session, site)
    care = {s.id for s in services if not s.not_care}
    visits = {row.visit_id: row for row in open_rows(session, site)}
    here = [
        c
        for c in view.line
        if c.presence is Presence.HERE and not visits[c.visit_id].discreet and c.service_id in care
    ]
    told = _calls(session, site)
    shown = [s for s in services if s.id in care and not s.retired]
    return {
        "seq": view.seq,
        "site": site,
        "calls": told[:SHOWN_CALLS],
        "told": told,
        "soon": [visits[c.visit_id].ticket for c in here[:_SHOWN_NEXT]],
        "waits": waits_now(session, site, now),
        "hits": {n: hit_line(hits) for n, hits in recent_hits(session, site, now).items()},
        "waiting": len(here),
        "longest_since": min((c.arrived_at for c in here), default=None),
        # A declared delay says it better than those who were told anew because of it.
        "late": delay_words(view, shown) or moved_words(session, site, shown),
        "goals": goals(session, site, now, care),
    }


def _calls(session: Session, site: Site) -> list[dict[str, Any]]:
    """The newest call of each of the last tickets called; a withdrawn one stays, crossed out."""
    rows = session.connection().execute(_CALLS, {"site": site.id})
    shown: dict[int, dict[str, Any]] = {}
    for row in rows:
        if row.visit_id not in shown and len(shown) < _TOLD_CALLS:
            withdrawn = row.outcome is CallOutcome.WITHDRAWN
            standing = row.outcome is None and row.state is EntryState.CALLED
            asked_for = row.name_on_lobby and standing
            shown[row.visit_id] = {
                "call": row.id,
                "ticket": row.ticket,
                "room": row.room,
                "number": row.number,
                "called_at": row.called_at,
                "standing": standing,
                "withdrawn": withdrawn,
                "name": called_name(row.name, row.chosen_name) if asked_for else "",
            }
    return list(shown.values())
