"""What the manager reads of patients' answers, and where the time of their visits goes."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from queueapp.actions import arrivals, calls, service
from queueapp.actions.desk_items import take_item
from queueapp.actions.feedback import Words, give_feedback
from queueapp.db.models import DeskItem, QueueEntry, Service
from queueapp.db.queries.time_spent import load_time_spent
from queueapp.domain.actor import SYSTEM
from queueapp.domain.spans import Span
from queueapp.domain.visit import SortedOut
from tests.web.patient_world import PatientWorld, world_on
from tests.web.test_board_lobby import comes, do, manager

MINUTE = timedelta(minutes=1)


@pytest.fixture
def world(fresh_database: str, tmp_path: Path) -> Iterator[PatientWorld]:
    world = world_on(fresh_database, tmp_path)
    yield world
    world.db.dispose()


def seen(world: PatientWorld, name: str = "") -> QueueEntry:
    entry = comes(world, 30, name=name)
    do(world, calls.call_chosen, room_id=world.rooms[0], entry_id=entry.id)
    do(world, service.start, entry_id=entry.id)
    do(world, service.finish, entry_id=entry.id)
    return entry


@pytest.mark.both_databases
def test_answers_and_words_are_read_by_managers_without_a_name(world: PatientWorld) -> None:
    answers = [(SortedOut.YES, ""), (SortedOut.YES, "Quick & kind"), (SortedOut.NO, "No result")]
    entries = [seen(world, f"Secret Person{n}") for n in range(3)]
    for entry, (answer, words) in zip(entries, answers, strict=True):
        do(
            world, give_feedback, visit_id=entry.visit_id, sorted_out=answer,
            words=Words(wording=words),
        )  # fmt: skip
    client, _ = manager(world)
    page = client.get("/board/harbour").text
    assert "67 %" in page
    assert "3 patients answered in 30 days: 67 % yes, 0 % partly, 33 % no." in page
    assert page.index("“No result”") < page.index("“Quick &amp; kind”")
    assert "Nobody yet" in page
    assert "Secret" not in page
    with world.db.read() as s:
        item_id = s.query(DeskItem.id).filter(DeskItem.kind == "feedback").scalar()
    do(world, take_item, item_id=item_id)
    assert "Nobody yet" not in client.get("/board/harbour").text
    trend = client.get("/board/harbour/trend").text
    for words in ("Promises kept", "Sorted out the first time", "Where the time goes"):
        assert words in trend


@pytest.mark.both_databases
def test_the_time_of_a_visit_is_told_by_stage_of_all_who_were_seen(world: PatientWorld) -> None:
    """One waits 20, walks 2, is 10 with the doctor, waits 6 more, 4 with the nurse; one is quick.

    The two of them make a mean per visit; who is still in the room counts nowhere.
    """
    now = datetime.now(UTC).replace(microsecond=0)
    began = now - 60 * MINUTE
    with world.db.write() as s:
        slow, quick = _takes(world, s, began), _takes(world, s, began)
        _is_seen(s, quick, world.rooms[0], began, (4, 4))
        service.finish(s, SYSTEM, began + 12 * MINUTE, entry_id=quick.id)
        _is_seen(s, slow, world.rooms[0], began, (20, 22))
        after = service.transfer(
            s, SYSTEM, began + 32 * MINUTE, entry_id=slow.id, service_id=world.blood_id
        )
        _is_seen(s, after, world.lab_id, began, (38, 38))
        service.finish(s, SYSTEM, began + 42 * MINUTE, entry_id=after.id)
        _is_seen(s, _takes(world, s, began), world.rooms[0], began, (50, 50))
    with world.db.read() as s:
        services = [row.id for row in s.query(Service)]
        span = Span(began - MINUTE, now)
        both, nobody = load_time_spent(
            s, world.site_id, (span, Span(began - 9 * MINUTE, span.start)), services
        )
        blood, _ = load_time_spent(
            s, world.site_id, (span, span), services, service_id=world.blood_id
        )
    assert both.visits == 2
    assert both.minutes == pytest.approx((12, 1, 11, 3))
    assert both.total == pytest.approx(27)
    assert nobody.visits == 0
    assert blood.minutes == pytest.approx((0, 0, 4, 6))


def _takes(world: PatientWorld, session: Session, when: datetime) -> QueueEntry:
    return arrivals.take_ticket(
        session, SYSTEM, when, site_id=world.site_id, service_id=world.doctor_id,
        despite_limits=True,
    )  # fmt: skip


def _is_seen(
    session: Session, entry: QueueEntry, room_id: int, began: datetime, minutes: tuple[int, int]
) -> None:
    called, started = (began + n * MINUTE for n in minutes)
    calls.call_chosen(session, SYSTEM, called, room_id=room_id, entry_id=entry.id)
    service.start(session, SYSTEM, started, entry_id=entry.id)
