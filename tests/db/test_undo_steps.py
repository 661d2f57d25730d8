"""Every step that can be taken back, one by one and in random days."""

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from queueapp.actions import calls, forgotten, order, presence, service, undo
from queueapp.actions.plan import NextStep
from queueapp.db.models import QueueEntry, VisitEvent
from queueapp.domain.events import Kind
from queueapp.domain.refusal import Refused
from queueapp.domain.visit import Resolution
from tests.db.small_clinic import SmallClinic, minutes
from tests.db.undoing import picture, prepared, take_back

Action = Callable[..., Any]
STEPS: dict[str, tuple[Kind, str, Callable[[SmallClinic, QueueEntry], tuple[Action, dict]]]] = {
    "call": (
        Kind.CALLED,
        "waiting",
        lambda c, e: (calls.call_next, {"room_id": c.rooms[0].id}),
    ),
    "did not answer": (
        Kind.DID_NOT_ANSWER,
        "called",
        lambda c, e: (calls.did_not_answer, {"entry_id": e.id}),
    ),
    "start": (Kind.STARTED, "called", lambda c, e: (service.start, {"entry_id": e.id})),
    "still in": (
        Kind.STILL_IN,
        "in_service",
        lambda c, e: (forgotten.still_in, {"entry_id": e.id}),
    ),
    "finish, nobody knows when": (
        Kind.FINISHED,
        "in_service",
        lambda c, e: (forgotten.finish_late, {"entry_id": e.id, "ago": None}),
    ),
    "finish": (
        Kind.FINISHED,
        "in_service",
        lambda c, e: (service.finish, {"entry_id": e.id, "resolution": Resolution.RESOLVED}),
    ),
    "finish and go on": (
        Kind.FINISHED,
        "in_service",
        lambda c, e: (
            service.finish,
            {"entry_id": e.id, "next_step": NextStep(c.blood.id)},
        ),
    ),
    "leave": (Kind.LEFT, "waiting", lambda c, e: (presence.leave, {"entry_id": e.id})),
    "leave when called": (Kind.LEFT, "called", lambda c, e: (presence.leave, {"entry_id": e.id})),
    "transfer": (
        Kind.TRANSFERRED,
        "waiting",
        lambda c, e: (service.transfer, {"entry_id": e.id, "service_id": c.blood.id}),
    ),
    "transfer when called": (
        Kind.TRANSFERRED,
        "called",
        lambda c, e: (service.transfer, {"entry_id": e.id, "service_id": c.blood.id}),
    ),
    "set aside": (
        Kind.SET_ASIDE,
        "in_service",
        lambda c, e: (service.set_aside, {"entry_id": e.id, "then_service_id": c.blood.id}),
    ),
    "wrong person": (
        Kind.WRONG_PERSON,
        "in_service",
        lambda c, e: (service.wrong_person, {"entry_id": e.id}),
    ),
    "wrong person called": (
        Kind.WRONG_PERSON,
        "called",
        lambda c, e: (service.wrong_person, {"entry_id": e.id}),
    ),
    "move": (
        Kind.MOVED,
        "waiting",
        lambda c, e: (
            order.move,
            {"entry_id": c.line()[-1], "before_id": e.id, "reason": "In pain"},
        ),
    ),
    "step out": (
        Kind.STEPPED_OUT,
        "waiting",
        lambda c, e: (
            presence.step_out,
            {"visit_id": e.visit_id, "back_by": c.now + minutes(20)},
        ),
    ),
    "urgent": (
        Kind.CLASS_CHANGED,
        "waiting",
        lambda c, e: (order.change_class, {"entry_id": c.line()[-1], "entry_class": "urgent"}),
    ),
}


