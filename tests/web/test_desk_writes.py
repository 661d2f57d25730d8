"""What the desk writes and finds: notes, details, conflicts told, papers, search, consequence."""

import re
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from queueapp.actions.looks import record_search
from queueapp.db.models import Appointment, DraftBooking, Look, Note, QueueEntry, Site, VisitEvent
from queueapp.domain.actor import Actor, ActorKind, Role
from queueapp.domain.visit import AppointmentState, EntryState
from tests import factories
from tests.web.desk_world import PANEL, Desk, without_hiding


def panel(desk: Desk, path: str) -> str:
    answer = desk.client.get(path, headers=PANEL)
    assert answer.status_code == 200, answer.text
    return without_hiding(answer.text)


@pytest.mark.both_databases
def test_a_note_is_read_taken_away_and_undone_and_details_are_known_before_calling(
    desk: Desk,
) -> None:
    row = f"/desk/entries/{desk.rosa}"
    assert desk.do(desk.rosa, "note", words=" ").status_code == 422
    said = desk.do(desk.rosa, "note", words="Afraid of needles", about_person="y").get_json()
    assert said["then"] == row
    assert "Afraid of needles" in panel(desk, row)
    assert "Has notes" in desk.row(desk.rosa)
    with desk.db.read() as s:
        note = s.scalars(sa.select(Note)).one()
        assert note.patient_id is not None
        note_id = note.id
        assert "needles" not in str(s.scalars(sa.select(VisitEvent.data)).all())
    gone = desk.post(f"{row}/notes/{note_id}/remove").get_json()
    assert "Afraid of needles" not in panel(desk, row)
    assert desk.post("/desk/here/undo", event=gone["toast"]["event"]).status_code == 200
    assert "Afraid of needles" in panel(desk, row)

    form = {
        "name": "Rosa Lind", "chosen_name": "Rosie", "name_sounds": "ROH-zee", "language": "ar",
        "call_routes": ["fetch"], "access_needs": "hearing loop, interpreter", "phone": "1",
    }  # fmt: skip
    changed = desk.do(desk.rosa, "details", **form).get_json()
    assert changed["name"] == "Rosie", changed
    shown = desk.row(desk.rosa)
    for words in ("Rosie", "Needs hearing loop, interpreter", "Arabic", "Go over to call them"):
        assert words in shown
    before = panel(desk, f"{row}?verb=call")
    before = before[before.index("Before you call") : before.index("To which room")]
    for words in ("Say ROH-zee", "Arabic", "Go over to call them", "Afraid of needles"):
        assert words in before
    assert desk.post("/desk/here/undo", event=changed["toast"]["event"]).status_code == 200
    assert "Rosa Lind" in desk.row(desk.rosa)
    assert "Arabic" not in desk.row(desk.rosa)
    late = desk.do(desk.rosa, "details", **{**form, "birth_date": "1.1.2999"})
    assert late.status_code == 422
    assert "not in the future" in late.text


@pytest.mark.both_databases
def test_the_loser_reads_who_did_what_when(desk: Desk) -> None:
    seen = {}
    for verb in ("left", "out", "absent"):
        opened = panel(desk, f"/desk/entries/{desk.rosa}?verb={verb}")
        found = re.search(r'name="seen" value="(-?\d+)"', opened)
        seen[verb] = found[1] if found else "-1"
    manager = desk.world.browser("manager")
    back = desk.clock(15)
    first = {"back_by": back, "seen": seen["out"]}
    assert (
        manager.post(f"/desk/entries/{desk.rosa}/out", data=first, headers=PANEL).status_code == 200
    )
    lost = desk.do(desk.rosa, "left", seen=seen["left"])
    assert lost.status_code == 409
    with desk.db.read() as s:
        who = s.scalars(sa.select(VisitEvent.actor).where(VisitEvent.kind == "stepped_out")).one()
    assert who.startswith("staff:")
    told = rf"\w[^<]*, \d\d:\d\d: {desk.ticket} stepped out, back by {back}\. Look again"
    assert re.search(told, lost.text), lost.text
    assert desk.entry(desk.rosa).state is EntryState.WAITING
    # Having looked, the second goes ahead: the panel that said so was true as of now.
    again = re.search(r'name="seen" value="(\d+)"', lost.text)
    assert again
    assert desk.do(desk.rosa, "left", seen=again[1]).status_code == 200
    # Without a look (a page of before) the state itself refuses, and says who made it so.
    gone = desk.do(desk.rosa, "out", back_by=back)
    assert gone.status_code in (409, 422)
    assert f"{desk.ticket} marked as left" in gone.text


