"""Booking by the public: a time is held while somebody says for whom, then booked."""

from collections.abc import Sequence
from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from queueapp.actions import bookings
from queueapp.actions.booking_links import give_link
from queueapp.actions.booking_messages import CONFIRMED, tell
from queueapp.actions.booking_rows import Place, lock_booking, lock_owners, must_be_held
from queueapp.actions.online_places import (
    bookable,
    gone,
    length_of,
    places_for,
    take_first,
)
from queueapp.actions.patients import new_patient
from queueapp.db.models import Appointment, BookingLink, Patient, Service, Site
from queueapp.db.unit import lock_site
from queueapp.domain.actor import Actor
from queueapp.domain.contact import Contact, read_contact
from queueapp.domain.online import check_notice, too_many
from queueapp.domain.refusal import conflict, invalid
from queueapp.domain.spans import as_utc
from queueapp.domain.visit import AppointmentState, PreferenceKind

# A hold may be kept so many times as long as the site's `hold`.
HOLDS_AT_MOST = 4


def hold_online(
    session: Session,
    actor: Actor,
    now: datetime,
    *,
    site_id: int,
    service_id: int,
    starts_at: datetime,
    reason_id: int | None = None,
    clinician_id: int | None = None,
    is_only: bool = False,
    likely: Place | None = None,
    instead_of: int | None = None,
) -> Appointment:
    """Keep a time for the site's `hold`, with that clinician or with anyone, and give it a link.

    With anyone, `likely` is tried before the others who are free then. A hold this browser has
    already (`instead_of`) is let go. Raises Refused: invalid `service`, `reason`, `time`,
    `clinician`; conflict `too_soon`, `too_far`, `share_kept`, `overlap` with the `next` times.
    """
    site = session.get_one(Site, site_id)
    service = bookable(session, site, service_id)
    starts_at = as_utc(starts_at)
    check_notice(site.rules, now, starts_at)
    length = length_of(service, reason_id)
    places = places_for(session, site, service, starts_at, now, length, clinician_id, likely)
    former = session.get(Appointment, instead_of) if instead_of is not None else None
    lock_owners(session, *places, *([former] if former else []))
    if former is not None:
        _let_go(session, actor, now, former)
    wish = wished(clinician_id, is_only)
    held = _hold_at(session, actor, now, site, service, reason_id, places, wish)
    if isinstance(held, Appointment):
        return held
    raise gone(session, site, service, starts_at, now, length, clinician_id, is_kept=held)


def confirm_online(
    session: Session,
    actor: Actor,
    now: datetime,
    *,
    appointment_id: int,
    name: str,
    birth_date: date | None,
    contact: str,
    is_only: bool | None = None,
) -> Appointment:
    """Book what is held, for the one who is named; tells them.

    A hold that has run out is taken again where its time is still free, as a booking with a link
    of its own. Raises Refused: invalid `name`, `birth_date`, `contact`; conflict `too_many`,
    `wrong_state`, and as `hold_online` does.
    """
    if birth_date is None:
        raise invalid("birth_date", "Give a date of birth, such as 27.3.1985.")
    reached = read_contact(contact)
    held = _still_held(session, actor, now, lock_booking(session, appointment_id))
    site = lock_site(session, held.site_id)
    refused = too_many(site.rules, *_ahead(session, site.id, now, birth_date, reached))
    if refused is not None:
        raise refused
    patient = new_patient(
        session,
        now,
        name=name,
        birth_date=birth_date,
        phone=reached.phone,
        language=site.rules.language,
    )
    patient.email = reached.email
    preference = held.preference
    if is_only is not None and preference is not PreferenceKind.NONE:
        preference = wished(held.clinician_id, is_only)
    booked = bookings.book_held(
        session, actor, now,
        appointment_id=held.id, patient_id=patient.id, preference=preference,
    )  # fmt: skip
    tell(session, now, booked, CONFIRMED)
    return booked


