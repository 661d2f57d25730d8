"""The line at the desk: what it shows, every verb of a row, and what it says when refused."""

import re
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from queueapp.db.models import Look, QueueEntry, Shift, Site
from queueapp.domain.visit import EntryState, PreferenceKind, Presence
from tests import factories
from tests.web.desk_world import PANEL, Desk


def test_the_list_says_who_why_and_since_when(desk: Desk) -> None:
    page = desk.page()
    assert "2 waiting" in page
    row = desk.row(desk.rosa)
    assert "Rosa Lind" in row
    assert "Blood test" in row
    assert re.search(r"Came \d\d:\d\d, target 30 min, so due by \d\d:\d\d\.", row)
    assert "no-store" in desk.client.get("/desk/here").headers["Cache-Control"]


def test_a_walk_in_is_previewed_added_and_told_a_range(desk: Desk) -> None:
    read = desk.post("/desk/here/walk-in/preview", line="tomás oliveira blood urgent").get_json()
    assert [chip["words"] for chip in read["chips"]] == [
        "Tomás Oliveira",
        "Blood test, 10 min",
        "Urgent",
    ]
    assert re.fullmatch(r"\d+–\d+ min", read["told"]["range"])
    added = desk.post("/desk/here/walk-in", line="tomás oliveira blood urgent").get_json()
    assert re.search(r"Tomás Oliveira has a ticket\. Tell them \d+–\d+ min", added["said"])
    entry = desk.entry(added["entry"])
    assert (entry.entry_class, entry.state) == ("urgent", EntryState.WAITING)
    assert "Tomás Oliveira" in desk.row(entry.id)


def test_a_walk_in_that_cannot_be_read_keeps_what_was_typed(desk: Desk) -> None:
    with desk.db.write() as s:
        factories.make_service(s, s.get_one(Site, desk.site_id), "Nurse visit")
    answer = desk.post("/desk/here/walk-in", line="tomás oliveira")
    assert answer.status_code == 422
    assert answer.get_json()["errors"] == [
        {"field": "line", "message": "Add what it is for: Blood test, Nurse visit."}
    ]
    plain = desk.client.post("/desk/here/walk-in", data={"line": "tomás oliveira"})
    assert plain.status_code == 422
    assert 'value="tomás oliveira"' in plain.text
    assert "Add what it is for" in plain.text
    assert "2 waiting" in plain.text


def test_a_walk_in_entered_afterwards_has_its_true_time(desk: Desk) -> None:
    added = desk.post("/desk/here/walk-in", line=f"tomás blood {desk.clock(-20)}").get_json()
    entry = desk.entry(added["entry"])
    assert timedelta(minutes=19) < datetime.now(UTC) - entry.arrived_at < timedelta(minutes=22)
    later = desk.post("/desk/here/walk-in", line=f"ana blood {desk.clock(5)}")
    assert later.status_code == 422


def test_pressed_twice_with_one_key_adds_one(desk: Desk) -> None:
    twice = [
        desk.post("/desk/here/walk-in", line="tomás blood", idempotency_key="k").get_json()
        for _ in range(2)
    ]
    assert twice[0]["entry"] == twice[1]["entry"]
    assert "3 waiting" in desk.page()


def test_opening_a_row_is_recorded_and_can_be_read_aloud(desk: Desk) -> None:
    panel = desk.client.get(f"/desk/entries/{desk.rosa}", headers=PANEL).text
    said = re.search(r"“(.*?)”", panel)
    assert said
    assert re.match(r"You came at \d\d:\d\d and we aim to call you within 30 minutes", said[1])
    assert "Nobody is due before you." in said[1]
    with desk.db.read() as s:
        looks = s.scalars(sa.select(Look)).all()
        assert [(look.visit_id, look.what) for look in looks] == [
            (desk.entry(desk.rosa).visit_id, "visit")
        ]


def test_a_verb_that_does_not_apply_stays_and_says_why(desk: Desk) -> None:
    panel = desk.client.get(f"/desk/entries/{desk.rosa}", headers=PANEL).text
    assert f'data-why="{desk.ticket} has not been called."' in panel
    assert f'data-why="{desk.ticket} is here already."' in panel


def test_call_come_in_and_finish(desk: Desk) -> None:
    desk.call_rosa()
    assert "Called" in desk.row(desk.rosa)
    assert desk.do(desk.rosa, "start").status_code == 200
    assert desk.do(desk.rosa, "finish", resolution="resolved").status_code == 200
    entry = desk.entry(desk.rosa)
    assert (entry.state, entry.visit.resolution) == (EntryState.FINISHED, "resolved")


def test_finishing_without_a_word_leaves_the_outcome_unknown(desk: Desk) -> None:
    desk.call_rosa()
    desk.do(desk.rosa, "start")
    assert desk.do(desk.rosa, "finish").status_code == 200
    assert desk.entry(desk.rosa).visit.resolution is None


