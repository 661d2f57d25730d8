"""Who walks into the demo clinic today, and what is special about each."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

import sqlalchemy as sa
from sqlalchemy.orm import Session

from queueapp.actions import arrivals, desk_items, parties, presence, shifts
from queueapp.actions.legs import NO_WISH, Wish
from queueapp.commands.demo_bookings import known_patient, spare_patient
from queueapp.commands.history_names import clinicians_of
from queueapp.db.models import Patient, QueueEntry, Reason, Service, Shift, Visit
from queueapp.domain.actor import Actor
from queueapp.domain.visit import EntryClass, EntryState, PreferenceKind, Presence

_AWAY = timedelta(minutes=17)


@dataclass(frozen=True, slots=True)
class WalkIn:
    """One who comes at `minute` (0 is now); without a name, whoever has not come yet."""

    minute: int
    service: str
    name: str = ""
    entry_class: str = EntryClass.WALK_IN.value
    only: str = ""
    attribute: str = ""
    from_afar: bool = False
    discreet: bool = False
    absent: bool = False
    steps_out_at: int | None = None
    note: str = ""
    with_: tuple[str, ...] = ()


WALK_INS = (
    WalkIn(-73, "blood-test"),
    WalkIn(-73, "gp"),
    WalkIn(-72, "nurse"),
    WalkIn(-71, "gp"),
    WalkIn(-68, "nurse"),
    WalkIn(-65, "gp"),
    WalkIn(-62, "blood-test"),
    WalkIn(-58, "nurse"),
    WalkIn(-57, "gp"),
    WalkIn(-55, "prescription"),
    WalkIn(-52, "blood-test"),
    WalkIn(-51, "gp"),
    WalkIn(-47, "nurse"),
    WalkIn(-45, "gp", "Mariam Haddad"),
    WalkIn(-41, "blood-test", "Ruth Bianchi"),
    WalkIn(-37, "blood-test"),
    WalkIn(-34, "nurse", "Olga Petrenko"),
    WalkIn(-29, "nurse"),
    WalkIn(-25, "blood-test"),
    WalkIn(-24, "gp", "Daniel Osei", note="Daughter waits too, in a blue coat"),
    WalkIn(-21, "nurse", "Thandiwe Ndlovu", discreet=True),
    WalkIn(-20, "gp", "Jonas Weber", steps_out_at=-18),
    WalkIn(-17, "gp", "Tomás Oliveira", only="Elena Ruiz"),
    WalkIn(-16, "gp", "Amira Haddad", with_=("Leila Haddad",)),
    WalkIn(-15, "blood-test", "Bruno Costa", absent=True),
    WalkIn(-13, "gp", "Emil Dvorak", from_afar=True),
    WalkIn(-12, "nurse", "Sam Achterberg"),
    WalkIn(-11, "gp", "Niamh O’Connell", attribute="a woman"),
    WalkIn(-10, "nurse", "Yusuf Demir"),
    WalkIn(-9, "blood-test", "Rosa Lind"),
    WalkIn(-8, "prescription", "Farah Rahimi"),
    WalkIn(-7, "blood-test", "Kofi Mensah"),
    WalkIn(-6, "gp", "Margaret Hollis", EntryClass.URGENT.value, note="Short of breath since 6"),
    WalkIn(-5, "nurse", "Lena Fischer"),
    WalkIn(-4, "blood-test", "Walter Brandt"),
    WalkIn(-3, "gp", "Paul Meier"),
    WalkIn(-2, "blood-test", "Petra Novak"),
)


SCRIPTED = frozenset(name for guest in WALK_INS for name in (guest.name, *guest.with_) if name)


def arrive(
    session: Session, site_id: int, guest: WalkIn, kiosk: Actor, at: datetime, dice: Random
) -> None:
    """Take the guest's ticket, and those of the people who come along."""
    patient = (
        known_patient(session, site_id, guest.name)
        if guest.name
        else spare_patient(session, site_id, dice, SCRIPTED)
    )
    fellows = [known_patient(session, site_id, name) for name in guest.with_]
    party = None
    if fellows:
        ids = [p.id for p in (patient, *fellows)]
        party = parties.make_party(session, kiosk, at, site_id=site_id, patient_ids=ids)
    service = session.scalars(
        sa.select(Service).where(Service.site_id == site_id, Service.slug == guest.service)
    ).one()
    reasons = session.scalars(
        sa.select(Reason.id).where(Reason.service_id == service.id).order_by(Reason.id)
    ).all()
    for who in (patient, *fellows):
        arrivals.take_ticket(
            session,
            kiosk,
            at,
            site_id=site_id,
            service_id=service.id,
            entry_class=guest.entry_class,
            patient_id=who.id,
            party_id=party.id if party else None,
            reason_id=reasons[-guest.minute % len(reasons)],
            wish=_wish(session, site_id, guest),
            presence=Presence.ON_THE_WAY if guest.from_afar else Presence.HERE,
            discreet=guest.discreet,
            note_text=guest.note,
            despite_limits=True,
        )


def _wish(session: Session, site_id: int, guest: WalkIn) -> Wish:
    if guest.only:
        found = next(c for c in clinicians_of(session, site_id) if c.name == guest.only)
        return Wish(PreferenceKind.ONLY, found.id)
    if guest.attribute:
        return Wish(PreferenceKind.IF_POSSIBLE, attribute=guest.attribute)
    return NO_WISH


def later_steps(session: Session, site_id: int, minute: int, at: datetime, kiosk: Actor) -> None:
    """What happens besides coming: stepping out, running late, help pressed."""
    for guest in WALK_INS:
        if guest.steps_out_at == minute:
            visit = _waiting_visit(session, site_id, guest.name)
            if visit is not None:
                presence.step_out(session, kiosk, at, visit_id=visit.id, back_by=at + 2 * _AWAY)
    if minute == -30:
        late = session.scalars(
            sa.select(Shift)
            .where(
                Shift.site_id == site_id, Shift.actual_from.is_not(None), Shift.actual_to.is_(None)
            )
            .order_by(Shift.id)
        ).first()
        if late is not None and not late.declared_delay:
            delay = timedelta(minutes=10)
            shifts.declare_delay(session, kiosk, at, shift_id=late.id, delay=delay)
    if minute == -2 and kiosk.id is not None:
        desk_items.ask_for_help(session, kiosk, at, device_id=kiosk.id)


def _waiting_visit(session: Session, site_id: int, name: str) -> Visit | None:
    return session.scalars(
        sa.select(Visit)
        .join(QueueEntry, QueueEntry.visit_id == Visit.id)
        .join(Patient, Patient.id == Visit.patient_id)
        .where(
            Visit.site_id == site_id,
            Patient.name == name,
            QueueEntry.state == EntryState.WAITING,
            Visit.presence == Presence.HERE,
        )
    ).first()
