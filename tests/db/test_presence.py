"""Stepping out and back, and leaving: the place is kept, and nothing personal is recorded."""

import pytest

from queueapp.actions import presence, service
from queueapp.domain.events import Kind
from queueapp.domain.refusal import Refused
from queueapp.domain.visit import CallOutcome, EntryState, Presence
from tests.db.small_clinic import SmallClinic, minutes

pytestmark = pytest.mark.one_database


def test_the_place_of_one_who_is_out_is_kept_and_nobody_calls_there(clinic: SmallClinic) -> None:
    first, second = clinic.join(), clinic.join()
    back_by = clinic.now + minutes(30)
    visit = clinic.do(presence.step_out, visit_id=first.visit_id, back_by=back_by)
    assert (visit.presence, visit.back_by) == (Presence.OUT, back_by)
    assert clinic.line() == [first.id, second.id]
    assert clinic.call(1) == second
    assert clinic.call(2) is None
    clinic.wait(12)
    clinic.do(presence.come_back, visit_id=first.visit_id)
    assert (visit.presence, visit.back_by) == (Presence.HERE, None)
    assert first.stepped_out == minutes(12)
    assert clinic.call(2) == first


def test_time_out_adds_up(clinic: SmallClinic) -> None:
    entry = clinic.join()
    for _ in range(2):
        clinic.do(presence.step_out, visit_id=entry.visit_id, back_by=clinic.now + minutes(30))
        clinic.wait(7)
        clinic.do(presence.come_back, visit_id=entry.visit_id)
        clinic.wait(1)
    assert entry.stepped_out == minutes(14)


def test_a_time_to_be_back_lies_ahead(clinic: SmallClinic) -> None:
    entry = clinic.join()
    with pytest.raises(Refused) as refused:
        clinic.do(presence.step_out, visit_id=entry.visit_id, back_by=clinic.now)
    assert refused.value.field == "back_by"
    assert entry.visit.presence is Presence.HERE


def test_nobody_steps_out_who_is_called_away_or_already_out(clinic: SmallClinic) -> None:
    entry, other = clinic.join(), clinic.join()
    back_by = clinic.now + minutes(30)
    clinic.call()
    with pytest.raises(Refused, match="has been called"):
        clinic.do(presence.step_out, visit_id=entry.visit_id, back_by=back_by)
    with pytest.raises(Refused, match="has not stepped out"):
        clinic.do(presence.come_back, visit_id=other.visit_id)
    clinic.do(presence.step_out, visit_id=other.visit_id, back_by=back_by)
    with pytest.raises(Refused, match="stepped out already"):
        clinic.do(presence.step_out, visit_id=other.visit_id, back_by=back_by)


def test_leaving_ends_the_wait_and_the_visit(clinic: SmallClinic) -> None:
    entry, other = clinic.join(), clinic.join()
    clinic.wait(40)
    clinic.do(presence.leave, entry_id=entry.id, why="waited_too_long")
    assert entry.state is EntryState.LEFT
    assert entry.ended_at == entry.visit.departed_at == clinic.now
    event = clinic.event(Kind.LEFT)
    assert (event.entry_id, event.why) == (entry.id, "waited_too_long")
    assert clinic.line() == [other.id]
    with pytest.raises(Refused, match="has ended"):
        clinic.do(presence.leave, visit_id=entry.visit_id)


def test_words_said_on_leaving_stay_out_of_the_lasting_record(clinic: SmallClinic) -> None:
    entry = clinic.join()
    said = "Mrs Ahmed had to fetch her son"
    clinic.do(presence.leave, visit_id=entry.visit_id, why=said)
    event = clinic.event(Kind.LEFT)
    assert entry.note == said
    assert said not in f"{event.why}{event.data}{event.before}"


def test_leaving_when_called_frees_the_room(clinic: SmallClinic) -> None:
    entry, other = clinic.join(), clinic.join()
    clinic.call()
    clinic.do(presence.leave, entry_id=entry.id)
    assert [c.outcome for c in clinic.calls_of(entry)] == [CallOutcome.DID_NOT_ANSWER]
    assert clinic.call() == other


def test_nobody_leaves_from_a_clinicians_room(clinic: SmallClinic) -> None:
    entry = clinic.join()
    clinic.call()
    clinic.do(service.start, entry_id=entry.id)
    with pytest.raises(Refused, match="is with the clinician"):
        clinic.do(presence.leave, entry_id=entry.id)
    assert entry.visit.departed_at is None
