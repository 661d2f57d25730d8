"""The forecast's benchmark measures a room that uses what rooms have, and says what it measured."""

import json

from click.testing import CliRunner

from queueapp.commands.bench import group
from queueapp.commands.bench_forecast import PLANNED_S, busy_morning, history
from queueapp.domain.visit import PreferenceKind, Presence
from queueapp.waits.durations import learn
from queueapp.waits.forecast import forecast


def test_the_benchmark_says_the_median_beside_its_floor() -> None:
    asked = ["forecast", "--waiting", "6", "--expected", "2", "--draws", "20", "--rounds", "2"]
    run = CliRunner().invoke(group, [*asked, "--json", "-"])
    assert run.exit_code == 0, run.output
    said = json.loads(run.output)
    for figures in (said, said["with_walk_ins"]):
        assert figures["median_ms"] > 0
        assert figures["floor_ms"] > 0
        assert figures["ratio"] > 1
    assert said["people"] == 6 + 2 < said["with_walk_ins"]["people"]
    assert {"cpu_model", "cores", "database", "commit"} <= said.keys()
    assert (said["waiting"], said["threads"], said["generated"]) == (6, 1, True)


def test_the_room_it_measures_uses_what_rooms_have() -> None:
    room = busy_morning(1)
    assert busy_morning(1) == room != busy_morning(2)
    assert (len(room.waiting), len(room.expected), len(room.shifts)) == (60, 12, 6)
    assert {c.preference for c in room.waiting} == set(PreferenceKind)
    assert {c.presence for c in room.waiting} >= {Presence.HERE, Presence.OUT}
    assert len({s.services for s in room.shifts}) > 2
    assert room.breaks
    assert any(not s.is_open for s in room.shifts)
    said = forecast(room, learn(history(1), service_default_s=PLANNED_S), draws=50)
    assert said.entries.keys() == {c.entry_id for c in room.waiting}
    assert sum(q.not_reached < 0.1 for q in said.entries.values()) > 50
    assert said.booked