@pytest.mark.both_databases
def test_true_times_after_a_power_cut(desk: Desk) -> None:
    with desk.db.write() as s:
        early = datetime.now(UTC) - timedelta(hours=1)
        entry = s.get_one(QueueEntry, desk.rosa)
        entry.arrived_at = entry.visit.arrived_at = early
    # Read off one clock at once: a minute may turn between the answers.
    times = [(verb, desk.clock(n)) for verb, n in (("call", -30), ("start", -28), ("finish", -10))]
    for verb, at in times:
        form = {"room": desk.room_id} if verb == "call" else {}
        answer = desk.do(desk.rosa, verb, occurred_at=at, **form)
        assert answer.status_code == 200, answer.text
    entry = desk.entry(desk.rosa)
    assert entry.started_at
    assert entry.ended_at
    assert timedelta(minutes=17) <= entry.ended_at - entry.started_at <= timedelta(minutes=19)


def test_bad_times_are_said_beside_their_field(desk: Desk) -> None:
    answer = desk.do(desk.rosa, "left", occurred_at="soon")
    assert answer.status_code == 422
    assert 'id="occurred_at-error"' in answer.text
    assert "Give a time as 10:40." in answer.text
    assert 'value="soon"' in answer.text
    future = desk.do(desk.rosa, "left", occurred_at=desk.clock(10))
    assert future.status_code == 422
    assert "is still to come" in future.text
    assert desk.entry(desk.rosa).state is EntryState.WAITING


def test_move_needs_a_reason_and_shows_it(desk: Desk) -> None:
    refused = desk.do(desk.noor, "move", before=desk.rosa, reason="")
    assert refused.status_code == 422
    assert "Give a reason: it is shown to colleagues." in refused.text
    due = desk.entry(desk.noor).due_by
    assert (
        desk.do(desk.noor, "move", before=desk.rosa, reason="Carer must leave").status_code == 200
    )
    page = desk.page()
    assert page.index(f'id="row-{desk.noor}"') < page.index(f'id="row-{desk.rosa}"')
    assert f"Moved by the desk before {desk.ticket}" in desk.row(desk.noor)
    assert desk.entry(desk.noor).due_by == due
    panel = desk.client.get(f"/desk/entries/{desk.noor}", headers=PANEL).text
    assert "Carer must leave" in panel


def test_step_out_and_back_here(desk: Desk) -> None:
    assert desk.do(desk.rosa, "out", back_by="").status_code == 422
    back_by = desk.clock(15)
    assert desk.do(desk.rosa, "out", back_by=back_by).status_code == 200
    assert f"Stepped out back by {back_by}" in desk.row(desk.rosa)
    assert "place kept" in desk.row(desk.rosa)
    assert desk.do(desk.rosa, "here").status_code == 200
    assert desk.entry(desk.rosa).visit.presence is Presence.HERE


@pytest.mark.both_databases
def test_left_and_taken_back(desk: Desk) -> None:
    answer = desk.do(desk.rosa, "left", why="waited_too_long").get_json()
    assert answer["toast"]["words"] == f"{desk.ticket} Rosa Lind marked as left"
    assert desk.row(desk.rosa) == ""
    undone = desk.post("/desk/here/undo", event=answer["toast"]["event"])
    assert undone.status_code == 200
    assert "taken back: marked as left" in undone.get_json()["said"]
    assert "Rosa Lind" in desk.row(desk.rosa)
    again = desk.post("/desk/here/undo", event=answer["toast"]["event"])
    assert again.status_code == 409
    assert again.get_json()["detail"].startswith("This was already undone. ")
    assert f"{desk.ticket} taken back: marked as left." in again.get_json()["detail"]


def test_the_desk_of_another_clinic_takes_nothing_back_here(desk: Desk) -> None:
    answer = desk.do(desk.rosa, "left").get_json()
    elsewhere = desk.world.browser("receptionist", "elsewhere")
    done = elsewhere.post(
        "/desk/elsewhere/undo", data={"event": answer["toast"]["event"]}, headers=PANEL
    )
    assert done.status_code == 404
    assert desk.entry(desk.rosa).state is EntryState.LEFT


def test_class_transfer_and_wish(desk: Desk) -> None:
    with desk.db.write() as s:
        nurse = factories.make_service(s, s.get_one(Site, desk.site_id), "Nurse visit").id
        clinician_id = s.get_one(Shift, desk.ids["shift_id"]).clinician_id
    assert desk.do(desk.rosa, "class", entry_class="urgent").status_code == 200
    assert "Urgent" in desk.row(desk.rosa)
    assert desk.do(desk.rosa, "wish", clinician=f"only:{clinician_id}").status_code == 200
    assert desk.entry(desk.rosa).preference is PreferenceKind.ONLY
    assert "Only Elena Ruiz." in desk.row(desk.rosa)
    moved = desk.do(desk.rosa, "transfer", service=nurse)
    assert moved.status_code == 200
    assert desk.entry(desk.rosa).state is EntryState.TRANSFERRED
    assert "Nurse visit" in desk.page()
    assert desk.do(desk.noor, "transfer", service=999999).status_code == 422


def test_every_command_works_as_an_ordinary_form(desk: Desk) -> None:
    answer = desk.client.post(f"/desk/entries/{desk.rosa}/left", data={})
    assert answer.status_code == 303
    assert f"{desk.ticket} Rosa Lind marked as left." in desk.page()
    opened = desk.client.get(f"/desk/entries/{desk.noor}?verb=move")
    assert "Noor El-Sayed" in opened.text
    assert 'class="desk open"' in opened.text