def keep_longer(
    session: Session, actor: Actor, now: datetime, *, appointment_id: int
) -> Appointment:
    """Begin the hold's time anew, for whoever needs longer; at most four times as long in all.

    Raises Refused: conflict `hold_expired`, `held_long_enough`, `wrong_state`.
    """
    held = lock_booking(session, appointment_id)
    must_be_held(held, now)
    rules = session.get_one(Site, held.site_id).rules
    until = min(now + rules.hold, held.created_at + HOLDS_AT_MOST * rules.hold)
    if held.held_until is None or until <= held.held_until:
        raise conflict("held_long_enough", "This time cannot be kept any longer. Please finish.")
    held.held_until = until
    session.flush()
    return held


def wished(clinician_id: int | None, is_only: bool) -> PreferenceKind:
    """What the choice of a clinician, or of no one, stands for in the queue."""
    if clinician_id is None:
        return PreferenceKind.NONE
    return PreferenceKind.ONLY if is_only else PreferenceKind.IF_POSSIBLE


def _hold_at(
    session: Session,
    actor: Actor,
    now: datetime,
    site: Site,
    service: Service,
    reason_id: int | None,
    places: Sequence[Place],
    wish: PreferenceKind,
) -> Appointment | bool:
    """The first of the places that is to be had, or whether it was kept for walk-ins."""
    length = length_of(service, reason_id)

    def hold(place: Place) -> Appointment:
        return bookings.hold(
            session, actor, now,
            site_id=site.id, service_id=service.id, place=place, reason_id=reason_id,
        )  # fmt: skip

    named = wish is not PreferenceKind.NONE
    held = take_first(session, site, service, places, now, length, hold, named=named)
    if isinstance(held, Appointment):
        held.preference = wish
        give_link(session, now, held)
    return held


def _still_held(session: Session, actor: Actor, now: datetime, held: Appointment) -> Appointment:
    """The hold; taken again where it has run out and its time is still free."""
    has_run_out = held.state is AppointmentState.CANCELLED and held.patient_id is None
    if held.state is AppointmentState.HELD and held.held_until and held.held_until <= now:
        _let_go(session, actor, now, held)
        has_run_out = True
    if not has_run_out:
        return held
    site = session.get_one(Site, held.site_id)
    service = bookable(session, site, held.service_id)
    check_notice(site.rules, now, held.starts_at)
    length = length_of(service, held.reason_id)
    # The same place alone: its owner's row is held already.
    place = Place(
        held.starts_at,
        held.clinician_id,
        held.pool_id,
        None if held.pool_id else length,
    )
    wish = held.preference
    again = _hold_at(session, actor, now, site, service, held.reason_id, [place], wish)
    if isinstance(again, Appointment):
        return again
    only = held.clinician_id if wish is not PreferenceKind.NONE else None
    raise gone(session, site, service, held.starts_at, now, length, only, is_kept=again)


def _let_go(session: Session, actor: Actor, now: datetime, former: Appointment) -> None:
    session.refresh(former, with_for_update={"key_share": True})
    if former.state is AppointmentState.HELD:
        bookings.cancel_booking(session, actor, now, appointment_id=former.id, why="another_chosen")


def _ahead(
    session: Session, site_id: int, now: datetime, birth_date: date, contact: Contact
) -> tuple[int, int]:
    """Bookings made online and still to come: of this person, and of this phone or e-mail."""
    same = Patient.phone == contact.phone if contact.phone else Patient.email == contact.email
    births = session.scalars(
        sa.select(Patient.birth_date)
        .join(Appointment, Appointment.patient_id == Patient.id)
        .join(BookingLink, BookingLink.appointment_id == Appointment.id)
        .where(
            Appointment.site_id == site_id,
            Appointment.state == AppointmentState.BOOKED,
            Appointment.starts_at > now,
            same,
        )
    ).all()
    return births.count(birth_date), len(births)
