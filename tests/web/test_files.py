"""Scripts and styles: asked for once, and anew when they have changed."""

import re

from queueapp.db.session import Database
from tests.web.web_world import web_app


def test_a_file_is_kept_by_the_browser_until_it_changes() -> None:
    client = web_app(Database("sqlite://")).test_client()
    address = re.findall(r'href="(/static/[^"]+/favicon.svg)"', client.get("/nowhere").text)[0]
    kept = client.get(address, buffered=True)
    assert kept.status_code == 200
    assert kept.cache_control.max_age == 365 * 86400
    assert kept.cache_control.immutable
    # What a page of another version asks for late it gets, and may not keep.
    late = client.get("/static/another/favicon.svg", buffered=True)
    assert (late.status_code, late.data) == (200, kept.data)
    assert late.cache_control.no_cache
    assert not late.cache_control.immutable
    assert client.get(address + "x").status_code == 404
