"""The rows of the desk's list as HTML, each kept by all that it shows.

Of sixty who wait one event changes a few rows; the others are not rendered again. What a row is
made of is its key, whole: a row that shows anything else is another row, and nothing runs out.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from flask import current_app, request
from markupsafe import Markup

from queueapp.realtime.content.desk_rows import DeskRow
from queueapp.realtime.content.names import named

# As many as wait at the clinics that one process carries, twice over; some 3 KB each.
_KEPT = 4096


def painter() -> Callable[[DeskRow], Markup]:
    """How this app renders a row in this request."""
    macro = current_app.jinja_env.get_template("desk/_line.html").module.line  # type: ignore[attr-defined]
    # Where the app is mounted is all that a link knows beside the row.
    root = request.script_root
    return lambda row: _painted(macro, root, row)


@lru_cache(maxsize=_KEPT)
def _painted(macro: Any, _root: str, row: DeskRow) -> Markup:
    return Markup(macro(row, named))
