"""The live desk keeps what it made of rows: at no step is anything shown as it was before."""

import dataclasses
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import g

from queueapp.actions.forecasting import Forecaster
from queueapp.db.models import Clinician, Patient, QueueEntry, Room, Service, Shift, Site
from queueapp.db.session import KEPT_ROWS
from queueapp.db.statement import Statement
from queueapp.realtime import content
from queueapp.realtime.content import desk_lines
from queueapp.realtime.content.desk_marks import Mark
from queueapp.realtime.content.desk_rows import DeskRow, Risk
from tests.web.desk_world import Desk

ROW = DeskRow(
    id=7, place=2, ticket="B12", name="Ada Lind", service="Doctor, 10 min", service_name="Doctor",
    shape="booked", class_words="Booked 10:20", came="came 10:15", due="10:35",
    due_at=datetime(2026, 5, 12, 8, 35, tzinfo=UTC), is_late=False, range="6–12 min",
    told="told by 10:40", slips=True, is_over=False, risk=Risk(35, 4, "possible", "watch"),
    why="Booked 10:20, target 15 min, so due by 10:35.", state="Waiting", state_note="only Dr Ruiz",
    state_icon="s-waiting", tone="mute", away=False, version=41,
    marks=(Mark("s-note", "Has notes"),),
)  # fmt: skip
OTHERWISE: dict[type, Callable[[Any], Any]] = {
    bool: lambda was: not was,
    int: lambda was: was + 1,
    str: lambda was: was + "?",
    datetime: lambda was: was + timedelta(minutes=1),
    Risk: lambda was: dataclasses.replace(was, percent=36),
    tuple: lambda was: (*was, Mark("s-eye", "Discreet")),
}


def steps(desk: Desk) -> Iterator[str]:
    """What happens to Rosa and Noor, one thing after the other, in both their rows or one."""

    def change(model: Any, row_id: int, **columns: Any) -> str:
        with desk.db.write() as s:
            s.execute(sa.update(model).where(model.id == row_id).values(**columns))
        return f"{model.__name__}: {columns}"

    def do(entry_id: int, verb: str, **form: Any) -> str:
        answer = desk.do(entry_id, verb, **form)
        assert answer.status_code == 200, answer.text
        return verb

    entry, now = desk.entry(desk.rosa), datetime.now(UTC)
    forecaster = Forecaster(desk.db)
    forecaster.refresh(desk.site_id, now)
    yield "forecast"
    yield do(desk.rosa, "note", words="Afraid of needles")
    yield do(desk.noor, "out", back_by=desk.clock(20))
    yield do(desk.noor, "here")
    yield do(desk.noor, "class", entry_class="urgent")
    forecaster.refresh(desk.site_id, now + timedelta(minutes=2))
    yield "another forecast"
    yield do(desk.rosa, "move", before=desk.noor, reason="Carer must leave")
    yield change(Service, entry.service_id, name="Vaccination", planned=timedelta(minutes=25))
    yield change(Patient, desk.entry(desk.noor).visit.patient_id or 0, chosen_name="Nour")
    with desk.db.read() as s:
        clinician_id = s.get_one(Shift, desk.ids["shift_id"]).clinician_id
    yield do(desk.rosa, "wish", clinician=f"only:{clinician_id}")
    yield change(Clinician, clinician_id, name="Someone Else")
    yield do(desk.rosa, "call", room=desk.room_id)
    yield change(Room, desk.room_id, name="9")
    yield do(desk.rosa, "undo")
    yield change(QueueEntry, desk.noor, due_by=now - timedelta(minutes=1))
    yield change(QueueEntry, desk.noor, needs=["couch"])
    yield change(Site, desk.site_id, timezone="Asia/Kathmandu")
    yield do(desk.rosa, "left")


def out_of_date(desk: Desk) -> Iterator[str]:
    """The steps after which the desk says something else than one that keeps nothing."""
    app, passing = desk.world.app, [timedelta(0), timedelta(minutes=7), timedelta(minutes=70)]

    def said(at: datetime) -> str:
        with desk.db.read() as s, app.test_request_context("/"):
            g.is_live = True
            site = s.get_one(Site, desk.site_id)
            render = content.render_of("desk")
            assert render
            html: str = render(s, site, at, None)["html"]
            return html

    said(datetime.now(UTC))
    for step in steps(desk):
        now = datetime.now(UTC)
        # What is kept is of before the step, then of other moments.
        kept = [said(now + later) for later in passing]
        for later, was in zip(passing, kept, strict=True):
            desk_lines._painted.cache_clear()
            with desk.db.read() as s:
                s.info[KEPT_ROWS].clear()
            if said(now + later) != was:
                yield f"{step}, {later}"


@pytest.mark.both_databases
def test_what_is_kept_of_rows_is_never_shown_out_of_date(desk: Desk) -> None:
    assert list(out_of_date(desk)) == []


@pytest.mark.parametrize("name", ["range", "marks"])
def test_with_a_row_kept_by_less_than_it_shows_it_is(
    desk: Desk, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def key(row: DeskRow) -> tuple[Any, ...]:
        return dataclasses.astuple(dataclasses.replace(row, **{name: ()}))

    monkeypatch.setattr(DeskRow, "__hash__", lambda row: hash(row.id))
    monkeypatch.setattr(DeskRow, "__eq__", lambda row, other: key(row) == key(other))
    assert next(out_of_date(desk))


@pytest.mark.both_databases
def test_with_rows_of_the_database_kept_by_their_number_alone_it_is(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Statement.made

    class Same(tuple[Any, ...]):
        __hash__ = tuple.__hash__

        def __ne__(self, _other: object) -> bool:
            return False

    def by_number(self: Statement, session: Any, values: Any, make: Any, kept: Any) -> Any:
        held = {number: (Same(row), what) for number, (row, what) in kept.items()}
        return made(self, session, values, make, held)

    monkeypatch.setattr(Statement, "made", by_number)
    assert next(out_of_date(desk))


def test_all_that_a_row_is_kept_by_is_shown_and_cannot_change(desk: Desk) -> None:
    with desk.world.app.test_request_context("/"):
        paint = desk_lines.painter()
        assert paint(dataclasses.replace(ROW)) is paint(ROW)
        for field in dataclasses.fields(DeskRow):
            was = getattr(ROW, field.name)
            other = dataclasses.replace(ROW, **{field.name: OTHERWISE[type(was)](was)})
            assert paint(other) != paint(ROW), field.name
