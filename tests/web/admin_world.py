"""A manager's and an admin's browser on the pages of administration."""

import html
import re
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.web.web_world import WebWorld


class Office:
    """Forms as a person fills them in: what stands there is sent, but for what is changed."""

    def __init__(self, world: WebWorld, role: str = "manager", place: str = "here") -> None:
        self.world, self.db = world, world.database
        self.client: FlaskClient = world.browser(role, place)

    def page(self, path: str, status: int = 200) -> str:
        """The page's words and markup."""
        answer = self.client.get(path, follow_redirects=True)
        assert answer.status_code == status, (path, answer.status_code)
        return answer.text

    def filled(self, path: str) -> dict[str, Any]:
        """What the first long form of a page holds as it is opened."""
        return form_of(self.page(path))

    def send(self, path: str, changed: dict[str, Any], *, opened: Any = None) -> TestResponse:
        """Open the form at `path`, change some fields, send it; follows to where it leads."""
        values = {**(self.filled(path) if opened is None else opened), **changed}
        values = {k: v for k, v in values.items() if v is not None}
        return self.client.post(path, data=values, follow_redirects=True)


def form_of(page: str) -> dict[str, Any]:
    """The fields of a page's main form as a browser would send them."""
    body = re.search(r"<form[^>]*data-unsaved-form.*?</form>", page, re.S)
    assert body, "no long form here"
    found: dict[str, Any] = {}
    select = ""
    for tag in re.finditer(r"<(input|select|option)\b([^>]*)>", body[0]):
        kind, attributes = tag[1], dict(re.findall(r'([\w-]+)="([^"]*)"', tag[2]))
        bare = re.sub(r'"[^"]*"', "", tag[2])
        if kind == "select":
            select = attributes["name"]
        elif kind == "option":
            if "selected" in bare or select not in found:
                found[select] = html.unescape(attributes.get("value", ""))
        elif attributes.get("type") in ("checkbox", "radio"):
            if "checked" in bare:
                found.setdefault(attributes["name"], []).append(attributes["value"])
        elif "name" in attributes:
            found[attributes["name"]] = html.unescape(attributes.get("value", ""))
    return found


def said(answer: TestResponse) -> str:
    """The words of an answer, without markup."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", answer.text)).split())
