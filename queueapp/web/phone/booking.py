"""Booking online: what for, then with whom and when. Choosing a time keeps it for a while."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from flask import redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from queueapp.actions.base import find_site
from queueapp.actions.booking_links import booker, link_of
from queueapp.actions.online import hold_online
from queueapp.actions.online_places import length_of
from queueapp.db.models import Service, Site
from queueapp.db.queries.online import may_be_booked
from queueapp.domain.actor import Actor, ActorKind
from queueapp.domain.refusal import RefusalKind, Refused
from queueapp.domain.viewer import Credential
from queueapp.web.fields import row_number
from queueapp.web.forms import PostForm
from queueapp.web.once import once
from queueapp.web.phone.join import blueprint
from queueapp.web.phone.times import Wanted, load_times, read_time
from queueapp.web.security import allow, current_db, now, remember, viewer

_ANYBODY = Actor(ActorKind.BOOKER, None, "phone")


@dataclass(frozen=True, slots=True)
class Asked:
    """What the address of the page says: a reason, a clinician, a day, a stretch of days."""

    reason_id: int | None
    clinician_id: int | None
    day: date | None
    since: date | None


@blueprint.get("/book/<site>")
@allow("anyone")
def book(site: str) -> str:
    """What one may book, in plain words."""
    with current_db().read() as session:
        row = find_site(session, site)
        services = [
            (s, [r for r in s.reasons if not r.retired])
            for s in row.services
            if may_be_booked(row, s)
        ]
        return render_template("phone/book.html", services=services)


@blueprint.route("/book/<site>/<service>", methods=["GET", "POST"])
@allow("anyone")
def book_time(site: str, service: str) -> str | Response | tuple[str, int]:
    """With whom, which day, what time; a chosen time is kept while the form is filled in."""
    asked = _asked()
    if request.method != "POST":
        return _page(site, service, asked)
    form = PostForm()
    if not form.validate():
        return _page(site, service, asked, "Reload the page and try again."), 422
    try:
        remember(_hold(site, service, asked))
    except Refused as refused:
        status = 422 if refused.kind is RefusalKind.INVALID else 409
        return _page(site, service, asked, refused.message, next_of(refused)), status
    return redirect(url_for("phone.details"), 303)


def _asked() -> Asked:
    given = request.values
    return Asked(
        reason_id=given.get("reason", type=int),
        clinician_id=row_number(given.get("who")),
        day=read_day(given.get("day")),
        since=read_day(given.get("from")),
    )


def read_day(text: str | None) -> date | None:
    """A day of an address, `2026-11-24`; None for anything else."""
    try:
        return date.fromisoformat(text or "")
    except ValueError:
        return None


def next_of(refused: Refused) -> tuple[datetime, ...]:
    """The times a refusal offers instead."""
    following = refused.details.get("next")
    return tuple(map(datetime.fromisoformat, following)) if isinstance(following, list) else ()


def find_service(session: Session, site: Site, slug: str) -> Service:
    """The service of an address, if the public may book it. Raises NotFound."""
    found = next((s for s in site.services if s.slug == slug), None)
    if found is None or not may_be_booked(site, found):
        raise NotFound("This cannot be booked online. Please call us.")
    return found


def words_of(service: Service, reason_id: int | None) -> str:
    """What is booked, in plain words."""
    reason = next((r.words for r in service.reasons if r.id == reason_id), "")
    name = service.plain_name or service.name
    return f"{name}: {reason}" if reason else name


def _hold(site: str, service: str, asked: Asked) -> Credential:
    starts_at, likely = read_time(request.form.get("time", ""))
    former = viewer().of_kind("booking")

    def hold(session: Session) -> dict[str, Any]:
        row = find_site(session, site)
        held = hold_online(
            session, _ANYBODY, now(),
            site_id=row.id, service_id=find_service(session, row, service).id,
            starts_at=starts_at, reason_id=asked.reason_id, clinician_id=asked.clinician_id,
            likely=likely, instead_of=former.appointment_id if former else None,
        )  # fmt: skip
        return {"appointment": held.id}

    return credential_of(once(hold, _ANYBODY)["appointment"])


def credential_of(appointment_id: int) -> Credential:
    """What the browser is known by from now on: the link of the booking."""
    with current_db().read() as session:
        who = booker(link_of(session, appointment_id), now())
    assert who is not None
    return who.credential


def _page(
    site: str,
    service: str,
    asked: Asked,
    wrong: str = "",
    offered: tuple[datetime, ...] = (),
) -> str:
    with current_db().read() as session:
        row = find_site(session, site)
        found = find_service(session, row, service)
        length = length_of(found, asked.reason_id)
        wanted = Wanted(
            clinician_id=asked.clinician_id,
            day=asked.day,
            since=asked.since,
            length=length,
            offered=offered,
        )
        times = load_times(session, row, found, now(), wanted)
        words = words_of(found, asked.reason_id)
    return render_template(
        "phone/book_time.html",
        form=PostForm(formdata=None),
        times=times,
        words=words,
        length=length,
        wrong=wrong,
        back=url_for("phone.book", site=site),
        step="Step 2 of 3",
        title="Choose a time",
        send="Book this time",
        who=asked.clinician_id,
        address=_addresses(site, service, asked),
    )


def _addresses(site: str, service: str, asked: Asked) -> Any:
    """`address(who=…, day=…, since=…)`: the page with one choice changed."""

    def address(**change: Any) -> str:
        who = change.get("who", asked.clinician_id)
        day = change.get("day")
        since = change.get("since", asked.since)
        return url_for(
            "phone.book_time",
            site=site,
            service=service,
            reason=asked.reason_id,
            who=who,
            day=day,
            **({"from": since} if since else {}),
        )

    return address
