"""Entering paper tickets afterwards: several at once, all of them or none."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from flask import request
from sqlalchemy.orm import Session

from queueapp.actions.arrivals import Newcomer
from queueapp.actions.paper import Paper, enter_paper
from queueapp.db.models import Room, Site
from queueapp.db.queries.happened import room_name
from queueapp.domain.refusal import Refused, invalid
from queueapp.domain.walk_in_line import parse
from queueapp.web.desk import blueprint
from queueapp.web.desk.acting import Done, carry_out
from queueapp.web.desk.page import Panel, make_panel, show, status_of
from queueapp.web.desk.walkin import known, wish_of
from queueapp.web.fields import been_at, read_clock
from queueapp.web.forms import Form
from queueapp.web.security import allow, current_actor, current_db, current_site, now

_SHOWN = 3
_MOST = 30
_FIELDS = ("label", "line", "came", "called", "room", "out", "left")


class PaperForm(Form):
    """The answers are `line-<n>`, `came-<n>` and so on: as many as there are papers."""


@blueprint.route("/<site>/paper", methods=["GET", "POST"])
@allow("receptionist")
def paper(site: str) -> Any:
    """Blank lines for what was written on paper; `more` adds some, Enter enters all."""
    if request.method == "GET" or "more" in request.form:
        return show(_panel({}))
    form = PaperForm()

    def work(session: Session) -> Done:
        row = session.get_one(Site, current_site().id)
        tickets = [_enter(session, row, n) for n in range(1, _lines() + 1) if _is_filled(n)]
        if not tickets:
            raise invalid("line-1", "Enter at least one paper ticket.")
        return Done(", ".join(tickets), "entered from paper")

    try:
        if not form.validate():
            raise invalid("", "Reload the page and try again.")
        return carry_out(work)
    except Refused as refused:
        return show(_panel({refused.field: refused.message}), status_of(refused))


def _enter(session: Session, site: Site, n: int) -> str:
    line = parse(_said("line", n), *known(session, site.id))
    if line.problems:
        raise invalid(f"line-{n}", line.problems[0])
    assert line.service is not None
    came = _clock(site, "came", n)
    if came is None:
        raise invalid(f"came-{n}", "Say when they came, as 10:40.")
    room = _said("room", n)
    try:
        entry = enter_paper(
            session,
            current_actor(),
            now(),
            site_id=site.id,
            paper=Paper(
                service_id=line.service.id,
                came_at=came,
                label=_said("label", n).upper(),
                newcomer=Newcomer(name=line.name, phone=line.phone, birth_date=line.birth_date),
                entry_class=line.entry_class,
                wish=wish_of(line),
                called_at=_clock(site, "called", n),
                room_id=int(room) if room.isdigit() else None,
                out_at=_clock(site, "out", n),
                left=_said("left", n) == "1",
            ),
        )
    except Refused as refused:
        name = refused.field.removesuffix("_at").replace("occurred", "came") or "line"
        where = f"{name}-{n}" if name in _FIELDS else f"line-{n}"
        raise Refused(refused.message, where, refused.kind, refused.code) from None
    return entry.visit.ticket


def _clock(site: Site, name: str, n: int) -> datetime | None:
    words = _said(name, n)
    wall = read_clock(words) if words else None
    if words and wall is None:
        raise invalid(f"{name}-{n}", "Give a time as 10:40.")
    return been_at(site.timezone, site.rules, now(), wall)


def _said(name: str, n: int) -> str:
    return " ".join(request.form.get(f"{name}-{n}", "").split())


def _is_filled(n: int) -> bool:
    return any(_said(name, n) for name in _FIELDS if name not in ("label", "room"))


def _lines() -> int:
    asked = request.form.get("lines", "")
    lines = int(asked) if asked.isdigit() else _SHOWN
    return min(max(lines, _SHOWN) + (_SHOWN if "more" in request.form else 0), _MOST)


def _panel(troubles: dict[str, str]) -> Panel:
    with current_db().read() as session:
        rooms = session.scalars(
            sa.select(Room)
            .where(Room.site_id == current_site().id, Room.retired.is_(False))
            .order_by(Room.position, Room.id)
        )
        context = {
            "lines": range(1, _lines() + 1),
            "said": request.form,
            "troubles": troubles,
            "rooms": [(str(r.id), room_name(r.name)) for r in rooms],
        }
        return make_panel("desk/_paper.html", "Paper tickets", context)
