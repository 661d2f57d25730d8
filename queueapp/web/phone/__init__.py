"""The patient's phone: join from anywhere, follow live, step out and back, leave. No login."""

from queueapp.web.phone import booked, booking, changes, late, ticket, verbs
from queueapp.web.phone.join import blueprint

__all__ = ["blueprint", "booked", "booking", "changes", "late", "ticket", "verbs"]
