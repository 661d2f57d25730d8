"""Two processes of one clinic, with a Redis between them: what one renders, the other passes on."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.orm import Session

from queueapp.actions.base import note
from queueapp.config import load
from queueapp.db.models import Site
from queueapp.db.unit import Committed
from queueapp.domain.actor import SYSTEM
from queueapp.domain.events import Kind
from queueapp.realtime import content, peers
from queueapp.realtime.audience import Audience, Listener
from queueapp.realtime.channels import Channel
from queueapp.realtime.pokes import Pokes
from queueapp.realtime.publish import Publisher
from queueapp.realtime.seal import Seal
from queueapp.realtime.told import Said
from tests import services
from tests.conftest import need
from tests.system.listeners import within
from tests.web.test_publish import Wire
from tests.web.web_world import SECRET, WebWorld

SOON_S = 20.0


@pytest.fixture(scope="module")
def redis_url() -> Iterator[str]:
    need("redis-server")
    with services.redis() as url:
        yield url


class Process:
    """A publisher with screens of its own, whose loop is the test."""

    def __init__(self, world: WebWorld, redis_url: str, secret: str = SECRET) -> None:
        self.world, self.wire = world, Wire()
        environment = {"SECRET_KEY": secret * 2, "DATABASE_URL": "sqlite:////x"}
        self.pokes = Pokes(redis_url, Seal(load(environment), Path(__file__).parent))
        self.publisher = Publisher(world.app, world.database, Audience(), self.wire, self.pokes)
        self.pokes.listen(self.publisher, lambda: None)

    def open(self, *channels: Channel) -> None:
        for n, channel in enumerate(channels):
            self.publisher.joined(Listener(f"s{n}", (channel,)))
        self.publisher.round(ticks=True)
        names = {channel.name for channel in channels}
        assert within(SOON_S, lambda: self.pokes._subscribed == names)
        self.wire.sent.clear()

    def seqs(self, channel: Channel) -> list[int]:
        return [update["seq"] for update in self.wire.updates(channel.name)]


class Stage:
    """A clinic with a desk and a lobby, and who rendered what."""

    def __init__(self, world: WebWorld) -> None:
        self.world, self.rendered = world, list[str]()
        self.processes: list[Process] = []
        with world.database.read() as session:
            self.site_id = session.query(Site).filter_by(slug="here").one().id
        self.desk = Channel("desk", self.site_id, "desk:here")
        self.lobby = Channel("lobby", self.site_id, "lobby:here")

    def process(self, redis_url: str, secret: str = SECRET) -> Process:
        self.processes.append(Process(self.world, redis_url, secret))
        return self.processes[-1]

    def render(
        self, _session: Session, site: Site, _now: datetime, _subject: int | None
    ) -> dict[str, Any]:
        self.rendered.append(f"{site.seq}")
        return {"html": f"as of {site.seq}"}

    def change(self, at: Process | None = None) -> int:
        """A committed change; `at` one of the processes, or by one that has no screens."""
        with self.world.database.write() as session:
            note(session, SYSTEM, datetime.now(UTC), Kind.SETTINGS_CHANGED, site_id=self.site_id)
        with self.world.database.read() as session:
            seq = session.get_one(Site, self.site_id).seq
        if at:
            at.publisher.committed(Committed(self.site_id, seq, ()))
        return seq


@pytest.fixture
def stage(web_world: WebWorld, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    stage = Stage(web_world)
    monkeypatch.setattr(content, "_renders", dict.fromkeys(("desk", "lobby"), stage.render))
    yield stage
    for process in stage.processes:
        process.pokes.stop()


def test_what_one_renders_the_other_passes_on_and_never_back_in_time(
    stage: Stage, redis_url: str
) -> None:
    one, other = (stage.process(redis_url) for _ in range(2))
    one.open(stage.desk)
    other.open(stage.desk, stage.lobby)
    stage.rendered.clear()
    seq = stage.change(one)
    # The other waits for what was promised to it, renders what it alone has, and beats only after.
    assert within(SOON_S, lambda: other.publisher._peers.expects(stage.site_id, "desk:here"))
    other.publisher.round(ticks=True)
    assert (other.seqs(stage.desk), other.seqs(stage.lobby)) == ([], [seq])
    assert other.wire.beats() == []
    one.publisher.round(ticks=False)
    assert within(SOON_S, lambda: other.seqs(stage.desk) == [seq])
    other.publisher.round(ticks=False)
    assert stage.rendered == [f"{seq}"] * 2
    assert other.wire.updates("desk:here")[0]["html"] == f"as of {seq}"
    assert [beat["seq"] for beat, _, _ in other.wire.beats()] == [seq]

    # Of what the worker changes the same one speaks.
    forecast = stage.change()
    Pokes(redis_url).tell(Committed(stage.site_id, forecast, ()))
    assert within(SOON_S, lambda: other.publisher._peers.expects(stage.site_id, "desk:here"))
    assert within(SOON_S, lambda: one.publisher._newest[stage.site_id] == forecast)
    one.publisher.round(ticks=False)
    assert within(SOON_S, lambda: other.seqs(stage.desk) == [seq, forecast])

    # What comes late is older than what the screen has by now.
    newest = stage.change()
    other.publisher.round(ticks=True)
    assert other.seqs(stage.desk) == [seq, forecast, newest]
    for late in (seq, newest):
        other.publisher.passed_on(stage.site_id, "desk:here", Said(late, {"html": "of old"}))
    assert other.seqs(stage.desk) == [seq, forecast, newest]
    ahead = Said(newest + 1, {"html": "news"})  # the control: what is newer is told
    other.publisher.passed_on(stage.site_id, "desk:here", ahead)
    assert other.wire.updates("desk:here")[-1]["html"] == "news"


def test_what_was_promised_and_does_not_come_is_rendered_by_who_waits(
    stage: Stage, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = (stage.process(redis_url) for _ in range(2))
    one.open(stage.desk)
    other.open(stage.desk)

    def waits() -> bool:
        return other.publisher._peers.expects(stage.site_id, "desk:here")

    # The one that promised is killed: it renders nothing.
    monkeypatch.setattr(peers, "PATIENCE_S", 0.3)
    seqs = [stage.change(one)]
    assert within(SOON_S, waits)
    other.publisher.round(ticks=True)
    assert other.seqs(stage.desk) == []
    time.sleep(0.3)
    other.publisher.round(ticks=False)
    assert other.seqs(stage.desk) == seqs
    assert [beat["seq"] for beat, _, _ in other.wire.beats()] == seqs
    # Nothing more is expected of it: the worker's next change is rendered at once.
    seqs.append(stage.change())
    Pokes(redis_url).tell(Committed(stage.site_id, seqs[-1], ()))
    assert within(SOON_S, lambda: other.publisher._newest[stage.site_id] == seqs[-1])
    other.publisher.round(ticks=False)
    assert other.seqs(stage.desk) == seqs

    # Its screen has left before it was told, as one whose page is loaded anew.
    monkeypatch.setattr(peers, "PATIENCE_S", 60.0)
    one.publisher.round(ticks=False)
    seqs.append(stage.change(one))
    assert within(SOON_S, waits)
    one.publisher.left("s0")
    assert within(SOON_S, lambda: not waits())
    other.publisher.round(ticks=False)
    assert other.seqs(stage.desk) == seqs


def test_what_another_copy_says_is_not_shown(stage: Stage, redis_url: str) -> None:
    """One with another secret that was given the same Redis."""
    one, other, kin = (stage.process(redis_url, s) for s in ("another" * 3, SECRET, SECRET))
    for process in (one, other, kin):
        process.open(stage.desk)
    seq = stage.change(one)
    assert within(SOON_S, lambda: other.publisher._newest[stage.site_id] == seq)
    assert not other.publisher._peers.expects(stage.site_id, "desk:here")
    # Nor where somebody who has the Redis sends it in another's place.
    sealed = one.pokes._seal.close(topic := kin.pokes._topic("desk:here"), b'["x", 1, [999, {}]]')
    assert kin.pokes._seal.open(topic, sealed) is None
    ours = kin.pokes._seal.close(topic, b"[]")
    assert other.pokes._seal.open(topic, ours) == b"[]"  # the control
    assert other.pokes._seal.open(other.pokes._topic("lobby:here"), ours) is None
