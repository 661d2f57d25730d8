"""The desk as a receptionist uses it: what it shows, every verb, and what it says when refused."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from werkzeug.test import TestResponse

from queueapp.actions import calls, desk_items, service
from queueapp.actions.desk_items import ItemKind
from queueapp.db.models import (
    Appointment,
    DeskItem,
    Look,
    QueueEntry,
    Shift,
    Site,
    Visit,
)
from queueapp.domain.actor import SYSTEM
from queueapp.domain.visit import AppointmentState, EntryState, PreferenceKind, Presence
from tests import factories
from tests.web.web_world import WebWorld

PANEL = {"X-Panel": "1", "Accept": "application/json, text/html;q=0.5"}


class Desk:
    """Marta at the desk of `here`, where Rosa waits for a blood test."""

    def __init__(self, world: WebWorld) -> None:
        self.world, self.db = world, world.database
        self.client = world.browser("receptionist")
        self.ids = world.places["here"].ids
        with self.db.write() as s:
            site = s.scalars(sa.select(Site).where(Site.slug == "here")).one()
            self.site_id = site.id
            self.zone = site.timezone
            first = s.get_one(QueueEntry, self.ids["entry_id"])
            first.service.name, first.service.slug = "Blood test", "blood"
            s.get_one(Shift, self.ids["shift_id"]).clinician.name = "Elena Ruiz"
            rosa = factories.make_patient(s, "Rosa Lind")
            first.visit.patient_id = rosa.id
            noor = factories.make_patient(s, "Noor El-Sayed")
            at = datetime.now(UTC) + timedelta(minutes=1)
            visit = factories.make_visit(s, site, noor, now=at - timedelta(minutes=2))
            second = factories.make_entry(
                s, first.service, visit, now=at - timedelta(minutes=2), target_minutes=45
            )
            self.rosa, self.noor = first.id, second.id
            self.ticket = first.visit.ticket
            self.room_id = int(self.ids["room_id"])

    def page(self) -> str:
        answer = self.client.get("/desk/here")
        assert answer.status_code == 200
        return answer.text

    def row(self, entry_id: int) -> str:
        """The words of the entry's row."""
        found = re.search(rf'<tr id="row-{entry_id}".*?</tr>', self.page(), re.S)
        return " ".join(re.sub(r"<[^>]+>", " ", found[0]).split()) if found else ""

    def post(self, path: str, **form: Any) -> TestResponse:
        return self.client.post(path, data=form, headers=PANEL)

    def do(self, entry_id: int, verb: str, **form: Any) -> TestResponse:
        return self.post(f"/desk/entries/{entry_id}/{verb}", **form)

    def entry(self, entry_id: int) -> QueueEntry:
        with self.db.read() as s:
            entry = s.get_one(QueueEntry, entry_id)
            assert entry.visit
            s.expunge_all()
            return entry

    def call_rosa(self) -> None:
        assert self.do(self.rosa, "call", room=self.room_id).status_code == 200

    def clock(self, minutes: float = 0) -> str:
        from queueapp.domain.localtime import to_local

        at = datetime.now(UTC) + timedelta(minutes=minutes)
        return f"{to_local(self.zone, at):%H:%M}"


@pytest.fixture
def desk(web_world: WebWorld) -> Desk:
    return Desk(web_world)


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


def test_true_times_after_a_power_cut(desk: Desk) -> None:
    with desk.db.write() as s:
        early = datetime.now(UTC) - timedelta(hours=1)
        entry = s.get_one(QueueEntry, desk.rosa)
        entry.arrived_at = entry.visit.arrived_at = early
    for verb, minutes in (("call", -30), ("start", -28), ("finish", -10)):
        form = {"room": desk.room_id} if verb == "call" else {}
        answer = desk.do(desk.rosa, verb, occurred_at=desk.clock(minutes), **form)
        assert answer.status_code == 200, answer.text
    entry = desk.entry(desk.rosa)
    assert entry.started_at
    assert entry.ended_at
    assert timedelta(minutes=17) < entry.ended_at - entry.started_at < timedelta(minutes=19)


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
    assert desk.do(desk.rosa, "out", back_by=desk.clock(15)).status_code == 200
    assert f"Stepped out back by {desk.clock(15)}" in desk.row(desk.rosa)
    assert "place kept" in desk.row(desk.rosa)
    assert desk.do(desk.rosa, "here").status_code == 200
    assert desk.entry(desk.rosa).visit.presence is Presence.HERE


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
    assert again.get_json()["detail"] == "This was already undone."


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


def test_nobody_came_twice_and_here_after_all(desk: Desk) -> None:
    for _ in range(2):
        desk.call_rosa()
        assert desk.do(desk.rosa, "absent").status_code == 200
    assert "Unconfirmed" in desk.row(desk.rosa)
    page = desk.page()
    assert f"{desk.ticket} Rosa Lind was called twice and did not come." in page
    item = re.search(r"/desk/items/(\d+)/here", page)
    assert item
    assert desk.post(f"/desk/items/{item[1]}/here").status_code == 200
    assert desk.entry(desk.rosa).visit.presence is Presence.HERE
    assert f"/desk/items/{item[1]}/" not in desk.page()


