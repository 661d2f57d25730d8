"""One snapshot, one forecast, one range: whatever screen is asked."""

import json
import re
from datetime import UTC, datetime

import pytest
from flask import g

from queueapp.actions.promises import store_forecast
from queueapp.db.models import Site
from queueapp.domain.quantiles import Forecast, JoinTable, Quantiles
from queueapp.realtime.content.lobby import lobby
from queueapp.waits.promise import spoken_range
from tests.web.kiosk_words import ticket
from tests.web.patient_world import PatientWorld
from tests.web.phone_words import join
from tests.web.test_board_lobby import manager


def foresee(world: PatientWorld, said: Quantiles, entry_ids: tuple[int, ...] = ()) -> None:
    # At the full minute: so no range changes while one screen after the other is read.
    now = datetime.now(UTC).replace(second=0, microsecond=0) if entry_ids else datetime.now(UTC)
    with world.db.write() as s:
        site = s.get_one(Site, world.site_id)
        made = Forecast(
            site.seq, now, entries=dict.fromkeys(entry_ids, said), until_s=90_000.0,
            join={(world.doctor_id, None): JoinTable((0, 9), (said, said))},
        )  # fmt: skip
        store_forecast(s, now, site=site, made=made)


def ranges(page: str) -> set[str]:
    """Every range of minutes on a page, as it is read."""
    return set(re.findall(r"\d+–\d+(?= ?min)", re.sub(r"<[^>]+>", "", page)))


def reads(preview: str) -> set[str]:
    """The range that the desk is told while it types."""
    return ranges(json.loads(preview)["told"]["range"])


def in_minutes(answer: dict[str, float]) -> str:
    return f"{answer['low_s'] / 60:.0f}–{answer['high_s'] / 60:.0f}"


@pytest.mark.parametrize(
    ("said", "is_told", "moments_later"),
    [
        (Quantiles(645, 1200, 1440), "10–25", "9–25"),
        (Quantiles(2125, 3000, 4030), "35–70", "30–70"),
    ],
)
def test_every_screen_tells_who_comes_now_the_same_range(
    world: PatientWorld, said: Quantiles, is_told: str, moments_later: str
) -> None:
    foresee(world, said)
    desk, headers = manager(world)
    line = {"line": "doctor Ana Lima"}
    with world.db.read() as s, world.app.test_request_context("/"):
        g.is_live = True
        shown = lobby(s, s.get_one(Site, world.site_id), datetime.now(UTC), None)
    told = {
        "kiosk": ranges(world.kiosk().get("/kiosk/harbour").text),
        "phone": ranges(world.phone().get("/phone/harbour").text),
        "desk": reads(desk.post("/desk/harbour/walk-in/preview", data=line).text),
        "lobby": ranges("".join(map(str, shown.values()))),
        "ticket": ranges(ticket(world).text),
    }
    browser = world.phone()
    assert join(world, browser).status_code == 303
    # On the phone time runs: from now on the least of it is a moment away.
    (joined,) = ranges(browser.get("/phone/ticket").text)
    assert joined in {is_told, moments_later}
    answer = world.app.test_client().post(
        "/api/v1/sites/harbour/entries", headers=headers, json={"service": "gp-consultation"}
    )
    told["program"] = {in_minutes(answer.get_json()["promised_wait"])}
    assert {screen: is_told in found for screen, found in told.items()} == dict.fromkeys(told, True)


def test_every_screen_tells_who_waits_the_same_range(world: PatientWorld) -> None:
    foresee(world, Quantiles(0, 60, 300))
    browser = world.phone()
    join(world, browser)
    (entry,) = world.entries()
    # Ends within a minute of where the next step of a spoken range begins.
    foresee(world, Quantiles(2125, 3000, 4190), (entry.id,))
    desk, headers = manager(world)
    state = world.app.test_client().get("/api/v1/sites/harbour/state", headers=headers).get_json()
    wait = state["entries"][0]["estimated_wait"]
    row = re.search(rf'<tr id="row-{entry.id}".*?</tr>', desk.get("/desk/harbour").text, re.S)
    assert row
    (on_phone,) = ranges(browser.get("/phone/ticket").text)
    low, high = spoken_range(wait["low_s"], wait["high_s"])
    assert {on_phone} == ranges(row[0]) == {f"{low}–{high}"}
