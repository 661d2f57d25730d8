"""Every route and every channel against everyone who may come, here and from a second clinic."""

from collections.abc import Iterator
from typing import Any

import pytest
from werkzeug.routing import Rule

from queueapp.db.session import Database
from queueapp.realtime.channels import HEARERS
from queueapp.web import errors
from queueapp.web.sockets import Live
from tests.databases import PostgresqlMaker, SqliteMaker
from tests.web.access_table import (
    ADMIN,
    ALL,
    CHANNELS,
    EVENTS,
    NOBODY,
    PATIENT,
    ROOM,
    ROUTES,
    WORDS,
)
from tests.web.web_world import SECRET, WebWorld, built

pytestmark = pytest.mark.both_databases

EVERYONE = [(role, "here") for role in sorted(ALL)]
STRANGERS = [(role, "elsewhere") for role in sorted(ALL - {NOBODY})]
PARTS_OF_A_SITE = {
    f"{row}_id" for row in ("room", "entry", "visit", "shift", "item", "appointment")
}
PARTS_OF_A_SITE.add("site")
TOKENS = ("receptionist", "clinician", "manager", "admin", "patient")


@pytest.fixture(scope="module")
def world(
    database_maker: SqliteMaker | PostgresqlMaker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[WebWorld]:
    url = database_maker.make()
    database = Database(url, secret=SECRET)
    world = WebWorld(database, built(database))
    for endpoint, view in world.app.view_functions.items():
        if endpoint != "static":
            world.app.view_functions[endpoint] = only_guarded(view)
    # Who is let in is asked here thousands of times: no page that says so, no counting of tries.
    world.app.extensions["queueapp.limiter"].enabled = False
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(errors, "page", lambda status, detail: (detail, status))
        yield world
    database.dispose()
    database_maker.drop(url)


def only_guarded(view: Any) -> Any:
    """The guard of a route, with nothing behind it."""

    def guarded(**arguments: Any) -> str:
        view.let_in(arguments)
        return "let in"

    return guarded


def rules(world: WebWorld) -> list[Rule]:
    return list(world.app.url_map.iter_rules())


def test_every_route_has_a_row_and_every_row_a_route(world: WebWorld) -> None:
    assert {rule.endpoint for rule in rules(world)} == set(ROUTES)


def test_every_kind_of_channel_has_a_row() -> None:
    assert set(HEARERS) == set(CHANNELS)


@pytest.mark.parametrize(("role", "come_from"), EVERYONE + STRANGERS)
def test_a_route_lets_in_whom_its_row_names(
    world: WebWorld, database: str, role: str, come_from: str
) -> None:
    browser = world.browser(role, come_from)
    bearer = world.bearer(role, come_from)
    wrong = []
    for rule in rules(world) if database == "sqlite" else one_of_a_kind(rules(world)):
        is_api = rule.endpoint.startswith("api.")
        for method in sorted(rule.methods - {"HEAD", "OPTIONS"}):
            path, headers = path_of(world, rule), bearer if is_api else {}
            with browser.open(path, method=method, headers=headers) as answer:
                status = answer.status_code
            is_known = role in TOKENS or not is_api
            expected = may_open(rule, role, come_from) and (
                is_known or ROUTES[rule.endpoint] == ALL
            )
            if (status == 200) != expected or not (status == 200 or is_refusal(answer, come_from)):
                wrong.append(f"{method} {rule.rule}: {status}, expected {expected}")
    assert wrong == []


def one_of_a_kind(rules: list[Rule]) -> list[Rule]:
    """Of the routes for which the database is asked the same, one.

    It is asked who somebody is, and whose a part of the URL is; the rest is compared in Python.
    """
    kinds = {
        (
            frozenset(ROUTES[rule.endpoint]),
            frozenset(rule.arguments & PARTS_OF_A_SITE),
            rule.endpoint.startswith("api."),
        ): rule
        for rule in rules
    }
    return list(kinds.values())


def path_of(world: WebWorld, rule: Rule) -> str:
    values = {name: world.places["here"].ids.get(name, WORDS.get(name)) for name in rule.arguments}
    missing = [name for name, value in values.items() if value is None]
    assert not missing, f"say in WORDS what {missing} of {rule.rule} may be"
    return rule.build(values)[1]  # type: ignore[index]


def may_open(rule: Rule, role: str, come_from: str) -> bool:
    row = ROUTES[rule.endpoint]
    names_a_site = bool(rule.arguments & PARTS_OF_A_SITE)
    if row == ALL:
        return True
    if names_a_site and come_from == "elsewhere" and role != ADMIN:
        return False
    if role == "other room":
        return ROOM in row and "room_id" not in rule.arguments
    return role in row


def is_refusal(answer: Any, come_from: str) -> bool:
    """401 or 403; for a page also the way to sign in, for a stranger also "there is no such"."""
    if answer.status_code == 302:
        return bool(answer.headers["Location"].startswith("/sign-in"))
    return answer.status_code in (401, 403) or (
        come_from == "elsewhere" and answer.status_code == 404
    )


def test_a_cookie_opens_no_call_of_the_api(world: WebWorld) -> None:
    answer = world.browser("manager").get("/api/v1/sites")
    assert answer.status_code == 401
    assert answer.content_type == "application/problem+json"


@pytest.fixture
def silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Live, "start", lambda self: None)


