"""Administration in the browser: what a manager sets up for the clinic, and its record.

A site's pages stand under /admin/<site>; what a stranger may open (first-run set-up, pairing a
screen, choosing a password by link) has addresses of its own.
"""

from queueapp.web.admin import (
    audit,
    clinicians,
    devices,
    hours,
    pools,
    rooms,
    services,
    settings,
    setup,
    staff,
    start,
    strangers,
    tokens,
)
from queueapp.web.admin.base import blueprint

__all__ = [
    "audit",
    "blueprint",
    "clinicians",
    "devices",
    "hours",
    "pools",
    "rooms",
    "services",
    "settings",
    "setup",
    "staff",
    "start",
    "strangers",
    "tokens",
]
