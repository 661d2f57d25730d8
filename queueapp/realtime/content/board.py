"""What a manager's board says: the day against its targets, in tickets and figures, no names."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from flask import render_template
from sqlalchemy.orm import Session

from queueapp.actions.hits import DAYS, ENOUGH, Hits, recent_hits
from queueapp.db.models import Service, Site, Visit
from queueapp.db.queries.board import Board, TargetRow, load_board
from queueapp.db.queries.forecasts import parsed, stored_forecast
from queueapp.db.queries.happened import class_words
from queueapp.db.queries.queue import QueueView, load_queue
from queueapp.domain.verdicts import Verdict, wilson
from queueapp.domain.visit import EntryClass
from queueapp.realtime.content import content
from queueapp.realtime.content.board_told import told
from queueapp.realtime.content.board_words import PEOPLE, per_cent, sentence
from queueapp.realtime.content.desk_rows import Risk, risk_of, shape_of

# The words and the mark of each verdict; `tone` is the colour beside them, never instead.
VERDICTS = {
    Verdict.MEETING: ("Meeting", "s-check", "ok"),
    Verdict.MISSING: ("Missing", "s-cross", "late"),
    Verdict.TOO_CLOSE: ("Too close to say", "s-half", "mute"),
    Verdict.TOO_FEW: ("Too few to say", "s-half", "mute"),
}
KEEP_GOAL = 0.8
_MOST_AT_RISK = 4
_RISKY = 0.2
_DRAWN_FROM, _DRAWN_WIDTH = 30, 180


@dataclass(frozen=True, slots=True)
class AtRisk:
    """Somebody who may not be called by `due_by`."""

    ticket: str
    entry_class: str
    service: str
    due_by: datetime
    came_at: datetime
    risk: Risk


@content("board")
def board(session: Session, site: Site, now: datetime, _subject: int | None) -> dict[str, Any]:
    """The painted page's live part."""
    return {"html": render_template("board/_live.html", **facts(session, site, now))}


def facts(session: Session, site: Site, now: datetime) -> dict[str, Any]:
    """What the partial paints; the same facts give the same bytes."""
    found, view = load_board(session, site, now), load_queue(session, site, now)
    risky = list(_at_risk(session, site, view, found.services))
    return {
        "site": site,
        "seq": view.seq,
        "board": found,
        "lede": sentence(found.targets, found.total),
        "groups": _groups(found.targets),
        "at_risk": sorted(risky, key=lambda r: (-r.risk.percent, r.due_by))[:_MOST_AT_RISK],
        "risky": len(risky),
        "waiting": sum(row.waiting for row in found.targets),
        "kept": _kept(found.kept),
        "hits": _hits(found.services, recent_hits(session, site, now)),
        "hit_days": DAYS,
        "hit_enough": ENOUGH,
        "charts": _charts(found),
        "unseen": _unseen(found),
        "told": told(session, site, now),
        **DRAWING,
    }


def place_of(share: float) -> float:
    """Where a share (0-1) lies on the drawn scale from 30 to 100 per cent, in its units."""
    inside = max(share * 100, _DRAWN_FROM) - _DRAWN_FROM
    return round(8 + inside / (100 - _DRAWN_FROM) * _DRAWN_WIDTH, 1)


def whole_minutes(span: timedelta) -> int:
    """Whole minutes of a target."""
    return round(span.total_seconds() / 60)


DRAWING: dict[str, Any] = {
    "class_words": class_words,
    "shape_of": shape_of,
    "place_of": place_of,
    "verdicts": VERDICTS,
    "per_cent": per_cent,
    "whole_minutes": whole_minutes,
}


def _groups(rows: Iterable[TargetRow]) -> list[tuple[Service, list[TargetRow]]]:
    found: dict[int, tuple[Service, list[TargetRow]]] = {}
    for row in rows:
        found.setdefault(row.service.id, (row.service, []))[1].append(row)
    return list(found.values())


def _at_risk(
    session: Session, site: Site, view: QueueView, services: Iterable[Service]
) -> Iterable[AtRisk]:
    stored = stored_forecast(session, site.id)
    chances = {i: q.miss for i, q in parsed(stored).entries.items()} if stored else {}
    names = {s.id: s.name for s in services}
    line = [c for c in view.line if c.service_id in names]
    risky = [c for c in line if chances.get(c.entry_id, 0.0) >= _RISKY]
    query = sa.select(Visit.id, Visit.ticket).where(Visit.id.in_([c.visit_id for c in risky]))
    tickets = {row[0]: row[1] for row in session.execute(query)}
    for one in risky:
        risk = risk_of(chances[one.entry_id])
        assert risk is not None
        yield AtRisk(
            tickets[one.visit_id],
            one.entry_class,
            names[one.service_id],
            one.due_by,
            one.arrived_at,
            risk,
        )


def _kept(kept: Hits) -> dict[str, Any] | None:
    if not kept.told:
        return None
    low, high = wilson(kept.inside, kept.told)
    return {
        "told": kept.told,
        "share": kept.inside / kept.told,
        "low": low,
        "high": high,
        "goal": KEEP_GOAL,
        "parts": [
            ("sooner", kept.sooner / kept.told),
            ("inside", kept.inside / kept.told),
            ("later", kept.later / kept.told),
        ],
    }


def _hits(services: Iterable[Service], hits: dict[int, Hits]) -> list[tuple[Service, Hits]]:
    return [
        (service, hits[service.id])
        for service in services
        if service.id in hits and (not service.retired or hits[service.id].told)
    ]


def _charts(found: Board) -> list[dict[str, Any]]:
    """One table of hours for all services and each of them; the script draws the one chosen."""
    services = [(0, "all services"), *((s.id, s.name) for s in found.services)]
    charts = []
    for key, name in services:
        hours = found.hours.get(key, ())
        if key and not any(h.booked.arrived or h.others.arrived or h.expected for h in hours):
            continue
        targets = [
            (PEOPLE.get(row.entry_class, class_words(row.entry_class)), row)
            for row in found.targets
            if row.service.id == key and row.entry_class in (EntryClass.BOOKED, EntryClass.WALK_IN)
        ]
        charts.append({"key": key, "name": name, "hours": hours, "targets": targets})
    return charts


def _unseen(found: Board) -> list[tuple[str, int, str]]:
    left, total = found.total.left, found.total.arrived
    share = f"{per_cent(left / total)} of {total} who came" if total else ""
    return [
        ("Left without being seen", left, share),
        ("Not reached before closing", found.total.not_reached, "the clinic closed first"),
        ("Turned away", found.turned_away, "no ticket was given"),
        ("Booked, did not come", found.no_shows, "no-shows"),
    ]
