"""Finding a person: who is or was here today, and bookings of any day."""

from typing import Any

from flask import request

from queueapp.actions.looks import record_search
from queueapp.db.queries.found import Found, find_people
from queueapp.domain.localtime import to_local
from queueapp.domain.visit import in_words
from queueapp.web.desk import blueprint
from queueapp.web.desk.bookings import STATE_WORDS
from queueapp.web.desk.page import make_panel, show, view_of
from queueapp.web.fields import read_date
from queueapp.web.security import allow, current_actor, current_db, current_site, now

_LONGEST = 60
_SHORTEST = 2


@blueprint.route("/<site>/find")
@allow("receptionist")
def find(site: str) -> Any:
    """Look for `q`: a name, a ticket, a booking code, a birth date, the end of a phone number."""
    words = " ".join(request.args.get("q", "").split())[:_LONGEST]
    if len(words) >= _SHORTEST:
        with current_db().write() as session:
            record_search(session, current_actor(), now(), site_id=current_site().id)
    with current_db().read() as session:
        row, view = view_of(session)
        found = Found((), ())
        if len(words) >= _SHORTEST:
            found = find_people(session, row, now(), words, read_date(words))
        today = row.day_at(now())
        context = {
            "words": words,
            "is_short": 0 < len(words) < _SHORTEST,
            "found": found,
            "places": {r.entry.id: r.place for r in view.rows.waiting},
            "state_words": in_words,
            "booking_words": STATE_WORDS,
            "is_today": lambda at: to_local(row.timezone, at).date() == today,
        }
        return show(make_panel("desk/_find.html", "Find a person", context))
