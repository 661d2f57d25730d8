"""What leaves a process: only what changed, in order of seq, and beats only while all is true."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy.orm import Session

from queueapp.actions.base import note
from queueapp.db.models import Site
from queueapp.domain.actor import SYSTEM
from queueapp.domain.events import Kind
from queueapp.realtime import content
from queueapp.realtime.audience import Audience, Listener
from queueapp.realtime.channels import Channel
from queueapp.realtime.publish import Publisher, beat_room
from tests.factories import make_visit
from tests.web.test_statements import asked
from tests.web.web_world import WebWorld


class Wire:
    """What was sent, and to whom."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, dict[str, Any], str, list[str]]] = []

    def emit(
        self, event: str, data: dict[str, Any], room: str, skip: list[str] | None = None
    ) -> None:
        self.sent.append((event, data, room, skip or []))

    def updates(self, room: str = "") -> list[dict[str, Any]]:
        return [d for event, d, r, _ in self.sent if event == "update" and room in ("", r)]

    def beats(self) -> list[tuple[dict[str, Any], str, list[str]]]:
        return [(d, room, skip) for event, d, room, skip in self.sent if event == "heartbeat"]


class Stage:
    """A publisher on a real database with screens that say what the site is called."""

    def __init__(self, world: WebWorld) -> None:
        self.world, self.wire = world, Wire()
        self.renders: list[str] = []
        self.broken: set[str] = set()
        self.publisher = Publisher(world.app, world.database, Audience(), self.wire)
        with world.database.read() as session:
            self.site_id = session.query(Site).filter_by(slug="here").one().id
        self.lobby = Channel("lobby", self.site_id, "lobby:here")
        self.desk = Channel("desk", self.site_id, "desk:here")

    def says(self, kind: str) -> Callable[..., dict[str, Any]]:
        def render(
            session: Session, site: Site, now: datetime, subject: int | None
        ) -> dict[str, Any]:
            self.renders.append(kind if subject is None else f"{kind}:{subject}")
            if kind in self.broken:
                raise ZeroDivisionError(kind)
            return {"html": site.name if kind != "desk" else f"{site.seq}"}

        return render

    def join(self, sid: str, *channels: Channel, ticks: bool = False) -> None:
        self.publisher.joined(Listener(sid, channels))
        self.publisher.round(ticks=ticks)

    def change(self, kind: Kind = Kind.SETTINGS_CHANGED, name: str = "", **facts: Any) -> int:
        """A committed change; the publisher hears of it only when it looks."""
        with self.world.database.write() as session:
            site = session.get_one(Site, self.site_id)
            site.name = name or site.name
            note(session, SYSTEM, datetime.now(UTC), kind, site_id=site.id, **facts)
        with self.world.database.read() as session:
            return session.get_one(Site, self.site_id).seq


@pytest.fixture
def stage(web_world: WebWorld, monkeypatch: pytest.MonkeyPatch) -> Stage:
    stage = Stage(web_world)
    kinds = ("lobby", "desk", "visit")
    monkeypatch.setattr(content, "_renders", {kind: stage.says(kind) for kind in kinds})
    return stage


def test_a_newcomer_is_told_what_the_channel_says_now(stage: Stage) -> None:
    seq = stage.change(name="Harbour Street")
    stage.join("a", stage.lobby)
    (update,) = stage.wire.updates()
    assert (update["channel"], update["seq"], update["html"]) == (
        "lobby:here",
        seq,
        "Harbour Street",
    )
    stage.wire.sent.clear()
    stage.join("b", stage.lobby)
    assert [(r, d["html"]) for _, d, r, _ in stage.wire.sent] == [("b", "Harbour Street")]
    assert stage.renders == ["lobby"]


def test_only_what_changed_is_sent_and_seq_never_goes_back(stage: Stage) -> None:
    stage.join("a", stage.lobby, stage.desk, ticks=True)
    stage.wire.sent.clear()
    seqs = [stage.change()]
    stage.publisher.heard(stage.site_id, seqs[-1])
    stage.publisher.round(ticks=False)
    assert [d["channel"] for d in stage.wire.updates()] == ["desk:here"]
    for _ in range(5):
        stage.change()
    seqs.append(stage.change(name="New name"))
    stage.publisher.heard(stage.site_id, seqs[-1])
    stage.publisher.heard(stage.site_id, seqs[0])
    stage.publisher.round(ticks=False)
    assert [d["seq"] for d in stage.wire.updates("desk:here")] == seqs
    assert [d["seq"] for d in stage.wire.updates("lobby:here")] == seqs[-1:]
    stage.publisher.round(ticks=False)
    assert len(stage.wire.updates()) == 3


def test_a_change_nobody_told_of_is_found_by_looking(stage: Stage) -> None:
    stage.join("a", stage.desk, ticks=True)
    stage.wire.sent.clear()
    seq = stage.change()
    stage.publisher.round(ticks=False)
    assert stage.wire.updates() == []
    stage.publisher.round(ticks=True)
    assert [d["seq"] for d in stage.wire.updates()] == [seq]
    beat, room, _ = next(b for b in stage.wire.beats() if b[0]["site"] == "here")
    assert (beat["seq"], room) == (seq, beat_room(stage.site_id))
    # The change first, then the word that all is well.
    assert stage.wire.sent[0][0] == "update"


