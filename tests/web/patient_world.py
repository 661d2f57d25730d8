"""A clinic as its patients meet it: a kiosk, phones, two services, bookings for today."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from flask.testing import FlaskClient

from queueapp.actions.access import device_of_token
from queueapp.db.models import Appointment, Base, DeskItem, Party, Patient, QueueEntry, Site, Visit
from queueapp.db.session import Database
from queueapp.domain.visit import AppointmentState
from tests import factories
from tests.all_rows import row_counts
from tests.web.web_world import SECRET, web_app

PUBLIC_URL = "https://queue.example.org"


# What a day leaves behind; what the clinic was set up with stays.


class PatientWorld:
    """Site `harbour` or another: a service with reasons and two doctors, and blood tests."""

    def __init__(self, database: Database, var: Path, slug: str = "harbour") -> None:
        self.db, self.slug = database, slug
        self.app = web_app(database, public_url=PUBLIC_URL)
        now = datetime.now(UTC)
        with database.write() as s:
            site = factories.make_site(
                s, slug, settings=factories.turning_far_off(now), name="Harbour Street"
            )
            doctor = factories.make_service(s, site, "GP consultation", plain_name="Doctor")
            blood = factories.make_service(s, site, "Blood test", position=1)
            reasons = [factories.make_reason(s, doctor, w) for w in ("A new problem", "Results")]
            self.rooms, self.doctors = [], []
            for n, name in enumerate(("Ruiz", "Osei"), start=1):
                room = factories.make_room(s, site, f"Room {n}")
                one = factories.make_clinician(s, [doctor], name, title="Dr")
                factories.make_shift(s, site, one, room, services=[doctor], now=now)
                self.rooms.append(room.id)
                self.doctors.append(one.id)
            nurse = factories.make_clinician(s, [blood], "Tran", title="Nurse")
            lab = factories.make_room(s, site, "Room 3")
            factories.make_shift(s, site, nurse, lab, services=[blood], now=now)
            _, token = factories.make_device(s, site, "kiosk")
            found = device_of_token(s, token, now)
            assert found
            self.device, self.site_id = found, site.id
            self.kiosk_link = f"/device/{token}"
            self.doctor_id, self.blood_id = doctor.id, blood.id
            self.reason_ids = [r.id for r in reasons]
            self.nurse_id, self.lab_id = nurse.id, lab.id

    def kiosk(self) -> FlaskClient:
        """The browser of the paired kiosk."""
        client = self.app.test_client()
        with client.session_transaction() as session:
            session["device"] = [self.device.credential.id, self.device.credential.stamp]
        return client

    def phone(self) -> FlaskClient:
        """A phone nobody knows."""
        return self.app.test_client()

    def booking(
        self,
        name: str = "Zoë Łukasz",
        born: date = date(1958, 3, 27),
        *,
        in_minutes: int = 10,
        code: str = "",
        **columns: Any,
    ) -> int:
        """A booking with the first doctor."""
        starts = datetime.now(UTC) + timedelta(minutes=in_minutes)
        until = starts + timedelta(minutes=5)
        with self.db.write() as s:
            patient_id = (
                columns.pop("patient_id", None)
                or factories.make_patient(s, name, birth_date=born).id
            )
            appointment = Appointment(
                site_id=self.site_id, service_id=self.doctor_id, clinician_id=self.doctors[0],
                patient_id=patient_id, code=code or f"C{in_minutes}{len(name)}",
                state=AppointmentState.BOOKED, starts_at=starts, ends_at=until,
                busy_from=starts, busy_to=until, created_at=starts - timedelta(days=9), **columns,
            )  # fmt: skip
            s.add(appointment)
            s.flush()
            return appointment.id

    def party(self) -> int:
        """A party without anyone yet."""
        with self.db.write() as s:
            party = Party(site_id=self.site_id, created_at=datetime.now(UTC))
            s.add(party)
            s.flush()
            return party.id

    def entries(self) -> list[QueueEntry]:
        """All waits, with visit, patient and promises loaded."""
        with self.db.read() as s:
            ours = QueueEntry.site_id == self.site_id
            found = list(s.scalars(sa.select(QueueEntry).where(ours).order_by(QueueEntry.id)))
            for entry in found:
                _ = entry.visit.patient, entry.promises, entry.calls
            s.expunge_all()
            return found

    def visit(self, visit_id: int) -> Visit:
        """A visit as it is stored now."""
        with self.db.read() as s:
            found = s.get_one(Visit, visit_id)
            s.expunge(found)
            return found

    def items(self) -> list[tuple[str, str]]:
        """The open desk items: kind and subject."""
        with self.db.read() as s:
            query = sa.select(DeskItem).where(DeskItem.closed_at.is_(None)).order_by(DeskItem.id)
            return [(i.kind, i.subject) for i in s.scalars(query)]

    def turned_away_only(self, before: dict[str, int]) -> bool:
        """Whether all that has changed since is that one who was turned away is counted."""
        return self.counts() == {
            **before,
            "visit_event": before["visit_event"] + 1,
            "seq": before["seq"] + 1,
        }

    def change(self, model: type[Base], row_id: int, **columns: Any) -> None:
        """Set columns of a row."""
        with self.db.write() as s:
            row = s.get_one(model, row_id)
            for name, value in columns.items():
                setattr(row, name, value)

    def counts(self) -> dict[str, int]:
        """How many rows each table has, and the site's seq: what a refusal must not change.

        That somebody looked in vain is counted, and is no change.
        """
        with self.db.read() as s:
            found = row_counts(s) | {"seq": s.get_one(Site, self.site_id).seq}
        for name in ("vain_lookup", "idempotency_key"):
            del found[name]
        return found

    def patients(self) -> list[Patient]:
        """Everyone known."""
        with self.db.read() as s:
            found = list(s.scalars(sa.select(Patient).order_by(Patient.id)))
            s.expunge_all()
            return found


def world_on(url: str, var: Path, slug: str = "harbour") -> PatientWorld:
    """The clinic on the database of a URL."""
    return PatientWorld(Database(url, secret=SECRET), var, slug)
