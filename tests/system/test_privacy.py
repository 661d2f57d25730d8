"""What lobby sockets receive over a thousand people: codes and rooms, and nothing of a person."""

import json
from collections import Counter, defaultdict
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any

import socketio
import sqlalchemy as sa
from sqlalchemy.orm import Session

from queueapp.actions import arrivals, calls, service
from queueapp.actions.arrivals import Newcomer
from queueapp.actions.legs import open_visit
from queueapp.actions.tickets import visit_token
from queueapp.db.models import Patient, QueueEntry, Site, Visit
from queueapp.db.session import Database
from queueapp.domain.actor import SYSTEM, Role
from queueapp.domain.visit import EntryClass, EntryState
from tests.factories import (
    make_api_token,
    make_clinician,
    make_reason,
    make_room,
    make_service,
    make_shift,
    make_site,
)
from tests.served import Served
from tests.system.listeners import within

PEOPLE = 1000
SYLLABLES = ("ka", "lo", "mi", "ne", "ru", "sa", "te", "vo", "xi", "zu")


class Clinic:
    """Three services, their reasons, rooms with clinicians, and the secrets of all who come."""

    def __init__(self, db: Database, slug: str) -> None:
        self.db, self.chance = db, Random(7)
        self.secrets: set[str] = set()
        self.were_waiting: set[int] = set()
        self.letters: defaultdict[int, Counter[str]] = defaultdict(Counter)
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

        One in ten comes by the door's own action; so many at once by it would take minutes.
        """
        with self.db.write() as session:
            self._clear_away(session)
            for n in range(people):
                self._come(session, by_action=n % 10 == 0)

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

    def _come(self, session: Session, *, by_action: bool) -> None:
        born = date(1930, 1, 1) + timedelta(days=self.chance.randrange(33000))
        person = Newcomer(
            name=f"{self.word(8)} {self.word(10)}",
            chosen_name=self.word(12),
            phone=f"+44 7{self.chance.randrange(10**9):09d}",
            birth_date=born,
            access_needs=(self.word(14),),
        )
        n = self.chance.randrange(3)
        discreet = self.chance.random() < 0.05
        take = self._take_ticket if by_action else self._write
        entry = take(session, n, person, discreet, self.word(18))
        visit = session.get_one(Visit, entry.visit_id)
        token = visit_token(session.info["secret"], visit.key, visit.nonce)
        self.letters[n][visit.ticket[0]] += 1
        self.secrets |= {
            *person.name.split(), person.chosen_name, person.phone, born.isoformat(),
            *person.access_needs, entry.note, token, visit.token_hash, visit.nonce,
        }  # fmt: skip
        if discreet:
            self.secrets.add(f">{visit.ticket}<")

    def _take_ticket(
        self, session: Session, n: int, person: Newcomer, discreet: bool, note_text: str
    ) -> QueueEntry:
        return arrivals.take_ticket(
            session,
            SYSTEM,
            datetime.now(UTC),
            site_id=self.site_id,
            service_id=self.services[n].id,
            reason_id=self.reasons[n].id,
            newcomer=person,
            discreet=discreet,
            note_text=note_text,
        )

    def _write(
        self, session: Session, n: int, person: Newcomer, discreet: bool, note_text: str
    ) -> QueueEntry:
        """The same facts without forecast, promise and record."""
        now = datetime.now(UTC)
        patient = Patient(
            name=person.name,
            chosen_name=person.chosen_name,
            phone=person.phone,
            birth_date=person.birth_date,
            access_needs=list(person.access_needs),
            created_at=now,
        )
        session.add(patient)
        session.flush()
        site = session.get_one(Site, self.site_id)
        visit = open_visit(session, site, now, patient=patient, discreet=discreet)
        entry = QueueEntry(
            site_id=site.id, visit_id=visit.id, service_id=self.services[n].id,
            reason_id=self.reasons[n].id, state=EntryState.WAITING, note=note_text,
            entry_class=EntryClass.WALK_IN.value, arrived_at=now, reference_at=now,
            target=timedelta(minutes=30), due_by=now + timedelta(minutes=30),
        )  # fmt: skip
        session.add(entry)
        return entry

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


def test_lobby_sockets_receive_nothing_of_a_person(served: Served, slug: str) -> None:
    db = Database(served.database_url, secret="tests" * 8)
    clinic = Clinic(db, slug)
    received: list[dict[str, Any]] = []
    lobby = socketio.Client()
    lobby.on("update", received.append)

    def call_and_see(room_id: int) -> None:
        with db.read() as session:
            before = session.get_one(Site, clinic.site_id).seq
        clinic.call(room_id)
        assert within(30, lambda: any(m["seq"] > before for m in received)), "nothing was heard"

    auth = {"token": clinic.token, "want": [f"lobby:{slug}"]}
    lobby.connect(served.url, auth=auth, transports=["websocket"])
    for n in range(PEOPLE // 20):
        clinic.come(20)
        # The lobby hears of changes that come together once: now and then it is waited for.
        call = call_and_see if n % 8 == 7 else clinic.call
        call(clinic.rooms[n % len(clinic.rooms)])
    call_and_see(clinic.rooms[0])
    lobby.disconnect()
    db.dispose()

    heard = "\n".join(json.dumps(message, ensure_ascii=False) for message in received)
    assert len(received) > PEOPLE // 160
    assert heard.count("now__tear") > 0, "somebody was shown as called"
    assert sorted(secret for secret in clinic.secrets if secret in heard) == []
    # The letter goes round with arrivals: each service has nearly its share of each letter.
    for counted in clinic.letters.values():
        share = sum(counted.values()) / 21
        assert max(abs(n - share) for n in counted.values()) < 4.5 * share**0.5
