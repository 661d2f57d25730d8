"""The figures equal what anyone can work out from the exported log with csv and NumPy alone."""

import csv
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from click.testing import CliRunner

from queueapp.cli import group
from queueapp.db.models import Site
from queueapp.db.queries.board import load_board
from queueapp.db.session import Database
from queueapp.domain.actor import Role
from tests import factories
from tests.generated_days import GeneratedDays
from tests.web.web_world import SECRET, web_app

LABELS = ("", "booked", "walk_in", "urgent", "onward")
LONDON = ZoneInfo("Europe/London")
# An ordinary day, one on which the clocks go forward, and a night on which they go back.
DAYS = [
    (datetime(2026, 3, 27, 8, tzinfo=UTC), 4.0),
    (datetime(2026, 3, 29, 0, tzinfo=UTC), 2.5),
    (datetime(2026, 10, 24, 23, tzinfo=UTC), 3.5),
]
HAPPENED = {
    "walk_in",
    "book",
    "check_in",
    "no_show",
    "call",
    "undo_call",
    "start",
    "wrong_person",
    "did_not_answer",
    "recall",
    "left_called",
    "leave",
    "step_out",
    "come_back",
    "transfer",
    "undo_transfer",
    "finish",
    "undo_finish",
    "set_aside",
    "not_reached",
    "finished",
}


def instant(text: str) -> datetime | None:
    return datetime.fromisoformat(text).astimezone(UTC) if text else None


def seconds(text: str) -> float:
    return float(text or 0)


def recomputed(path: Path, since: str, until: str, service: str, label: str) -> dict[str, Any]:
    """FORMATS' definition of `metrics`, from the file alone."""

    def first(wall: str) -> datetime:
        return datetime.fromisoformat(wall).replace(tzinfo=LONDON, fold=0).astimezone(UTC)

    rows = [
        row
        for row in csv.DictReader(path.read_text().splitlines())
        if service in ("", row["service"]) and label in ("", row["class"])
    ]
    inside = [r for r in rows if r["arrived_at"]
              and first(since) <= instant(r["arrived_at"]) < first(until)]  # fmt: skip
    waits, active, within, judged = [], [], 0, 0
    for row in inside:
        came = max(filter(None, (instant(row["arrived_at"]), instant(row["scheduled_at"]))))
        met = instant(row["called_at"]) or instant(row["started_at"])
        due, left = instant(row["due_by"]), instant(row["left_at"])
        if met is not None:
            waits.append(max(0.0, (met - came) / timedelta(seconds=1)))
            active.append(max(0.0, waits[-1] - seconds(row["stepped_out_s"])))
            within += met <= due
            judged += 1
        elif row["outcome"] == "left_without_being_seen" and left and left > due:
            judged += 1
    ends = [row["outcome"] for row in inside]
    return {
        "arrived": len(inside),
        "served": ends.count("finished"),
        "left_without_being_seen": ends.count("left_without_being_seen"),
        "not_reached": ends.count("not_reached"),
        "transferred": ends.count("transferred"),
        "no_show": sum(
            r["outcome"] == "no_show" and first(since) <= instant(r["scheduled_at"]) < first(until)
            for r in rows
        ),
        "n": len(waits),
        "median_wait_s": float(np.percentile(waits, 50)) if waits else None,
        "active_median_wait_s": float(np.percentile(active, 50)) if active else None,
        "p90_wait_s": float(np.percentile(waits, 90)) if waits else None,
        "max_wait_s": max(waits, default=None),
        "within_target": within,
        "judged": judged,
        "share_within_target": within / judged if judged else None,
    }


