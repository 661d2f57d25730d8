"""What the board and the lobby tell: in the figures of the day, in plain words, and of whom."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import g

from queueapp.actions import arrivals, calls, presence, service, shift_pauses
from queueapp.actions.arrivals import Newcomer
from queueapp.actions.sign_ins import begin_sign_in
from queueapp.actions.wishes import Wishes, tell_wishes
from queueapp.db.models import QueueEntry, Service, Shift, Site
from queueapp.db.queries.administration import kept_targets
from queueapp.domain.actor import SYSTEM, Role
from queueapp.domain.refusal import Refused
from queueapp.realtime.content.board import board
from queueapp.realtime.content.lobby import lobby
from tests import factories
from tests.web.patient_world import PatientWorld


def comes(world: PatientWorld, minutes_ago: float, name: str = "", **wanted: Any) -> QueueEntry:
    when = datetime.now(UTC) - timedelta(minutes=minutes_ago)
    with world.db.write() as s:
        wanted = {"service_id": world.doctor_id, **wanted}
        if name:
            wanted["newcomer"] = Newcomer(name=name)
        return arrivals.take_ticket(
            s, SYSTEM, when, site_id=world.site_id, despite_limits=True, **wanted
        )


def do(world: PatientWorld, action: Any, **arguments: Any) -> Any:
    with world.db.write() as s:
        return action(s, SYSTEM, datetime.now(UTC), **arguments)


def said(world: PatientWorld, content: Any) -> dict[str, Any]:
    with world.db.read() as s, world.app.test_request_context("/"):
        g.is_live = True
        return content(s, s.get_one(Site, world.site_id), datetime.now(UTC), None)


def manager(world: PatientWorld) -> tuple[Any, dict[str, str]]:
    with world.db.write() as s:
        site = s.get_one(Site, world.site_id)
        token = factories.make_api_token(s, site, Role.MANAGER)[1]
        staff = factories.make_staff(s, site, Role.MANAGER)
        signed_in = begin_sign_in(s, datetime.now(UTC), staff=staff).credential
        user = f"{signed_in.id}:{signed_in.stamp}"
    client = world.app.test_client()
    with client.session_transaction() as session:
        session["_user_id"] = user
        session["staff_since"] = datetime.now(UTC).timestamp()
    return client, {"Authorization": f"Bearer {token}"}


@pytest.mark.both_databases
def test_the_board_opens_with_what_is_missed_and_names_nobody(world: PatientWorld) -> None:
    for n in range(8):
        comes(world, 90 - n, name=f"Secret Person{n}")
    waiting = [comes(world, 1).visit.ticket for _ in range(2)]
    for _ in range(8):
        entry = do(world, calls.call_next, room_id=world.rooms[0])
        do(world, service.start, entry_id=entry.id)
        do(world, service.finish, entry_id=entry.id)
    for n in range(2):
        do(world, presence.leave, entry_id=comes(world, 80 + n).id)
    page = said(world, board)["html"]
    assert "<b>GP consultation walk-ins miss their target:</b> 0 % called within 60 min" in page
    assert "0 of 10" in page
    assert "Missing" in page
    assert "20 % of 10" not in page
    assert "17 % of 12 who came" in page
    assert "Secret" not in page
    assert not [ticket for ticket in waiting if ticket in page]  # nothing is forecast for them yet
    with world.db.read() as s:
        # Administration counts as the board does: who left too late was not called in time.
        doctor = s.get_one(Service, world.doctor_id)
        assert kept_targets(s, doctor, datetime.now(UTC)) == {"walk_in": (10, 0)}

    client, _ = manager(world)
    assert page.split("<section")[1][:200] in client.get("/board/harbour").text
    for query in ("", f"?of={world.doctor_id}:walk_in&over=12w"):
        assert client.get(f"/board/harbour/trend{query}").status_code == 200
    assert client.get("/board/harbour/trend?over=ever").status_code == 404
    assert client.get("/board/harbour/trend?of=all").status_code == 404


def test_who_is_turned_away_is_counted_apart_and_once(world: PatientWorld) -> None:
    world.change(Service, world.blood_id, waiting_limit=0)
    kiosk, form = world.kiosk(), {"well": "no", "service": world.blood_id, "idempotency_key": "k1"}
    for _ in range(2):
        assert kiosk.post("/kiosk/harbour/ticket", data=form).status_code == 409
    phone = {"what": f"{world.blood_id}:other", "presence": "here", "who": "anyone"}
    assert world.phone().post("/phone/harbour", data=phone).status_code == 422
    _, headers = manager(world)
    client = world.app.test_client()

    def figures(**query: str) -> tuple[int, ...]:
        found = client.get(
            "/api/v1/sites/harbour/metrics", headers=headers, query_string=query
        ).get_json()
        names = ("turned_away", "left_without_being_seen", "not_reached", "arrived")
        return tuple(found[name] for name in names)

    assert figures() == (2, 0, 0, 0)
    assert figures(service="blood-test") == (2, 0, 0, 0)
    assert figures(service="gp-consultation") == figures(**{"class": "booked"}) == (0, 0, 0, 0)
    wrong = client.get(
        "/api/v1/sites/harbour/metrics?from=2026-01-02&to=2026-01-01", headers=headers
    )
    assert (wrong.status_code, wrong.get_json()["errors"][0]["field"]) == (422, "to")


@pytest.mark.both_databases
def test_the_lobby_shows_a_name_only_to_who_asked_for_it_and_only_while_called(
    world: PatientWorld,
) -> None:
    shy, bold = comes(world, 5, name="Shy Person"), comes(world, 4, name="Bold Person")
    told = Wishes(calls=["sight"], show_name=True)
    do(world, tell_wishes, visit_id=bold.visit_id, wishes=told)
    do(world, calls.call_next, room_id=world.rooms[0])
    first = said(world, lobby)
    do(world, calls.call_next, room_id=world.rooms[1])
    second = said(world, lobby)
    assert shy.visit.ticket in first["html"]
    assert "Shy" not in str(first) + str(second)
    assert "Bold Person" in second["html"]
    assert [call.get("name") for call in second["calls"]] == ["Bold Person", None]
    do(world, service.start, entry_id=bold.id)
    assert "Bold" not in str(said(world, lobby))
    # Told anew without it, the name is hidden again.
    with pytest.raises(Refused):
        do(world, tell_wishes, visit_id=bold.visit_id, wishes=Wishes(calls=["shout"]))
    do(world, tell_wishes, visit_id=bold.visit_id, wishes=Wishes(calls=["sight"]))
    with world.db.read() as s:
        assert not s.get_one(QueueEntry, bold.id).visit.patient.name_on_lobby


@pytest.mark.both_databases
def test_the_lobby_says_delays_and_targets_in_plain_words(world: PatientWorld) -> None:
    with world.db.read() as s:
        shifts = [row.id for row in s.query(Shift).order_by(Shift.id)]
    assert "notice" not in said(world, lobby)["html"]
    do(world, shift_pauses.declare_delay, shift_id=shifts[0], delay=timedelta(minutes=13))
    assert "Some doctor visits run about 15 minutes late." in said(world, lobby)["html"]
    do(world, shift_pauses.declare_delay, shift_id=shifts[1], delay=timedelta(minutes=15))
    assert "<b>Doctor visits run about 15 minutes late.</b>" in said(world, lobby)["html"]

    for n in range(6):
        comes(world, 70 if n < 2 else 5)
    for _ in range(4):
        entry = do(world, calls.call_next, room_id=world.rooms[0])
        do(world, service.start, entry_id=entry.id)
        do(world, service.finish, entry_id=entry.id)
    assert "too few to say yet" in said(world, lobby)["html"]
    do(world, calls.call_next, room_id=world.rooms[0])
    page = said(world, lobby)["html"]
    assert "aim 80 %" in page
    assert "<b>60 %</b> not yet" in page
    assert "With appointment" not in page

    client, _ = manager(world)
    assert 'data-theme="dark"' in client.get("/lobby/harbour").text
    with world.db.write() as s:
        site = s.get_one(Site, world.site_id)
        site.settings = {**site.settings, "lobby_light": True}
    assert 'data-theme="light"' in client.get("/lobby/harbour").text
