"""A promise that was told anew: the same reason on phone, lobby and desk, in words."""

import re
from datetime import UTC, datetime

import pytest
from flask import g
from flask.testing import FlaskClient

from queueapp.actions.revisions import REASONS, URGENT_MANY
from queueapp.db.models import Promise, QueueEntry, Site
from queueapp.languages import OFFERED, force_locale, reason_words
from queueapp.realtime.content.desk import context, desk_view
from queueapp.realtime.content.lobby import lobby
from tests.web.patient_world import PatientWorld
from tests.web.phone_words import clock
from tests.web.test_board_lobby import comes, said

# As the lobby says them to everybody, and what is left of them there.
ON_THE_LOBBY = {
    "An urgent patient came in.": ": an urgent patient came in.",
    "3 urgent patients came in.": ": 3 urgent patients came in.",
    "Your clinician is running 20 min late.": ": a clinician is running 20 min late.",
    "A clinician is running 20 min late.": ": a clinician is running 20 min late.",
    "Visits before yours take longer than usual.": ".",
}
APOLOGY = "We are sorry: it takes longer still. The desk knows."


def revise(world: PatientWorld, entry_id: int, reason: str, number: int = 2) -> Promise:
    with world.db.write() as s:
        first = s.get_one(QueueEntry, entry_id).promises[0]
        ends = (first.low_at, first.high_at) if number == 2 else (None, None)
        new = Promise(
            entry_id=entry_id, number=number, told_at=datetime.now(UTC), low_at=ends[0],
            high_at=ends[1], basis="forecast", reason=reason,
        )  # fmt: skip
        s.add(new)
    return new


def desk_words(world: PatientWorld, entry_id: int) -> str:
    with world.db.read() as s, world.app.test_request_context("/"):
        g.is_live = True
        view = desk_view(s, s.get_one(Site, world.site_id), datetime.now(UTC))
        line = view.line(entry_id)
        assert line
        assert context(view, s.get_one(Site, world.site_id))
        return line.why


def notice(world: PatientWorld) -> str:
    found = re.search(r'<footer class="notice".*?<p><b>(.*?)</b>', said(world, lobby)["html"], re.S)
    return found[1] if found else ""


def test_every_reason_there_is_is_tried_here() -> None:
    numbered = {reason % {"num": 20} for reason in REASONS if reason != URGENT_MANY}
    assert {*numbered, "3 urgent patients came in."} == {*ON_THE_LOBBY, APOLOGY}


@pytest.mark.one_database
@pytest.mark.parametrize("language", sorted({*OFFERED} - {"en"}))
def test_every_reason_is_said_whole_in_every_language(world: PatientWorld, language: str) -> None:
    with world.app.test_request_context("/"), force_locale(language):
        for reason in {*ON_THE_LOBBY, APOLOGY}:
            words = reason_words(reason)
            assert words not in ("", reason)
            assert "%" not in words
            assert [*re.findall(r"\d+", reason)] in ([], re.findall(r"\d+", words))


@pytest.mark.parametrize("reason", ON_THE_LOBBY)
def test_the_reason_is_read_on_phone_lobby_and_desk(
    world: PatientWorld, phone: FlaskClient, reason: str
) -> None:
    entry_id = world.entries()[0].id
    assert notice(world) == ""
    new = revise(world, entry_id, reason)
    assert f"{reason} We’re sorry." in phone.get("/phone/ticket").text
    assert notice(world) == f"Doctor visits take longer than we said{ON_THE_LOBBY[reason]}"
    assert desk_words(world, entry_id).endswith(f"Told anew at {clock(new.told_at)}: {reason}")

    # A second slip is a plain apology without a range; the lobby does not repeat it.
    revise(world, entry_id, APOLOGY, number=3)
    text = phone.get("/phone/ticket").text
    assert "It takes longer than we said" in text
    assert APOLOGY in text
    assert notice(world).startswith("Doctor visits take longer")
    assert "Blood test" not in notice(world)
    assert comes(world, 0).visit.ticket not in notice(world)
