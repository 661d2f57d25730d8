"""What lobby sockets receive over a thousand people: codes and rooms, and nothing of a person."""

import json
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from random import Random

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from queueapp.actions import arrivals, calls, service, tickets
from queueapp.actions.arrivals import Newcomer
from queueapp.db.models import Patient, QueueEntry, Site, Visit
from queueapp.db.session import Database
from queueapp.domain.actor import SYSTEM, Role
from queueapp.domain.localtime import service_day
from queueapp.domain.visit import EntryClass, EntryState, Presence
from tests.factories import (
    make_api_token,
    make_clinician,
    make_reason,
    make_room,
    make_service,
    make_shift,
    make_site,
)
from tests.system.house import House
from tests.system.listeners import within

pytestmark = pytest.mark.usefixtures("everyone_leaves")

# What is rendered is the same on both; with PostgreSQL it goes from one process to another.
PEOPLE, ROUNDS = {"sqlite": 1000, "postgresql": 400}, 8
SYLLABLES = ("ka", "lo", "mi", "ne", "ru", "sa", "te", "vo", "xi", "zu")


@dataclass(frozen=True, slots=True)
class Comer:
    """One of them, for the service of that place in the clinic's list."""

    who: Newcomer
    service: int
    discreet: bool
    note: str


class Clinic:
    """Three services, their reasons, rooms with clinicians, and the secrets of all who come."""

    def __init__(self, db: Database, slug: str) -> None:
        self.db, self.chance = db, Random(7)
        self.secrets: set[str] = set()
        self.were_waiting: set[int] = set()
        self.letters: defaultdict[int, Counter[str]] = defaultdict(Counter)
        self.by_the_door: defaultdict[int, Counter[str]] = defaultdict(Counter)
        now = datetime.now(UTC)
        with db.write() as session:
            site = make_site(session, slug, timezone="UTC")
            self.services = [make_service(session, site, name) for name in ("Gp", "Nurse", "Lab")]
            self.reasons = [make_reason(session, s, self.word(16)) for s in self.services]
            for service_row in self.services:
                room = make_room(session, site)
                clinician = make_clinician(session, [service_row])
                make_shift(session, site, clinician, room, services=[service_row], now=now)
            self.rooms = [room.id for room in site.rooms]
            self.site_id = site.id
            _, self.token = make_api_token(session, site, Role.MANAGER)
        self.secrets |= {reason.words for reason in self.reasons}

    def word(self, length: int) -> str:
        return "".join(self.chance.choice(SYLLABLES) for _ in range(length // 2)).capitalize()

    def come(self, people: int) -> None:
        """People with names, phones, birth dates and reasons take tickets; earlier ones are gone.

        One in twenty comes by the door's own action; so many at once by it would take minutes.
        """
        with self.db.write() as session:
            self._clear_away(session)
            written = []
            for n in range(people):
                one = self._person()
                if n % 20 == 0:
                    self._take_ticket(session, one)
                else:
                    written.append(one)
            self._write(session, written)

    def _clear_away(self, session: Session) -> None:
        """Whoever waited when this was done last leaves, so that the queue stays short."""
        waiting = sa.and_(
            QueueEntry.site_id == self.site_id, QueueEntry.state == EntryState.WAITING
        )
        found = session.scalars(sa.select(QueueEntry.id).where(waiting)).all()
        old = QueueEntry.id.in_(set(found) & self.were_waiting)
        self.were_waiting = set(found)
        visits = sa.select(QueueEntry.visit_id).where(old)
        gone = {"departed_at": datetime.now(UTC)}
        session.execute(sa.update(Visit).where(Visit.id.in_(visits)).values(gone))
        session.execute(sa.update(QueueEntry).where(old).values(state=EntryState.LEFT))

    def _person(self) -> Comer:
        born = date(1930, 1, 1) + timedelta(days=self.chance.randrange(33000))
        comer = Comer(
            Newcomer(
                name=f"{self.word(8)} {self.word(10)}",
                chosen_name=self.word(12),
                phone=f"+44 7{self.chance.randrange(10**9):09d}",
                birth_date=born,
                access_needs=(self.word(14),),
            ),
            service=self.chance.randrange(3),
            discreet=self.chance.random() < 0.05,
            note=self.word(18),
        )
        who = comer.who
        self.secrets |= {
            *who.name.split(), who.chosen_name, who.phone, born.isoformat(),
            *who.access_needs, comer.note,
        }  # fmt: skip
        return comer

    def _take_ticket(self, session: Session, comer: Comer) -> None:
        entry = arrivals.take_ticket(
            session,
            SYSTEM,
            datetime.now(UTC),
            site_id=self.site_id,
            service_id=self.services[comer.service].id,
            reason_id=self.reasons[comer.service].id,
            newcomer=comer.who,
            discreet=comer.discreet,
            note_text=comer.note,
        )
        visit = session.get_one(Visit, entry.visit_id)
        self.by_the_door[comer.service][visit.ticket[0]] += 1
        self._keep(session, visit, comer)

    def _write(self, session: Session, comers: list[Comer]) -> None:
        """The same facts without forecast, promise and record."""
        now = datetime.now(UTC)
        patients = [
            Patient(
                name=one.who.name, chosen_name=one.who.chosen_name, phone=one.who.phone,
                birth_date=one.who.birth_date, access_needs=list(one.who.access_needs),
                created_at=now,
            )
            for one in comers
        ]  # fmt: skip
        session.add_all(patients)
        session.flush()
        site = session.get_one(Site, self.site_id)
        day = service_day(site.timezone, now, site.rules.day_starts_at)
        visits = []
        for one, patient in zip(comers, patients, strict=True):
            key, nonce = tickets.new_nonce()[:16], tickets.new_nonce()
            token = tickets.visit_token(session.info["secret"], key, nonce)
            visits.append(
                Visit(
                    site_id=site.id, day=day, ticket=tickets.next_ticket(session, site.id, day),
                    key=key, nonce=nonce, token_hash=tickets.token_hash(token),
                    token_expires_at=now + timedelta(hours=36), patient_id=patient.id,
                    presence=Presence.HERE, here_at=now, arrived_at=now, discreet=one.discreet,
                )
            )  # fmt: skip
        session.add_all(visits)
        session.flush()
        for one, visit in zip(comers, visits, strict=True):
            session.add(
                QueueEntry(
                    site_id=site.id, visit_id=visit.id, service_id=self.services[one.service].id,
                    reason_id=self.reasons[one.service].id, state=EntryState.WAITING,
                    note=one.note, entry_class=EntryClass.WALK_IN.value, arrived_at=now,
                    reference_at=now, target=timedelta(minutes=30),
                    due_by=now + timedelta(minutes=30),
                )
            )  # fmt: skip
            self._keep(session, visit, one)

    def _keep(self, session: Session, visit: Visit, comer: Comer) -> None:
        token = tickets.visit_token(session.info["secret"], visit.key, visit.nonce)
        self.letters[comer.service][visit.ticket[0]] += 1
        self.secrets |= {token, visit.token_hash, visit.nonce}
        if comer.discreet:
            self.secrets.add(f">{visit.ticket}<")

    def call(self, room_id: int) -> None:
        """Call somebody there, and finish who was called before."""
        now = datetime.now(UTC)
        with self.db.write() as session:
            before = session.scalars(
                sa.select(QueueEntry.id).where(
                    QueueEntry.room_id == room_id, QueueEntry.state == EntryState.CALLED
                )
            ).one_or_none()
            if before is not None:
                service.start(session, SYSTEM, now, entry_id=before)
                service.finish(session, SYSTEM, now, entry_id=before)
            calls.call_next(session, SYSTEM, now, room_id=room_id)


@pytest.mark.one_database
def test_lobby_sockets_receive_nothing_of_a_person(house: House, database: str, slug: str) -> None:
    people = PEOPLE[database]
    clinic = Clinic(house.database, slug)
    lobby = house.screen(clinic.token, [f"lobby:{slug}"])

    def call_and_see(room_id: int) -> None:
        with house.database.read() as session:
            before = session.get_one(Site, clinic.site_id).seq
        clinic.call(room_id)
        assert within(30, lambda: lobby.has(f"lobby:{slug}", before + 1)), "nothing was heard"

    for _ in range(ROUNDS):
        clinic.come(people // ROUNDS)
        for room_id in clinic.rooms[:-1]:
            clinic.call(room_id)
        # All who came are in what is rendered now, and so in what must not show them.
        call_and_see(clinic.rooms[-1])

    heard = "\n".join(json.dumps(message, ensure_ascii=False) for message in lobby.updates)
    assert len(lobby.updates) >= ROUNDS
    assert heard.count("now__tear") > 0, "somebody was shown as called"
    assert len(clinic.secrets) > 9 * people
    assert sorted(secret for secret in clinic.secrets if secret in heard) == []
    # The letter goes round with arrivals: each service has nearly its share of each letter.
    for counted in clinic.letters.values():
        share = sum(counted.values()) / 21
        assert max(abs(n - share) for n in counted.values()) < 4.5 * share**0.5
    for counted in clinic.by_the_door.values():
        assert max(counted.values()) < sum(counted.values()) / 2