def test_a_screen_that_cannot_be_rendered_hears_no_heartbeat_until_it_can(stage: Stage) -> None:
    stage.broken.add("lobby")
    stage.join("lobby", stage.lobby)
    stage.join("desk", stage.desk)
    stage.publisher.round(ticks=True)
    assert [d["channel"] for d in stage.wire.updates()] == ["desk:here"]
    skipped = {d["site"]: skip for d, _, skip in stage.wire.beats()}
    assert skipped["here"] == ["lobby"]
    stage.broken.clear()
    stage.wire.sent.clear()
    stage.publisher.round(ticks=True)
    assert [d["channel"] for d in stage.wire.updates()] == ["lobby:here"]
    assert all(skip == [] for _, _, skip in stage.wire.beats())


def test_no_heartbeat_while_the_database_does_not_answer(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.join("a", stage.desk, ticks=True)
    stage.wire.sent.clear()
    seq = stage.change()
    with monkeypatch.context() as broken:
        broken.setattr(stage.world.database, "read", lambda: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            stage.publisher.round(ticks=True)
    assert stage.wire.sent == []
    stage.publisher.round(ticks=True)
    assert [d["seq"] for d in stage.wire.updates()] == [seq]


def test_a_newcomer_who_could_not_be_told_is_told_later(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(stage.world.database, "read", lambda: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            stage.join("a", stage.desk)
    stage.publisher.round(ticks=False)
    assert len(stage.wire.updates()) == 1


def test_a_phones_own_channel_is_rendered_only_when_its_visit_changed(stage: Stage) -> None:
    with stage.world.database.write() as session:
        site = session.get_one(Site, stage.site_id)
        mine, other = make_visit(session, site), make_visit(session, site)
    stage.join("phone", Channel("visit", stage.site_id, f"visit:{mine.id}", mine.id), ticks=True)
    stage.renders.clear()
    for kind, facts in [
        (Kind.STEPPED_OUT, {"visit_id": other.id}),
        (Kind.FORECAST_STORED, {}),
    ]:
        stage.change(kind, **facts)
        stage.publisher.round(ticks=True)
    assert stage.renders == []
    stage.change(Kind.STEPPED_OUT, visit_id=mine.id)
    stage.publisher.round(ticks=True)
    assert stage.renders == [f"visit:{mine.id}"]
    stage.change(Kind.ROOM_CHANGED)
    stage.publisher.round(ticks=True)
    assert len(stage.renders) == 2


def test_a_broken_phone_channel_is_tried_again_without_another_change(stage: Stage) -> None:
    with stage.world.database.write() as session:
        visit = make_visit(session, session.get_one(Site, stage.site_id))
    stage.join("phone", Channel("visit", stage.site_id, f"visit:{visit.id}", visit.id), ticks=True)
    stage.broken.add("visit")
    seq = stage.change(Kind.STEPPED_OUT, name="Moved", visit_id=visit.id)
    stage.publisher.round(ticks=True)
    stage.broken.clear()
    stage.publisher.round(ticks=True)
    assert stage.wire.updates()[-1]["seq"] == seq
    assert stage.wire.updates()[-1]["html"] == "Moved"


def test_nothing_is_rendered_for_nobody(stage: Stage) -> None:
    stage.join("a", stage.desk)
    stage.publisher.left("a")
    stage.renders.clear()
    stage.change()
    stage.publisher.round(ticks=True)
    assert stage.renders == []
    stage.join("b", stage.desk)
    assert stage.renders == ["desk"]


def test_a_site_is_served_for_its_own_listeners_alone(stage: Stage) -> None:
    """However many listen at others, or at none: no beat, no look and no rendering for those."""
    with stage.world.database.read() as session:
        elsewhere = session.query(Site).filter_by(slug="elsewhere").one().id

    def asked_by(sites: int) -> int:
        stage.publisher.heard(stage.site_id, stage.change(name=f"Name {sites}"))
        with asked(stage.world.database) as statements:
            stage.publisher.round(ticks=False)
        return len(statements)

    stage.join("a", stage.lobby, ticks=True)
    assert {d["site"] for d, _, _ in stage.wire.beats()} == {"here"}
    alone = asked_by(1)
    for n in range(200):
        there = Channel("lobby", elsewhere, f"lobby:elsewhere-{n}")
        stage.publisher.joined(Listener(f"there-{n}", (there,)))
    stage.publisher.round(ticks=True)
    assert {d["site"] for d, _, _ in stage.wire.beats()} == {"here", "elsewhere"}
    stage.renders.clear()
    assert asked_by(2) == alone
    assert stage.renders == ["lobby"]
    for n in range(200):
        stage.publisher.left(f"there-{n}")
    stage.wire.sent.clear()
    stage.publisher.heard(elsewhere, 10_000)
    stage.publisher.round(ticks=True)
    assert {d["site"] for d, _, _ in stage.wire.beats()} == {"here"}
    assert stage.publisher._told.sites() == [stage.site_id]