@pytest.fixture
def command(
    fresh_database: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[..., str]:
    monkeypatch.setenv("DATABASE_URL", fresh_database)
    monkeypatch.setenv("SECRET_KEY", SECRET)
    monkeypatch.setenv("QUEUEAPP_VAR", str(tmp_path))

    def run(*words: str | Path) -> str:
        done = CliRunner().invoke(group, [str(word) for word in words])
        assert done.exit_code == 0, done.output
        return done.stdout

    return run


@pytest.mark.both_databases
def test_metrics_equal_the_recomputation_from_the_exported_log(
    fresh_database: str, database: str, command: Callable[..., str], tmp_path: Path
) -> None:
    # The night with the repeated hour is enough to see that PostgreSQL counts alike.
    days = DAYS if database == "sqlite" else DAYS[2:]
    db = Database(fresh_database, secret=SECRET)
    with db.write() as session:
        clinic = GeneratedDays(session, seed=5)
        for since, hours in days:
            clinic.run(since, hours)
        slug, site_id, did = clinic.site.slug, clinic.site.id, clinic.did
        names = {"": "", clinic.gp.slug: clinic.gp.name, clinic.blood.slug: clinic.blood.name}
        token = factories.make_api_token(session, clinic.site, Role.MANAGER)[1]
    if database == "sqlite":
        assert set(did) >= HAPPENED, HAPPENED - set(did)

    log = tmp_path / "log.csv"
    command("export", "log", "--site", slug, "--from", "2026-03-01", "--to", "2026-10-31", log)
    client = web_app(db).test_client()
    ranges = [
        ("2026-03-01", "2026-11-01"),
        ("2026-03-27T08:30", "2026-03-27T11:07:30"),
        ("2026-03-29T00:30", "2026-03-29T02:30"),
        ("2026-10-25T00:00", "2026-10-25T01:00"),
        ("2026-10-25T01:00", "2026-10-25T02:00"),
        ("2026-12-01", "2026-12-02"),
    ]
    arrived = {}
    for since, until in ranges:
        for service, name in names.items():
            for label in LABELS if since == ranges[0][0] else LABELS[:2]:
                query = {"from": since, "to": until, "service": service, "class": label}
                answer = client.get(
                    f"/api/v1/sites/{slug}/metrics",
                    query_string={k: v for k, v in query.items() if v},
                    headers={"Authorization": f"Bearer {token}"},
                )
                assert answer.status_code == 200, answer.text
                found = answer.get_json()
                wanted = recomputed(log, since, until, name, label)
                assert {k: found[k] for k in wanted} == pytest.approx(wanted, abs=1e-6), query
                # Here nothing is cancelled but legs that were taken back, which count nowhere.
                assert found["cancelled"] == 0
                ended = ("served", "left_without_being_seen", "not_reached", "transferred")
                assert sum(found[k] for k in (*ended, "open")) == found["arrived"]
                arrived[since, service, label] = found["arrived"]
    assert arrived["2026-03-01", "", ""] > 20 * len(days)
    assert arrived["2026-10-25T01:00", "", ""] > arrived["2026-10-25T00:00", "", ""] * 1.3
    assert (arrived["2026-03-29T00:30", "", ""] > 0) == (days is DAYS)

    day = ("--from", "2026-10-25", "--to", "2026-10-26", "--site", slug)
    told = json.loads(command("metrics", *day, "--class", "booked", "--json", "-"))
    wanted = recomputed(log, "2026-10-25", "2026-10-26", "", "booked")
    assert {k: told[k] for k in wanted} == pytest.approx(wanted, abs=1e-6)
    assert f" {told['arrived']} " in command("metrics", *day, "--class", "booked")
    with db.read() as session:
        site = session.get_one(Site, site_id)
        for since, hours in days:
            board = load_board(session, site, since + timedelta(hours=hours, minutes=-1))
            first = board.span.start.astimezone(LONDON).replace(tzinfo=None).isoformat()
            last = board.span.end.astimezone(LONDON).replace(tzinfo=None).isoformat()
            assert board.total.arrived > 10
            assert sum(h.booked.arrived + h.others.arrived for h in board.hours[0]) == (
                board.total.arrived
            )
            for row in board.targets:
                wanted = recomputed(log, first, last, row.service.name, row.entry_class)
                f = row.figures
                found = (f.arrived, f.n, f.within, f.judged, f.left, f.not_reached, row.no_shows)
                assert found == tuple(
                    wanted[k]
                    for k in ("arrived", "n", "within_target", "judged",
                              "left_without_being_seen", "not_reached", "no_show")
                ), row  # fmt: skip
                assert (f.median_s, f.p90_s, f.max_s, f.share) == pytest.approx(
                    (wanted["median_wait_s"], wanted["p90_wait_s"], wanted["max_wait_s"],
                     wanted["share_within_target"]), abs=1e-6
                )  # fmt: skip
    db.dispose()
