"""The room before a call: risk, notes, names that hide, what it costs others, alarms, keys."""

import re
from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask import g

from queueapp.actions import alarms, learning, notes, order
from queueapp.actions.forecasting import Forecaster
from queueapp.db.models import DeskItem, QueueEntry, Site
from queueapp.domain.actor import Actor, ActorKind, Role
from queueapp.domain.snapshot import Habits
from queueapp.domain.visit import EntryState
from queueapp.realtime.content.room import room
from queueapp.waits.durations import learn
from tests import factories
from tests.web.room_words import event_in, untimed, words
from tests.web.room_world import RoomWorld

MARTA = Actor(ActorKind.STAFF, 1, "Marta")


def forecast(rooms: RoomWorld) -> None:
    Forecaster(rooms.db).refresh(rooms.site_id, rooms.now)


@pytest.mark.both_databases
def test_risk_notes_and_the_chosen_name_are_there_before_the_call(rooms: RoomWorld) -> None:
    entry_id = rooms.waits(
        "Alexandra Quispe", minutes=29, patient={"chosen_name": "Alex"}, target_minutes=25
    )
    with rooms.db.write() as s:
        marta = factories.make_staff(s, s.get_one(Site, rooms.site_id), Role.RECEPTIONIST)
        marta.name = "Marta Lenz"
        by = Actor(ActorKind.STAFF, marta.id, marta.name)
        entry = s.get_one(QueueEntry, entry_id)
        notes.write_note(s, by, rooms.now, visit_id=entry.visit_id, words="Blue coat")
        notes.write_note(
            s, by, rooms.now, visit_id=entry.visit_id, words="Needles: lies down", about_person=True
        )
    assert "to miss it" not in words(rooms.look())  # nothing is guessed without a forecast
    forecast(rooms)
    said = untimed(words(rooms.look()))
    assert f"Call next: Alex, {rooms.ticket(entry_id)}" in said
    assert "Alex (Alexandra Quispe)" in said
    assert "Very likely to miss it, 100 %" in said
    assert "Blue coat Marta Lenz 10:00" in said
    assert "Needles: lies down Marta Lenz" in said


def test_every_name_can_be_hidden_and_stays_hidden_on_that_device(rooms: RoomWorld) -> None:
    rooms.seen("Ann Lee", patient={"name_sounds": "an LEE"})
    rooms.waits("Bob Meier", minutes=5)
    dee = rooms.waits("Bob Maier", minutes=4)
    panels: list[dict[str, object]] = [
        {},
        {"panel": "others"},
        {"panel": "history", "entry": dee},
        {"panel": "call-one", "entry": dee},
    ]
    for panel in panels:
        page = rooms.look(**panel)
        assert "Bob" in words(page)
        # What the style sheet takes away while names are hidden, and nothing more.
        left = re.sub(r'<(span|small) class="(?:[^"]* )?pn">.*?</\1>', "", page, flags=re.S)
        text = re.sub(r"<[^>]+>", " ", left)
        assert re.findall(r"\b(?:Ann|Lee|LEE|Bob|Meier|Maier)\b", text) == [], (panel, text)
    tablet = rooms.tablet()
    assert 'data-names="hidden"' not in tablet.get(f"/room/{rooms.room_ids[0]}").text
    tablet.set_cookie("names", "hidden")
    assert 'data-names="hidden"' in tablet.get(f"/room/{rooms.room_ids[0]}").text


def test_calling_another_first_says_what_it_costs_and_calls_nobody(rooms: RoomWorld) -> None:
    line = [
        rooms.waits(name, minutes=n)
        for name, n in (("Ann Lee", 24), ("Bob May", 22), ("Cy Orr", 20), ("Dee Pan", 1))
    ]
    ann, bob, _, dee = line
    before = rooms.facts()
    html = rooms.look(panel="call-one", entry=dee, shift=rooms.shift_ids[0])
    assert rooms.facts() == before
    told = words(html[html.index("data-told") :])
    assert f"Dee Pan ({rooms.ticket(dee)}) is called now" in told
    # The other doctor takes Ann meanwhile, so it is the two behind her who wait longer.
    assert f"{rooms.ticket(bob)} Bob May" in told
    assert "Ann Lee" not in told
    assert re.search(r"\d+ min later", told)
    assert "Who waits longer than if you called the next one" in told
    assert f"Call {rooms.ticket(dee)} now" in told
    # Whom the others' turn is not taken from costs nobody anything.
    told = words(rooms.look(panel="call-one", entry=ann, shift=rooms.shift_ids[0]))
    assert "Nobody waits longer; nobody newly misses the target" in told
    assert "Who waits longer" not in told
    rooms.done("call-one", entry=dee)
    assert rooms.state(dee) is EntryState.CALLED
    # What cannot be done is said in the preview already, in the same words.
    refused = rooms.refused("call-one", entry=ann)
    assert refused in words(rooms.look(panel="call-one", entry=ann, shift=rooms.shift_ids[0]))