@pytest.mark.parametrize("step", STEPS)
def test_what_was_taken_back_never_shows(clinic: SmallClinic, step: str) -> None:
    kind, state, make = STEPS[step]
    entry = prepared(clinic, state)
    before = picture(clinic)
    action, arguments = make(clinic, entry)
    clinic.do(action, **arguments)
    assert picture(clinic) != before
    clinic.wait(3)
    take_back(clinic, kind)
    assert picture(clinic) == before
    undone = clinic.event(Kind.UNDONE)
    assert undone.undoes_id == clinic.event(kind).id
    clinic.do(action, **arguments)  # and can be done again


@pytest.mark.one_database
@pytest.mark.parametrize("step", STEPS)
def test_nothing_is_undone_twice_or_after_its_time(clinic: SmallClinic, step: str) -> None:
    kind, state, make = STEPS[step]
    action, arguments = make(clinic, prepared(clinic, state))
    clinic.do(action, **arguments)
    clinic.wait(11)
    with pytest.raises(Refused, match="11 minutes ago; it can be undone for 10 minutes"):
        take_back(clinic, kind)
    clinic.wait(-5)
    take_back(clinic, kind)
    with pytest.raises(Refused, match="already undone"):
        take_back(clinic, kind)


@pytest.mark.one_database
@settings(max_examples=max(6, settings.default.max_examples // 5))
@given(st.data())
def test_undo_gives_the_place_back_whatever_came_before(
    engine: Engine, data: st.DataObject
) -> None:
    """Random days: after any step that can be undone, undoing it restores all that can be seen."""
    with engine.execution_options(writes=True).connect() as connection:
        transaction = connection.begin()
        with Session(
            connection, join_transaction_mode="create_savepoint", expire_on_commit=False
        ) as session:
            _random_day(SmallClinic(session), data)
        transaction.rollback()


def _random_day(clinic: SmallClinic, data: st.DataObject) -> None:
    entries = [clinic.join(target_minutes=data.draw(st.integers(5, 60))) for _ in range(4)]
    for _ in range(data.draw(st.integers(3, 8))):
        clinic.wait(data.draw(st.integers(0, 6)))
        entry = data.draw(st.sampled_from(entries))
        action, arguments = _arguments(clinic, data, entry, entries)
        before = picture(clinic)
        seen = clinic.session.scalar(sa.select(sa.func.max(VisitEvent.id))) or 0
        try:
            clinic.do(action, **arguments)
        except Refused:
            assert picture(clinic) == before
            continue
        made = clinic.session.scalars(
            sa.select(VisitEvent).where(VisitEvent.id > seen).order_by(VisitEvent.id)
        ).all()
        newest = next((e for e in made if e.kind in undo.UNDOABLE), None)
        if newest is not None and data.draw(st.booleans()):
            clinic.wait(data.draw(st.integers(0, 10)))
            clinic.do(undo.undo, event_id=newest.id)
            assert picture(clinic) == before


def _arguments(
    clinic: SmallClinic, data: st.DataObject, entry: QueueEntry, entries: list[QueueEntry]
) -> tuple[Action, dict[str, Any]]:
    one = {"entry_id": entry.id}
    return data.draw(
        st.sampled_from(
            [
                (calls.call_next, {"room_id": clinic.rooms[0].id}),
                (calls.call_next, {"room_id": clinic.rooms[1].id}),
                (calls.did_not_answer, one),
                (service.start, one),
                (service.finish, one),
                (service.finish, one | {"next_step": NextStep(clinic.blood.id)}),
                (service.transfer, one | {"service_id": clinic.gp.id}),
                (service.set_aside, one),
                (service.wrong_person, one),
                (presence.leave, one),
                (
                    presence.step_out,
                    {"visit_id": entry.visit_id, "back_by": clinic.now + minutes(9)},
                ),
                (presence.come_back, {"visit_id": entry.visit_id}),
                (
                    order.move,
                    one
                    | {
                        "before_id": data.draw(st.sampled_from(entries)).id,
                        "reason": "In pain",
                    },
                ),
                (order.change_class, one | {"entry_class": "urgent"}),
                (order.change_class, one | {"entry_class": "emergency"}),
            ]
        )
    )
