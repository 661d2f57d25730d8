"""The kiosk in the entrance: be in the queue. One question a screen; nothing of a person is left.

Answers travel in the forms alone, never in an address or a session, and the ticket has no address
of its own: whoever comes next finds the start.
"""

from queueapp.web.kiosk import booked, desk, family, walk_in, wishes
from queueapp.web.kiosk.start import blueprint

__all__ = ["blueprint", "booked", "desk", "family", "walk_in", "wishes"]
