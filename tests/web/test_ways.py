"""Where pages lead whom: a screen that was ended to its pairing, a manager from desk to board."""

from datetime import UTC, datetime

import sqlalchemy as sa

from queueapp.actions.admin_devices import revoke_device
from queueapp.db.models import Site
from queueapp.domain.actor import SYSTEM
from tests.web.web_world import WebWorld


def test_a_screen_whose_pairing_ended_is_led_to_a_new_one(web_world: WebWorld) -> None:
    screen = web_world.browser("lobby")
    assert screen.get("/lobby/here").status_code == 200
    device_id = web_world.places["here"].credentials["lobby"].id
    with web_world.database.write() as session:
        site = session.scalars(sa.select(Site).where(Site.slug == "here")).one()
        revoke_device(session, SYSTEM, datetime.now(UTC), site_id=site.id, device_id=device_id)
    page = screen.get("/lobby/here", follow_redirects=True).text
    assert "Is this one of the clinic’s screens?" in page
    assert '<a class="btn" href="/pair">' in page
    assert "Is this one of" not in web_world.browser("anonymous").get("/sign-in").text


def test_a_manager_goes_from_the_desk_to_the_board_a_receptionist_not(web_world: WebWorld) -> None:
    for role, leads in (("receptionist", False), ("manager", True), ("admin", True)):
        page = web_world.browser(role).get("/desk/here").text
        assert ('href="/board/here"' in page) is leads
        assert ('href="/admin/here"' in page) is leads


def test_what_went_wrong_is_said_to_people(web_world: WebWorld) -> None:
    receptionist = web_world.browser("receptionist")
    assert "for others who work here" in receptionist.get("/board/here").text
    assert "a slip in it" in receptionist.get("/nowhere").text
