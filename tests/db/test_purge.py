"""What is forgotten and what stays, by each clinic's own figures."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from click.testing import CliRunner
from sqlalchemy.engine import make_url

from queueapp.cli import group
from queueapp.commands import purge
from queueapp.db.models import (
    AdminChange,
    Appointment,
    DeskItem,
    Feedback,
    Look,
    Note,
    OutboxMessage,
    Patient,
    PatientChange,
    QueueEntry,
    Site,
    Visit,
    VisitEvent,
)
from queueapp.db.session import Database
from queueapp.domain.visit import AppointmentState, EntryState, SortedOut
from tests import factories
from tests.all_rows import all_rows

SECRETS = ("Zebedee", "zebedee@example.org", "+44 7700", "his knee", "obliged", "fell ill")
YEAR = timedelta(days=365)


@pytest.fixture
def purged(fresh_database: str, tmp_path: Path) -> Callable[..., dict[str, dict[str, int]]]:
    def run(*options: str) -> dict[str, dict[str, int]]:
        out = tmp_path / "out.json"
        environment = {"DATABASE_URL": fresh_database, "QUEUEAPP_VAR": str(tmp_path)}
        done = CliRunner(env=environment).invoke(
            group, ["purge", *options, "--json", str(out)], catch_exceptions=False
        )
        assert done.exit_code == 0, done.output
        found: dict[str, dict[str, int]] = json.loads(out.read_text())["purged"]
        return {slug: {k: n for k, n in gone.items() if n} for slug, gone in found.items()}

    return run


def came(session: Any, site: Site, service: Any, ago: timedelta, **person: Any) -> Patient:
    """Somebody with all that a clinic writes down of one, who left so long ago."""
    now = datetime.now(UTC) - ago
    patient = factories.make_patient(
        session, "Zebedee", created_at=now, email="zebedee@example.org", phone="+44 7700",
        access_needs=["his knee"], **person,
    )  # fmt: skip
    visit = factories.make_visit(session, site, patient, now=now, departed_at=now)
    factories.make_entry(session, service, visit, now=now, note="his knee",
                         state=EntryState.FINISHED)  # fmt: skip
    here = {"site_id": site.id, "visit_id": visit.id}
    session.add_all(
        [
            Note(**here, words="his knee", written_by="staff:1", written_at=now),
            Feedback(**here, sorted_out=SortedOut.YES, thanks="much obliged", told_at=now),
            DeskItem(
                site_id=site.id, kind="help", subject=f"visit:{visit.id}", opened_at=now,
                closed_at=now, details={"words": "fell ill"},
            ),
            PatientChange(
                site_id=site.id, patient_id=patient.id, before={"name": "Zebedee the first"},
                changed_by="staff:1", changed_at=now,
            ),
            OutboxMessage(
                site_id=site.id, patient_id=patient.id, kind="booked", created_at=now,
                content={"name": "Zebedee"},
            ),
            Look(site_id=site.id, actor="staff:1", patient_id=patient.id, what="visit",
                 looked_at=now),
            VisitEvent(site_id=site.id, seq=visit.id, n=0, kind="finished", visit_id=visit.id,
                       actor="system:-", occurred_at=now, recorded_at=now),
        ]
    )  # fmt: skip
    session.flush()
    return patient


def test_who_was_long_gone_is_forgotten_everywhere_and_the_figures_stay(
    db: Database, fresh_database: str, purged: Callable[..., dict[str, dict[str, int]]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(purge, "AT_ONCE", 2)
    with db.write() as s:
        site = factories.make_site(s, "here")
        site.seq = 1000
        service = factories.make_service(s, site)
        people = [came(s, site, service, 3 * YEAR).id for _ in range(5)]
    with db.read() as s:
        before = all_rows(s)
    would = purged("--dry-run")
    with db.read() as s:
        assert all_rows(s) == before
    assert would["here"] == {
        "notes": 5, "notes of waits": 5, "words of feedback": 5, "details of desk items": 5,
        "former details": 5, "people": 5, "messages": 5,
    }  # fmt: skip
    assert purged() == would
    assert purged() == {"here": {}, "all": {}}
    with db.read() as s:
        left = str(all_rows(s))
        assert [word for word in SECRETS if word in left] == []
        assert s.scalar(sa.select(sa.func.count()).where(Patient.purged_at.is_not(None))) == 5
        assert s.scalar(sa.select(sa.func.count()).select_from(QueueEntry)) == 5
        assert set(s.scalars(sa.select(Visit.patient_id))) == set(people)
        assert s.scalar(sa.select(sa.func.count()).select_from(Look)) == 5
        assert s.scalars(sa.select(Feedback.sorted_out)).first() is SortedOut.YES
        (line,) = s.scalars(sa.select(AdminChange))
        assert (line.subject, line.verb, line.actor) == ("kept", "purged", "system:-")
        assert {name: n for name, (_, n) in line.changes.items()} == would["here"]
    if db.is_sqlite:
        # Not in the pages of the file either, where a deleted row's words would go on standing.
        content = Path(make_url(fresh_database).database or "").read_bytes()
        assert [word for word in SECRETS if word.encode() in content] == []


def test_who_came_since_anywhere_or_is_booked_is_kept_by_that_clinics_figure(
    db: Database, purged: Callable[..., dict[str, dict[str, int]]]
) -> None:
    now = datetime.now(UTC)
    with db.write() as s:
        site, longer = factories.make_site(s, "here"), factories.make_site(s, "longer")
        site.seq = longer.seq = 1000
        longer.settings = {"keep_people": 5 * YEAR.total_seconds(), "keep_messages": 0}
        forever = factories.make_site(s, "forever", settings={"keep_people": 0, "keep_record": 0})
        forever.seq = 1000
        services = {one.id: factories.make_service(s, one) for one in (site, longer, forever)}
        clinician = factories.make_clinician(s, list(services.values()))
        gone = came(s, site, services[site.id], 3 * YEAR)
        back = came(s, site, services[site.id], 3 * YEAR)
        factories.make_visit(s, site, back, now=now - YEAR, departed_at=now - YEAR)
        here_now = came(s, site, services[site.id], 3 * YEAR)
        factories.make_visit(s, site, here_now, now=now)
        both = came(s, site, services[site.id], 3 * YEAR)
        factories.make_visit(s, longer, both, now=now - 4 * YEAR, departed_at=now - 4 * YEAR)
        once = came(s, forever, services[forever.id], 9 * YEAR)
        booked = came(s, site, services[site.id], 3 * YEAR)
        span = {"starts_at": now + YEAR, "ends_at": now + YEAR + timedelta(minutes=10)}
        s.add(
            Appointment(
                site_id=site.id, service_id=services[site.id].id, patient_id=booked.id,
                clinician_id=clinician.id, state=AppointmentState.BOOKED, code="X1",
                busy_from=span["starts_at"], busy_to=span["ends_at"], created_at=now, **span,
            )
        )  # fmt: skip
        stranger = factories.make_patient(s, "Zebedee", created_at=now - 3 * YEAR)
        newcomer = factories.make_patient(s, "Zebedee", created_at=now)
    figures = purged()
    assert figures["here"]["people"] == 2
    assert figures["here"]["notes"] == 5
    assert figures["longer"] == {}
    # Their messages alone go: of them nothing was said.
    assert figures["forever"] == {"messages": 1}
    with db.read() as s:
        kept = {p.id for p in s.scalars(sa.select(Patient)) if p.name == "Zebedee"}
    assert kept == {one.id for one in (back, here_now, both, once, booked, newcomer)}
    assert not {gone.id, stranger.id} & kept
