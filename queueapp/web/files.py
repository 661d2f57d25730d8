"""Scripts, styles and fonts: fetched once, and kept by the browser until they change."""

from pathlib import Path
from typing import Any

from flask import Flask, Response, g

from queueapp.marks import mark_of

# To be given to Flask as `static_url_path`.
PATH = "/static/<version>"
_FOR_GOOD = "public, max-age=31536000, immutable"


def keep_until_changed(app: Flask) -> None:
    """Name the version of all files in each one's address, so that none is ever asked for twice.

    A script finds others, and a style its fonts, beside itself: in the same version.
    """
    assert app.static_folder
    version = mark_of([Path(app.static_folder)])[:12]

    @app.url_defaults
    def name_version(endpoint: str, values: dict[str, Any]) -> None:
        if endpoint == "static":
            values.setdefault("version", version)

    # A page of before an upgrade still gets what it asks for late, but may not keep it.
    @app.url_value_preprocessor
    def take_version(endpoint: str | None, values: dict[str, Any] | None) -> None:
        if endpoint == "static" and values:
            g.is_current_file = values.pop("version") == version

    @app.after_request
    def keep(answer: Response) -> Response:
        if g.get("is_current_file") and answer.status_code in (200, 206, 304):
            answer.headers["Cache-Control"] = _FOR_GOOD
        return answer
