"""Lines of the log: one per message, each with its instant in UTC."""

import logging
import re

from queueapp.logs import OneLine


def test_what_is_asked_for_cannot_write_lines_of_its_own() -> None:
    record = logging.LogRecord("web", 30, "", 0, "%s", ("/a\n2026 forged\x1b[2J",), None)
    line = OneLine("%(asctime)s %(message)s").format(record)
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}Z /a\\x0a2026 forged\\x1b\[2J", line)