def joined(world: WebWorld, role: str, come_from: str, auth: dict[str, Any]) -> set[str]:
    """The channels a socket of that one is put in; empty where it is turned away."""
    live: Live = world.app.extensions["queueapp.live"]
    client = live.socketio.test_client(
        world.app,
        auth=auth,
        flask_test_client=world.browser(role, come_from),
        headers={"Origin": "http://localhost"},
    )
    if not client.is_connected():
        return set()
    sids = live.socketio.server.manager.rooms["/"]
    found = {
        name
        for name, members in sids.items()
        if name and ":" in name and not name.startswith("beat:") and members
    }
    client.disconnect()
    return found


def every_channel(world: WebWorld) -> set[str]:
    names = set()
    for slug, place in world.places.items():
        names |= {f"{kind}:{slug}" for kind in CHANNELS if kind not in ("room", "visit")}
        names |= {f"room:{place.ids['room_id']}", f"room:{place.ids['other_room_id']}"}
        names.add(f"visit:{place.ids['visit_id']}")
    return names


def may_hear(world: WebWorld, role: str, come_from: str) -> set[str]:
    names = set()
    for slug, place in world.places.items():
        if slug != come_from and role != ADMIN:
            continue
        for kind, who in CHANNELS.items():
            rooms = {f"room:{place.ids['room_id']}", f"room:{place.ids['other_room_id']}"}
            if kind == "room" and role in ("room", "other room"):
                names.add(f"room:{place.ids['room_id' if role == 'room' else 'other_room_id']}")
            elif role in who:
                visit = {f"visit:{place.ids['visit_id']}"}
                names |= (
                    rooms if kind == "room" else visit if kind == "visit" else {f"{kind}:{slug}"}
                )
    return names


@pytest.mark.usefixtures("silent")
@pytest.mark.parametrize(("role", "come_from"), EVERYONE + STRANGERS)
def test_who_asks_for_every_channel_gets_those_of_the_row(
    world: WebWorld, role: str, come_from: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("queueapp.web.sockets._MOST_WANTED", 100)
    want = {"want": sorted(every_channel(world))}
    assert joined(world, role, come_from, want) == may_hear(world, role, come_from)
    token = world.places[come_from].tokens.get(role)
    if token:
        auth = {**want, "token": token}
        assert joined(world, NOBODY, "here", auth) == may_hear(world, role, come_from)


@pytest.mark.usefixtures("silent")
def test_a_token_that_asks_for_nothing_hears_what_the_formats_say(world: WebWorld) -> None:
    here = world.places["here"]
    manager = {"token": here.tokens["manager"]}
    assert joined(world, NOBODY, "here", manager) == {"lobby:here", "desk:here", "board:here"}
    visit = {"token": here.tokens[PATIENT]}
    assert joined(world, NOBODY, "here", visit) == {"line:here", f"visit:{here.ids['visit_id']}"}


@pytest.mark.usefixtures("silent")
@pytest.mark.parametrize("token", ["", "wrong", 7, None])
def test_a_wrong_token_is_turned_away_even_with_a_good_cookie(world: WebWorld, token: Any) -> None:
    assert joined(world, "manager", "here", {"token": token}) == set()


def test_a_socket_is_only_heard_coming_and_going(world: WebWorld) -> None:
    server = world.app.extensions["queueapp.live"].socketio.server
    assert set(server.handlers["/"]) == EVENTS
    assert set(server.handlers) == {"/"}