def test_who_usually_walks_in_is_drawn_but_not_counted(rooms: RoomWorld) -> None:
    rooms.waits("Ann Lee")
    with rooms.db.write() as s:
        hours = {(rooms.gp_id, "walk_in", hour): 2.0 for hour in range(24)}
        learning.store_learned(
            s, rooms.now, site_id=rooms.site_id, habits=Habits(arrivals_per_hour=hours),
            durations=learn([], service_default_s={rooms.gp_id: 600.0}),
        )  # fmt: skip
    assert "walk-in" not in rooms.look()  # without a forecast nobody knows how long they take
    forecast(rooms)
    with rooms.db.write() as s:
        learning.store_learned(
            s, rooms.now + timedelta(seconds=1), site_id=rooms.site_id,
            habits=Habits(arrivals_per_hour=hours),
            durations=learn([], service_default_s={rooms.gp_id: 600.0}),
        )  # fmt: skip
    html = rooms.look()
    drawn = html.count('class="chip-likely"')
    # Two doctors share two an hour for the seven hours that are left; two hours are drawn.
    assert 1 <= drawn <= 5
    found = re.search(r"(\d) left before (\d\d:\d\d) .*? and about (\d+) more walk in", words(html))
    assert found
    assert found[1] == "1"
    assert 4 <= int(found[3]) <= 9


@pytest.mark.both_databases
@pytest.mark.parametrize("how", ["kiosk", "desk"])
def test_an_emergency_alarms_every_room_at_once_until_somebody_is_there(
    rooms: RoomWorld, how: str
) -> None:
    busy, waiting = rooms.seen("Bob May"), rooms.waits("Ann Lee", minutes=2)
    heard: list[int] = []
    rooms.db.on_commit(lambda change: heard.append(change.seq))
    with rooms.db.write() as s:
        if how == "desk":
            order.change_class(s, MARTA, rooms.now, entry_id=waiting, entry_class="emergency")
        else:
            site = s.get_one(Site, rooms.site_id)
            kiosk, _ = factories.make_device(s, site, "kiosk")
            entry = s.get_one(QueueEntry, waiting)
            entry.entry_class, entry.band = "emergency", 0
            actor = Actor(ActorKind.DEVICE, kiosk.id, kiosk.name)
            alarms.raise_alarm(s, actor, rooms.now, entry=entry)
    assert len(heard) == 1  # one change, and with it every channel of the site is told
    where = "at the kiosk" if how == "kiosk" else "in the waiting room"
    said = f"Emergency: {rooms.ticket(waiting)} {where}. Go there now."
    with rooms.app.test_request_context(), rooms.db.read() as s:
        g.is_live = True
        site = s.get_one(Site, rooms.site_id)
        told = [words(room(s, site, rooms.now, n)["html"]) for n in rooms.room_ids]
    assert all(said in one for one in told), told
    with rooms.db.read() as s:
        item = s.scalars(sa.select(DeskItem).where(DeskItem.visit_id.is_not(None))).one().id
    assert rooms.done("going", room=2, item=item) == "Dr Chidi Okafor, Room 2: going."
    assert "Dr Chidi Okafor, Room 2 is going." in words(rooms.look())
    assert "is already seeing to this" in rooms.refused("going", item=item)
    # Who is called and has come in alarms nobody any more.
    rooms.done("finish", entry=busy)
    rooms.done("call", expect=waiting)
    assert "Emergency:" in words(rooms.look(room=2))
    rooms.done("start", entry=waiting)
    assert "Emergency:" not in words(rooms.look(room=2))


def test_one_who_is_no_emergency_after_all_alarms_nobody(rooms: RoomWorld) -> None:
    entry_id = rooms.waits("Ann Lee")
    for entry_class, alarmed in (("emergency", True), ("walk_in", False)):
        with rooms.db.write() as s:
            order.change_class(s, MARTA, rooms.now, entry_id=entry_id, entry_class=entry_class)
        assert ("Emergency:" in words(rooms.look(room=2))) is alarmed
    with rooms.db.read() as s:
        assert alarms.open_alarms(s, rooms.site_id) == []


def test_the_help_sheet_names_every_key_that_a_button_carries(rooms: RoomWorld) -> None:
    first = rooms.called("Ann Lee", patient={"call_routes": ["fetch"]})
    rooms.waits("Bob May", minutes=5)
    shown = rooms.look()
    rooms.done("start", entry=first)
    shown += rooms.look()
    keys = set(re.findall(r'data-key="(.)"', shown))
    assert {"a", "g", "n", "w", "f", "t", "s", "d", "u", "p", "o", "h", "m"} <= keys
    sheet = rooms.look(panel="keys")
    explained = set(re.findall(r"<kbd>(.)</kbd>", sheet))
    assert {key.upper() for key in keys} <= explained
    assert event_in(shown)