def test_a_desk_item_is_taken_by_one(desk: Desk) -> None:
    with desk.db.write() as s:
        visit_id = s.get_one(QueueEntry, desk.rosa).visit_id
        item = desk_items.ask_for_help(s, SYSTEM, datetime.now(UTC), visit_id=visit_id)
        item_id = item.id
    assert f"{desk.ticket} Rosa Lind asks for help." in desk.page()
    assert desk.post(f"/desk/items/{item_id}/take").status_code == 200
    assert "sees to it" in desk.page()
    manager = desk.world.browser("manager")
    late = manager.post(f"/desk/items/{item_id}/take", headers=PANEL)
    assert late.status_code == 409
    assert "is already seeing to this" in late.get_json()["detail"]
    assert desk.post(f"/desk/items/{item_id}/nonsense").status_code == 404
    assert desk.post(f"/desk/items/{item_id}/done").status_code == 200
    assert f"{desk.ticket} Rosa Lind asks for help" not in desk.page()


def test_stranded_may_be_seen_by_anyone(desk: Desk) -> None:
    with desk.db.write() as s:
        other = factories.make_clinician(s, name="Gone Home")
        entry = s.get_one(QueueEntry, desk.rosa)
        entry.preference, entry.wished_clinician_id = PreferenceKind.ONLY, other.id
        site = s.get_one(Site, desk.site_id)
        desk_items.look_for_stranded(s, SYSTEM, datetime.now(UTC), site=site)
    page = desk.page()
    assert f"No one on duty can see {desk.ticket} Rosa Lind." in page
    item = re.search(r"/desk/items/(\d+)/anyone", page)
    assert item
    assert desk.post(f"/desk/items/{item[1]}/anyone").status_code == 200
    assert desk.entry(desk.rosa).preference is PreferenceKind.NONE
    assert "No one on duty" not in desk.page()


def test_fetching_counts_as_a_way_of_calling(desk: Desk) -> None:
    with desk.db.write() as s:
        patient = s.get_one(QueueEntry, desk.rosa).visit.patient
        assert patient
        patient.call_routes = ["fetch"]
    desk.call_rosa()
    refused = desk.do(desk.rosa, "absent")
    assert refused.status_code == 409
    assert "staff going over" in refused.text
    item = re.search(r"/desk/items/(\d+)/went_over", desk.page())
    assert item
    assert desk.post(f"/desk/items/{item[1]}/went_over").status_code == 200
    assert desk.do(desk.rosa, "absent").status_code == 200


@pytest.mark.parametrize(
    ("choice", "entry_class", "note"),
    [("as_booked", "booked", ""), ("shorter", "walk_in", "shorter"), ("wait", "walk_in", "")],
)
def test_too_late_is_decided_at_the_desk(
    desk: Desk, choice: str, entry_class: str, note: str
) -> None:
    appointment_id = desk.ids["appointment_id"]
    with desk.db.write() as s:
        booked = s.get_one(Appointment, appointment_id)
        for name in ("starts_at", "busy_from", "ends_at", "busy_to"):
            setattr(booked, name, getattr(booked, name) - timedelta(minutes=40))
    said = desk.post(f"/desk/bookings/{appointment_id}/check-in").get_json()
    assert "too late to count as booked" in said["said"]
    with desk.db.read() as s:
        item_id = s.scalars(
            sa.select(DeskItem.id).where(DeskItem.kind == str(ItemKind.TOO_LATE))
        ).one()
    assert desk.post(f"/desk/items/{item_id}/{choice}").status_code == 200
    entry = desk.entry(said["entry"])
    assert entry.entry_class == entry_class
    assert note in entry.note
    assert bool(entry.note) == bool(note)
    assert "came too late" not in desk.page()


def test_check_in_from_the_expected_list(desk: Desk) -> None:
    path = f"/desk/bookings/{desk.ids['appointment_id']}/check-in"
    assert path in desk.page()
    answer = desk.post(path)
    assert answer.status_code == 200
    assert "checked in, due by" in answer.get_json()["said"]
    assert path not in desk.page()
    assert desk.post(path).status_code == 409


