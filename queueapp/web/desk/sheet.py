"""The day sheet: what the desk needs on paper, kept in the browser for when the server is gone."""

from pathlib import Path
from typing import Any

from flask import current_app, make_response, render_template, request, send_from_directory
from werkzeug.wrappers import Response

from queueapp.domain.localtime import to_local
from queueapp.realtime.content.desk import context
from queueapp.web.desk import blueprint
from queueapp.web.desk.page import view_of
from queueapp.web.security import allow, current_db, now

_BLANK_TICKETS = 12


@blueprint.route("/<site>/sheet")
@allow("receptionist")
def sheet(site: str) -> Any:
    """The day as it stands; `?download` gives one file that opens from a disk or a stick."""
    as_file = "download" in request.args
    with current_db().read() as session:
        row, view = view_of(session)
        at = to_local(row.timezone, now())
        page = render_template(
            "desk/sheet.html",
            style=_style() if as_file else "",
            made_at=at,
            blank=range(1, _BLANK_TICKETS + 1),
            **context(view, row),
        )
    answer = make_response(page)
    if as_file:
        name = f"day-sheet-{site}-{at:%Y-%m-%d-%H%M}.html"
        answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


@blueprint.route("/worker.js")
@allow("anyone")
def worker() -> Response:
    """The browser's keeper of the sheet; served from here, as it answers for what is below here."""
    return send_from_directory(Path(current_app.static_folder or "") / "js/desk", "worker.js")


def _style() -> str:
    return (Path(current_app.static_folder or "") / "css/sheet.css").read_text(encoding="utf-8")
