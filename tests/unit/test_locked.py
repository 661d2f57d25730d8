"""What is locked is at least as new as the repairs of known holes."""

import re
from pathlib import Path

import pytest
from packaging.version import Version

ROOT = Path(__file__).parent.parent.parent
# The first versions without a hole that is publicly known: gunicorn's request smuggling
# (CVE-2024-6827), Jinja2's sandbox (CVE-2025-27516), requests' and urllib3's redirects
# (CVE-2024-47081, CVE-2025-50181), and those of the live channels, Werkzeug and Flask.
FLOORS = {
    "python-socketio": "5.16.3",
    "python-engineio": "4.13.3",
    "werkzeug": "3.1.9",
    "flask": "3.1.3",
    "gunicorn": "23.0.0",
    "jinja2": "3.1.6",
    "requests": "2.32.4",
    "urllib3": "2.5.0",
}
_PIN = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^ ;\\]+)")


def pinned(lock: str) -> dict[str, Version]:
    found = (_PIN.match(line) for line in (ROOT / lock).read_text().splitlines())
    return {pin[1].lower(): Version(pin[2]) for pin in found if pin}


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock"])
def test_no_lock_is_below_the_floor_of_a_known_hole(lock: str) -> None:
    found = pinned(lock)
    assert {name: str(found[name]) for name in FLOORS if found[name] < Version(FLOORS[name])} == {}


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock"])
def test_everything_locked_has_a_hash(lock: str) -> None:
    text = (ROOT / lock).read_text()
    entries = re.split(r"\n(?=[A-Za-z0-9])", text)
    without = [e.split("\n")[0] for e in entries if _PIN.match(e) and "--hash=sha256:" not in e]
    assert without == []