def test_what_an_act_would_do_is_said_and_nothing_is_done(desk: Desk) -> None:
    with desk.db.read() as s:
        before = s.get_one(Site, desk.site_id).seq
    said = desk.post(f"/desk/entries/{desk.noor}/first/consequence").get_json()["said"]
    with desk.db.read() as s:
        tickets = {e.id: e.visit.ticket for e in s.scalars(sa.select(QueueEntry))}
        assert s.get_one(Site, desk.site_id).seq == before
    assert re.search(rf"{tickets[desk.noor]} \d+ min sooner", said), said
    assert re.search(rf"{desk.ticket} \d+ min later", said), said
    added = desk.post("/desk/here/walk-in/consequence", line="ana blood urgent").get_json()
    assert "The newcomer" in added["said"]
    assert "2 waiting" in desk.page()
    done = desk.do(desk.noor, "first", reason="Carer must leave")
    assert done.status_code == 200
    page = desk.page()
    assert page.index(f'id="row-{desk.noor}"') < page.index(f'id="row-{desk.rosa}"')
    first = desk.post(f"/desk/entries/{desk.noor}/first/consequence").get_json()
    assert "is the first already" in first["refused"]


@pytest.mark.both_databases
def test_a_walk_in_and_a_booking_that_were_mistakes_are_taken_back(desk: Desk) -> None:
    added = desk.post("/desk/here/walk-in", line="ana costa blood").get_json()
    assert desk.post("/desk/here/undo", event=added["toast"]["event"]).status_code == 200
    assert desk.entry(added["entry"]).state is EntryState.CANCELLED
    assert "2 waiting" in desk.page()
    here = desk.post(f"/desk/bookings/{desk.ids['appointment_id']}/check-in").get_json()
    assert desk.post("/desk/here/undo", event=here["toast"]["event"]).status_code == 200
    with desk.db.read() as s:
        booked = s.get_one(Appointment, desk.ids["appointment_id"])
        assert booked.state is AppointmentState.BOOKED
        assert booked.visit_id is None
    assert "2 waiting" in desk.page()


@pytest.mark.both_databases
def test_papers_are_entered_with_their_true_times_all_or_none(desk: Desk) -> None:
    with desk.db.write() as s:
        shift = s.get_one(QueueEntry, desk.rosa).site_id
        assert shift == desk.site_id
        s.execute(
            sa.text("UPDATE shift SET actual_from = :at WHERE id = :id"),
            {"at": _stored(s, datetime.now(UTC) - timedelta(hours=3)), "id": desk.ids["shift_id"]},
        )
    times = {name: desk.clock(n) for name, n in (("came", -90), ("called", -70), ("out", -55))}
    seen = {f"{name}-1": at for name, at in times.items()}
    form = {
        "label-1": "pt7", "line-1": "tomas oliveira blood", **seen, "room-1": desk.room_id,
        "line-2": "ana costa blood", "came-2": desk.clock(-20),
        "line-3": "lea novak blood", "came-3": desk.clock(-40), "left-3": "1",
        "out-3": desk.clock(-50),
    }  # fmt: skip
    wrong = desk.post("/desk/here/paper", **form)
    assert wrong.status_code == 422
    assert 'id="out-3-error"' in wrong.text
    assert "before the step before it" in wrong.text
    assert "2 waiting" in desk.page()
    done = desk.post("/desk/here/paper", **{**form, "out-3": desk.clock(-10)})
    assert "entered from paper" in done.get_json()["said"]
    assert "3 waiting" in desk.page()
    with desk.db.read() as s:
        rows = s.scalars(sa.select(QueueEntry).order_by(QueueEntry.id.desc()).limit(3)).all()
        left, waiting, served = rows
        assert [e.state for e in rows] == [EntryState.LEFT, EntryState.WAITING, EntryState.FINISHED]
        assert served.visit.ticket == "PT7"
        assert served.called_at
        assert served.ended_at
        assert (
            timedelta(minutes=19) <= served.called_at - served.arrived_at <= timedelta(minutes=21)
        )
        assert served.ended_at - served.called_at == timedelta(minutes=15)
        assert not served.promises
        assert waiting.visit.departed_at is None
        assert left.ended_at
    again = desk.post("/desk/here/paper", **{k: v for k, v in form.items() if k.endswith("-1")})
    assert "PT7 was entered already today." in again.text


def _stored(session: object, at: datetime) -> object:
    from queueapp.db.types import UtcInstant

    return UtcInstant().process_bind_param(at, session.get_bind().dialect)  # type: ignore[attr-defined]


