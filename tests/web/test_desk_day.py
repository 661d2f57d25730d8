"""Desk items, bookings, shifts and the day, as a receptionist sees to them."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from werkzeug.test import TestResponse

from queueapp.actions import calls, desk_items, service
from queueapp.actions.desk_items import ItemKind
from queueapp.db.models import Appointment, DeskItem, QueueEntry, Shift, Site, Visit
from queueapp.domain.actor import SYSTEM
from queueapp.domain.visit import AppointmentState, PreferenceKind, Presence
from tests import factories
from tests.web.desk_world import PANEL, Desk


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


@pytest.mark.both_databases
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


@pytest.mark.both_databases
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


@pytest.mark.both_databases
def test_check_in_from_the_expected_list(desk: Desk) -> None:
    path = f"/desk/bookings/{desk.ids['appointment_id']}/check-in"
    assert path in desk.page()
    answer = desk.post(path)
    assert answer.status_code == 200
    assert "checked in, due by" in answer.get_json()["said"]
    assert path not in desk.page()
    assert desk.post(path).status_code == 409


@pytest.mark.both_databases
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


@pytest.mark.both_databases
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


@pytest.mark.both_databases
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
