"""Appointments as calendars read them (RFC 5545, 5546): an invitation, its update, its end."""

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

_PRODUCT = "-//queueapp//appointments//EN"


@dataclass(frozen=True, slots=True)
class Invitation:
    """One booking as it stands: `uid` for good, `sequence` rising with each change.

    `contact` is the patient's own e-mail address or phone number.
    """

    uid: str
    sequence: int
    starts_at: datetime
    ends_at: datetime
    clinic: str
    code: str
    contact: str
    is_cancelled: bool = False


def calendar_file(invitation: Invitation, now: datetime, public_url: str, link: str) -> bytes:
    """An .ics file with METHOD REQUEST, or CANCEL for what was cancelled.

    It says where and when, and how to change it; never what for, nor with whom.
    """
    # Late, as it takes long to load and every process that serves would have to.
    from icalendar import Calendar, Event, vCalAddress, vText

    host = urlsplit(public_url).hostname or "localhost"
    calendar = Calendar()
    calendar.add("prodid", _PRODUCT)
    calendar.add("version", "2.0")
    calendar.add("method", "CANCEL" if invitation.is_cancelled else "REQUEST")
    event = Event()
    event.add("uid", f"{invitation.uid}@queueapp")
    event.add("sequence", invitation.sequence)
    event.add("dtstamp", now)
    event.add("dtstart", invitation.starts_at)
    event.add("dtend", invitation.ends_at)
    event.add("summary", f"Appointment at {invitation.clinic}")
    event.add("location", invitation.clinic)
    event.add("status", "CANCELLED" if invitation.is_cancelled else "CONFIRMED")
    event.add("class", "PRIVATE")
    event.add("description", _description(invitation, link))
    if not invitation.is_cancelled:
        event.add("url", link)
    organizer = vCalAddress(f"mailto:no-reply@{host}")
    organizer.params["CN"] = vText(invitation.clinic)
    event.add("organizer", organizer)
    attendee = vCalAddress(_address(invitation.contact))
    attendee.params["PARTSTAT"] = vText("ACCEPTED")
    attendee.params["RSVP"] = vText("FALSE")
    event.add("attendee", attendee)
    calendar.add_component(event)
    return calendar.to_ical()


def _description(invitation: Invitation, link: str) -> str:
    if invitation.is_cancelled:
        return "This appointment was cancelled."
    return f"Your code at the kiosk: {invitation.code}\nMove or cancel: {link}"


def _address(contact: str) -> str:
    return f"mailto:{contact}" if "@" in contact else f"tel:{contact}"