@pytest.mark.both_databases
def test_people_are_found_by_what_they_say_and_searching_is_recorded(desk: Desk) -> None:
    with desk.db.write() as s:
        site = s.get_one(Site, desk.site_id)
        booked = s.get_one(Appointment, desk.ids["appointment_id"])
        odile = factories.make_patient(s, "Odile Ångström", phone="+46 70 123 4567")
        booked.patient_id, booked.code = odile.id, "K7MX2P"
        assert site.id == booked.site_id
    assert "Rosa Lind" in panel(desk, "/desk/here/find?q=rós")
    assert "Rosa Lind" in panel(desk, f"/desk/here/find?q={desk.ticket.lower()}")
    assert "Odile" in panel(desk, "/desk/here/find?q=odi")
    assert "Odile" in panel(desk, "/desk/here/find?q=k7mx-2p")
    assert "Nobody by" in panel(desk, "/desk/here/find?q=zzz")
    assert "at least two letters" in panel(desk, "/desk/here/find?q=z")
    with desk.db.read() as s:
        assert s.scalars(sa.select(Look.what)).all() == ["search"]
    # Who works at two clinics is in the record of each where they searched.
    with desk.db.write() as s:
        known = s.scalars(sa.select(Look)).one()
        who = Actor(ActorKind.STAFF, int(known.actor.partition(":")[2]))
        other = s.scalars(sa.select(Site.id).where(Site.slug == "elsewhere")).one()
        for site_id in (desk.site_id, other):
            record_search(s, who, known.looked_at, site_id=site_id)
        looks = sa.select(Look.actor, Look.site_id).order_by(Look.id)
        assert s.execute(looks).all() == [(who.key, desk.site_id), (who.key, other)]


@pytest.mark.both_databases
def test_a_parked_booking_holds_its_time_for_one_and_another_time_frees_it(desk: Desk) -> None:
    _make_it_eleven(desk)
    offered = panel(desk, "/desk/here/book")
    times = re.findall(r'name="at" value="([^"]+)"', offered)
    service = re.search(r'<option[^>]* value="(\d+)">Blood', offered)
    assert service
    form = {"line": "", "read": "", "service": service[1], "clinician": "", "day": _day(desk)}
    person = {"name": "Ana Costa", "birth_date": "", "phone": ""}
    parked = desk.post("/desk/here/book/park", **form, **person, at=times[1]).get_json()
    assert "is kept until" in parked["said"]
    resumed = panel(desk, "/desk/here/book")
    assert 'value="Ana Costa"' in resumed
    assert f'value="{times[1]}" checked' in resumed
    other = desk.world.browser("manager")
    theirs = without_hiding(other.get("/desk/here/book", headers=PANEL).text)
    assert times[1] not in theirs
    assert "Ana Costa" not in theirs
    clash = other.post("/desk/here/book", data={**form, **person, "at": times[1]}, headers=PANEL)
    assert clash.status_code == 409
    told = re.search(r'id="at-error".*?</p>', clash.text, re.S)
    assert told
    assert "Next free: " in told[0]
    booked = desk.post("/desk/here/book", **form, **person, at=times[2])
    assert "Booked for" in booked.get_json()["said"]
    with desk.db.read() as s:
        assert s.scalars(sa.select(DraftBooking)).all() == []
        held = s.scalars(
            sa.select(Appointment).where(Appointment.starts_at == datetime.fromisoformat(times[1]))
        ).one()
        assert held.state is AppointmentState.CANCELLED
    assert desk.post("/desk/here/book", look="y", service="²", at="x").status_code == 200


def test_only_a_manager_is_offered_an_overlap_where_the_site_says_so(desk: Desk) -> None:
    assert 'name="override"' in panel(desk, "/desk/here/book")
    with desk.db.write() as s:
        site = s.get_one(Site, desk.site_id)
        site.settings = {**site.settings, "overlap_by": Role.MANAGER.value}
    assert "only a manager may book over somebody" in panel(desk, "/desk/here/book")
    manager = desk.world.browser("manager").get("/desk/here/book", headers=PANEL)
    assert 'name="override"' in manager.text


def test_the_day_sheet_is_one_file_without_anything_from_elsewhere(desk: Desk) -> None:
    page = desk.client.get("/desk/here/sheet?download=1")
    assert "attachment" in page.headers["Content-Disposition"]
    assert "Rosa Lind" in page.text
    assert not re.search(r'(?:src|href)="(?!data:)', page.text)
    worker = desk.client.get("/desk/worker.js")
    assert "javascript" in worker.headers["Content-Type"]
    worker.close()


def _make_it_eleven(desk: Desk) -> None:
    """Move the clinic to where it is eleven now: towards midnight today has no times left."""
    with desk.db.write() as s:
        site = s.get_one(Site, desk.site_id)
        site.timezone = desk.zone = f"Etc/GMT{datetime.now(UTC).hour - 11:+d}"


def _day(desk: Desk) -> str:
    from queueapp.domain.localtime import to_local

    today = to_local(desk.zone, datetime.now(UTC)).date()
    return f"{today.day}.{today.month}.{today.year}"