def test_book_move_cancel_and_no_show(desk: Desk) -> None:
    tomorrow = datetime.now(UTC) + timedelta(hours=26)
    with desk.db.write() as s:
        shift = s.get_one(Shift, desk.ids["shift_id"])
        service_id = shift.services[0].service_id
        clinician = shift.clinician
        later = factories.make_shift(
            s, s.get_one(Site, desk.site_id), clinician, now=tomorrow, is_open=False
        )
        later.day = tomorrow.date()
        clinician_id = clinician.id
        from queueapp.db.models import ClinicianService

        s.merge(ClinicianService(clinician_id=clinician_id, service_id=service_id))
    day = f"{tomorrow.day}.{tomorrow.month}.{tomorrow.year}"
    form = {"service": service_id, "clinician": clinician_id, "day": day}
    looked = desk.post("/desk/here/book", **form, name="Ana Costa", look="1")
    assert looked.status_code == 200
    assert 'value="Ana Costa"' in looked.text
    times = re.findall(r'name="at" value="([^"]+)"', looked.text)
    assert len(times) > 2
    nameless = desk.post("/desk/here/book", **form, at=times[0], name="")
    assert nameless.status_code == 422
    assert "Give the name of the person." in nameless.text
    done = desk.post("/desk/here/book", **form, at=times[0], name="Ana Costa")
    assert done.status_code == 200
    code = re.search(r"code (\w{6})", done.get_json()["said"])
    assert code
    with desk.db.read() as s:
        booked = s.scalars(sa.select(Appointment).where(Appointment.code == code[1])).one()
        booking_id = booked.id
        assert booked.patient
        assert booked.patient.name == "Ana Costa"
    taken = desk.post("/desk/here/book", **form, at=times[0], name="Ben Late")
    assert taken.status_code == 409
    assert 'value="Ben Late"' in taken.text
    over = desk.post(
        "/desk/here/book", **form, at=times[0], name="Ben Late", override="Doctor agreed"
    )
    assert over.status_code == 200
    moved = desk.post(f"/desk/bookings/{booking_id}/move", day=day, at=times[2])
    assert moved.status_code == 200, moved.text
    assert desk.post(f"/desk/bookings/{booking_id}/no-show").status_code == 409
    assert desk.post(f"/desk/bookings/{booking_id}/cancel").status_code == 200
    with desk.db.read() as s:
        assert s.get_one(Appointment, booking_id).state is AppointmentState.CANCELLED


def test_shifts_pause_late_room_hand_over_and_close(desk: Desk) -> None:
    shift_id = desk.ids["shift_id"]
    with desk.db.write() as s:
        shift = s.get_one(Shift, shift_id)
        from queueapp.db.models import Service

        service_row = s.get_one(Service, shift.services[0].service_id)
        other = factories.make_clinician(s, [service_row], "Chidi Okafor").id

    def verb(name: str, **form: Any) -> TestResponse:
        return desk.post(f"/desk/shifts/{shift_id}/{name}", **form)

    assert verb("pause", reason="").status_code == 422
    assert verb("pause", reason="Break", until=desk.clock(15)).status_code == 200
    assert "Break" in desk.page()
    assert verb("resume").status_code == 200
    assert verb("late", minutes="soon").status_code == 422
    assert verb("late", minutes=20).status_code == 200
    assert verb("room", room=desk.ids["other_room_id"]).status_code == 200
    assert verb("hand-over", clinician=other).status_code == 200
    with desk.db.read() as s:
        assert s.get_one(Shift, shift_id).actual_to is not None
        taking = s.scalars(sa.select(Shift).where(Shift.clinician_id == other)).one()
        assert taking.room_id == desk.ids["other_room_id"]
        shift_id = taking.id
    assert verb("close").status_code == 200
    again = desk.post("/desk/here/shifts", clinician=other, room=desk.room_id, until="")
    assert again.status_code == 200
    assert "Chidi Okafor is on shift in" in again.get_json()["said"]
    twice = desk.post("/desk/here/shifts", clinician=other, room=desk.room_id, until="")
    assert twice.status_code == 409
    assert "is already on shift" in twice.text


def test_the_day_closes_once_it_is_said_what_became_of_each(desk: Desk) -> None:
    assert desk.post("/desk/here/day/open").status_code == 200
    with desk.db.write() as s:
        now = datetime.now(UTC)
        calls.call_chosen(s, SYSTEM, now, room_id=desk.room_id, entry_id=desk.rosa)
        service.start(s, SYSTEM, now, entry_id=desk.rosa)
    unsaid = desk.post("/desk/here/day/close", **{f"how-{desk.noor}": "left"})
    assert unsaid.status_code == 409
    assert f'id="how-{desk.rosa}-error"' in unsaid.text
    assert re.search(rf'name="how-{desk.noor}" value="left" checked', unsaid.text)
    said = {
        f"how-{desk.noor}": "not_reached",
        f"how-{desk.rosa}": "finished",
        f"at-{desk.rosa}": "x",
    }
    assert desk.post("/desk/here/day/close", **said).status_code == 422
    said[f"how-{desk.rosa}"] = "not_reached"
    assert desk.post("/desk/here/day/close", **said).status_code == 200
    with desk.db.read() as s:
        assert s.get_one(Site, desk.site_id).closed_day is not None
        assert not s.scalars(sa.select(Visit).where(Visit.site_id == desk.site_id,
                                                    Visit.departed_at.is_(None))).all()  # fmt: skip


def test_every_command_works_as_an_ordinary_form(desk: Desk) -> None:
    answer = desk.client.post(f"/desk/entries/{desk.rosa}/left", data={})
    assert answer.status_code == 303
    assert f"{desk.ticket} Rosa Lind marked as left." in desk.page()
    opened = desk.client.get(f"/desk/entries/{desk.noor}?verb=move")
    assert "Noor El-Sayed" in opened.text
    assert 'class="desk open"' in opened.text
