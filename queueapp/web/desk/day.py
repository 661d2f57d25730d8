"""Opening and closing the day; closing asks what became of each one left."""

from datetime import datetime
from typing import Any

from flask import request
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from queueapp.actions.day import DayEnd, How, close_day, open_day
from queueapp.db.models import Site
from queueapp.db.queries.rows import EntryRow, load_rows
from queueapp.domain.localtime import to_local
from queueapp.domain.refusal import Refused, invalid
from queueapp.domain.visit import EntryState
from queueapp.web.desk import blueprint
from queueapp.web.desk.acting import Done, carry_out
from queueapp.web.desk.page import Panel, make_panel, show, status_of
from queueapp.web.fields import been_at, read_clock, row_number
from queueapp.web.forms import Form
from queueapp.web.security import allow, current_actor, current_db, current_site, now

_HOW_WORDS = {
    How.FINISHED: "Was seen, finished at",
    How.LEFT: "Left",
    How.NOT_REACHED: "Was not reached",
}


class CloseForm(Form):
    """The answers are `how-<entry>` and `at-<entry>`: as many as there are people left."""


@blueprint.route("/<site>/day")
@allow("receptionist")
def day(site: str) -> Any:
    """Whether the day is open, and who is left."""
    return show(_panel({}))


@blueprint.route("/<site>/day/open", methods=["POST"])
@allow("receptionist")
def begin(site: str) -> Response:
    """Open the day: its shifts are planned."""

    def work(session: Session) -> Done:
        open_day(session, current_actor(), now(), site_id=current_site().id)
        return Done("", "The day is open", then=f"/desk/{current_site().slug}/shifts")

    return carry_out(work)


@blueprint.route("/<site>/day/close", methods=["POST"])
@allow("receptionist")
def close(site: str) -> Any:
    """Close the day, once it is said of each one left what became of them."""
    form = CloseForm()

    def work(session: Session) -> Done:
        row = session.get_one(Site, current_site().id)
        answers = _answers(row)
        close_day(session, current_actor(), now(), site_id=row.id, answers=answers)
        return Done("", "The day is closed")

    try:
        if not form.validate():
            raise invalid("", "Reload the page and try again.")
        return carry_out(work)
    except Refused as refused:
        return show(_panel(_beside(refused)), status_of(refused))


def _answers(site: Site) -> dict[int, DayEnd]:
    answers = {}
    for name, value in request.form.items():
        head, _, number = name.partition("-")
        entry_id = row_number(number)
        if head == "how" and entry_id is not None and value in set(How):
            answers[entry_id] = DayEnd(How(value), _ended_at(site, entry_id, How(value)))
    return answers


def _ended_at(site: Site, entry_id: int, how: How) -> datetime | None:
    words = request.form.get(f"at-{entry_id}", "").strip()
    if how is not How.FINISHED or not words:
        return None
    wall = read_clock(words)
    if wall is None:
        raise invalid(f"answers.{entry_id}.ended_at", "Give a time as 10:40.")
    return been_at(site.timezone, site.rules, now(), wall)


def _beside(refused: Refused) -> dict[int, str]:
    """What is wrong, by entry; 0 is the whole form."""
    parts = refused.field.split(".")
    if len(parts) > 1 and parts[0] == "answers" and parts[1].isdigit():
        return {int(parts[1]): refused.message}
    found = {0: refused.message}
    left = refused.details.get("entries")
    if isinstance(left, list):
        found |= {int(one["id"]): "Say what became of them." for one in left}
    return found


def _panel(troubles: dict[int, str]) -> Panel:
    with current_db().read() as session:
        site = session.get_one(Site, current_site().id)
        rows = load_rows(session, site, now())
        today = site.day_at(now())
        left = sorted(
            (*rows.in_rooms, *rows.waiting), key=lambda r: (r.entry.arrived_at, r.entry.id)
        )
        return make_panel(
            "desk/_day.html",
            "The day",
            {
                "is_open": site.opened_day == today and site.closed_day != today,
                "is_closed": site.closed_day == today,
                "left": [(r, _choices(r)) for r in left],
                "said": request.form,
                "troubles": troubles,
                "clock_now": f"{to_local(site.timezone, now()):%H:%M}",
                "expected_left": len(rows.expected),
            },
        )


def _choices(row: EntryRow) -> list[tuple[str, str]]:
    """What may have become of them: nobody was seen who was never called, or left from a room."""
    state = row.entry.state
    possible = {
        EntryState.WAITING: (How.LEFT, How.NOT_REACHED),
        EntryState.CALLED: (How.FINISHED, How.LEFT, How.NOT_REACHED),
        EntryState.IN_SERVICE: (How.FINISHED, How.NOT_REACHED),
    }
    return [(how.value, _HOW_WORDS[how]) for how in possible[state]]
