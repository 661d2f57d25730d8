"""What the lists of the room's forms offer."""

from typing import Any

from sqlalchemy.orm import Session

from queueapp.actions.forgotten import ENDED_AGO
from queueapp.db.models import Site
from queueapp.db.queries.clinicians import clinicians_of
from queueapp.db.queries.happened import room_name
from queueapp.web.room.forms import RESOLUTIONS, SAME, UNKNOWN


def fill(session: Session, site: Site, form: Any) -> None:
    """Give the form's lists their rows."""
    if "resolution" in form:
        form.resolution.choices = [("", "Not said"), *RESOLUTIONS.items()]
        form.next_service.choices = [("", "As planned, or home"), *_services(site)]
        form.next_who.choices = [("", "Anyone"), (SAME, "The same clinician")]
        if "ago" in form:
            form.ago.choices = [(str(n), f"{n} min ago") for n in (0, *ENDED_AGO)]
            form.ago.choices.append((UNKNOWN, "Not known"))
    elif "ready_at" in form:
        form.service.choices = [("", "Nowhere: wait"), *_services(site)]
    elif "service" in form:
        form.service.choices = _services(site)
        who = [(f"only:{n}", words) for n, words in _clinicians(session, site)]
        form.clinician.choices = [("", "Anyone"), *who]
    elif "clinician" in form:
        form.clinician.choices = _clinicians(session, site)
    elif "room" in form:
        form.room.choices = _rooms(site)


def _clinicians(session: Session, site: Site) -> list[tuple[str, str]]:
    some = sorted(clinicians_of(session, site.id), key=lambda c: (c.name, c.id))
    return [(str(c.id), c.shown_name) for c in some]


def _services(site: Site) -> list[tuple[str, str]]:
    return [(str(s.id), s.name) for s in site.services_in_use]


def _rooms(site: Site) -> list[tuple[str, str]]:
    return [(str(r.id), room_name(r.name)) for r in site.rooms_in_use]
