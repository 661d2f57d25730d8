"""A generated day against a served app: nothing lost, doubled or out of order, all of it seen."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest

from queueapp.integrations.visit_log import LogRow, write_log
from tests.served import Served
from tests.system.house import House

DAY = "2026-01-13"
BEGINS = datetime(2026, 1, 13, 9, tzinfo=UTC)
LEAVERS = 2
SERVED = 18


def _log(path: Path) -> Path:
    """Twenty arrivals in half an hour for three clinicians of differing skills; two leave."""
    dice = Random(7)
    skills = {"S01": ["PS"], "S02": ["PS", "Eye Test"], "S03": ["Eye Test"]}
    free = dict.fromkeys(skills, BEGINS)
    rows = []
    for n in range(SERVED + LEAVERS):
        at = BEGINS + timedelta(seconds=90 * n + dice.randrange(60))
        label = dice.choice(["regular", "regular", "priority"])
        if n % 10 == 9:
            rows.append(
                LogRow(str(n), "PS", label, "left_without_being_seen", arrived_at=at,
                       left_at=at + timedelta(seconds=20))
            )  # fmt: skip
            continue
        who = min(free, key=lambda name: free[name])
        starts = max(at, free[who]) + timedelta(seconds=30)
        free[who] = ends = starts + timedelta(seconds=dice.randrange(120, 400))
        rows.append(
            LogRow(str(n), dice.choice(skills[who]), label, "finished", arrived_at=at,
                   started_at=starts, finished_at=ends, clinician=who)
        )  # fmt: skip
    write_log(path, rows, "Europe/London")
    return path


def _replay(served: Served, log: Path) -> dict[str, object]:
    token = served.told("token", "add", "--role", "manager", "--site", "demo").strip()
    out = log.with_suffix(".json")
    served.told(
        "replay", str(log), "--day", DAY, "--url", served.url, "--token", token,
        "--lobbies", "3", "--phones", "8", "--json", str(out),
    )  # fmt: skip
    figures: dict[str, object] = json.loads(out.read_text())
    return figures


@pytest.mark.one_database
def test_a_day_is_replayed_without_loss(house: House, tmp_path: Path) -> None:
    log = _log(tmp_path / "log.csv")
    house.served.told("demo", "--from-log", str(log))
    figures = _replay(house.served, log)
    assert figures["arrived"] == SERVED + LEAVERS
    assert figures["served"] == SERVED + LEAVERS - figures["left"]
    assert 0 <= figures["left"] <= LEAVERS
    assert (figures["lost"], figures["duplicated"], figures["order_violations"]) == (0, 0, 0)
    latency = figures["latency_ms"]
    assert 0 < latency["p50"] <= latency["p99"]
    assert latency["n"] >= 3 * SERVED
    assert figures["lobby_views_missed"] == 0
    assert figures["sockets"]["went_back"] == 0
    assert figures["sockets"]["phones"] == 8
