"""Administration of who may come in: logins, tokens, screens, the record, and set-up."""

import csv
import io
import re
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from queueapp.actions.admin_devices import pair
from queueapp.actions.admin_staff import disable_login
from queueapp.actions.setup import make_setup_code
from queueapp.db.models import (
    AdminChange,
    ApiToken,
    Device,
    Look,
    Membership,
    QueueEntry,
    Site,
    Staff,
)
from queueapp.db.session import Database
from queueapp.domain.actor import SYSTEM, Role
from queueapp.domain.refusal import Refused
from tests import factories
from tests.web.admin_world import Office, said
from tests.web.web_world import SECRET, web_app


@pytest.mark.both_databases
def test_logins_are_given_by_a_link_that_works_once_and_ended_at_once(office: Office) -> None:
    answer = office.send(
        "/admin/here/staff/new",
        {"name": "Marta", "email": "Marta@example.org", "roles": ["receptionist"]},
    )
    link = re.search(r"http://localhost(/password/[\w-]+)", answer.text)
    assert link
    stranger = office.world.browser("anonymous")
    chosen = {"password": "walrus over the harbour", "again": "walrus over the harbour"}
    wrong = stranger.post(link[1], data={**chosen, "again": "something else"})
    assert "This is not the same password." in said(wrong)
    assert stranger.post(link[1], data=chosen).headers["Location"] == "/sign-in"
    assert stranger.post(link[1], data=chosen).status_code == 404
    stranger.post("/sign-in", data={"email": "marta@example.org", "password": chosen["password"]})
    assert stranger.get("/desk/here").status_code == 200

    with office.db.read() as s:
        marta = s.scalars(sa.select(Staff).where(Staff.email == "marta@example.org")).one()
        path = f"/admin/here/staff/{marta.id}"
        marta_id = marta.id
        admin = s.scalars(
            sa.select(Membership.staff_id).where(Membership.role == Role.ADMIN)
        ).first()
    # Another role ends the session that the old one was signed in with.
    assert "Saved." in said(office.send(path, {"roles": ["clinician"]}))
    assert stranger.get("/desk/here").status_code == 302
    stranger.post("/sign-in", data={"email": "marta@example.org", "password": chosen["password"]})
    assert stranger.get("/desk/here").status_code == 403
    office.client.post(f"{path}/disabled", data={"disabled": "yes"})
    assert stranger.get("/").headers["Location"] == "/sign-in"

    # What a manager may not: admins, oneself, and whoever also works elsewhere.
    assert office.client.get(f"/admin/here/staff/{admin}").status_code == 404
    answer = office.send("/admin/here/staff/new", {
        "name": "Eve", "email": "eve@example.org", "roles": ["admin"],
    })  # fmt: skip
    assert answer.status_code == 422
    with office.db.write() as s:
        elsewhere = s.scalars(sa.select(Site).where(Site.slug == "elsewhere")).one()
        s.add(Membership(staff_id=marta_id, site_id=elsewhere.id, role=Role.MANAGER))
        here_id = s.scalars(sa.select(Site.id).where(Site.slug == "here")).one()
        me = s.scalars(
            sa.select(Staff.id).where(Staff.email == office.world.places["here"].emails["manager"])
        ).one()
    assert office.client.post(f"{path}/link").status_code == 403
    assert office.client.post(f"{path}/disabled", data={"disabled": "no"}).status_code == 403
    answer = office.send(f"/admin/here/staff/{me}", {"roles": ["receptionist"]})
    assert "You cannot change your own roles." in said(answer)
    # An admin who also works here stays one, whatever the manager ticks.
    with office.db.write() as s:
        s.add(Membership(staff_id=admin, site_id=here_id, role=Role.RECEPTIONIST))
    assert "Saved." in said(office.send(f"/admin/here/staff/{admin}", {"roles": ["clinician"]}))
    with office.db.write() as s:
        theirs = s.scalars(sa.select(Membership.role).where(Membership.staff_id == admin))
        assert set(theirs) == {Role.ADMIN, Role.CLINICIAN}
        # The last admin is disabled by nobody, not by another admin's program either.
        for one in s.scalars(
            sa.select(Staff).join(Membership).where(Membership.role == Role.ADMIN)
        ):
            one.disabled_at = None if one.id == admin else datetime.now(UTC)
    with pytest.raises(Refused) as refused, office.db.write() as s:
        disable_login(
            s, SYSTEM, datetime.now(UTC), reach=None, site_id=here_id, staff_id=admin, disabled=True
        )
    assert refused.value.code == "last_admin"


@pytest.mark.both_databases
def test_tokens_and_screens_are_shown_once_work_and_end(office: Office) -> None:
    answer = office.client.post("/admin/here/tokens", data={"name": "Wall", "role": "manager"})
    token = re.search(r"<code data-copy-text>([\w-]+)</code>", answer.text)
    assert token
    bearer = {"Authorization": f"Bearer {token[1]}"}
    program = office.world.browser("anonymous")
    assert program.get("/api/v1/sites", headers=bearer).status_code == 200
    assert token[1] not in office.page("/admin/here/tokens")
    with office.db.read() as s:
        token_id = s.scalars(sa.select(ApiToken.id).where(ApiToken.name == "Wall")).one()
        site_id = s.scalars(sa.select(Site.id).where(Site.slug == "here")).one()
        assert token[1] not in str(s.execute(sa.select(AdminChange.__table__)).all())
    office.client.post(f"/admin/here/tokens/{token_id}/revoke")
    assert program.get("/api/v1/sites", headers=bearer).status_code == 401

    def code(path: str = "/admin/here/devices", **form: str) -> str:
        page = office.client.post(path, data=form).text
        found = re.search(r'data-code><bdi dir="ltr">([\d ]+)</bdi>', page)
        assert found
        return found[1]

    typed = code(name="Lobby, left wall", kind="lobby", room="")
    screen = office.world.browser("anonymous")
    assert screen.post("/pair", data={"code": "0000 0000"}).status_code == 422
    assert screen.post("/pair", data={"code": typed}).headers["Location"] == "/lobby/here"
    assert screen.get("/lobby/here").status_code == 200
    assert office.world.browser("anonymous").post("/pair", data={"code": typed}).status_code == 422
    with office.db.read() as s:
        device = s.scalars(sa.select(Device).where(Device.name == "Lobby, left wall")).one()
        assert device.site_id == site_id
        device_id = device.id
    # Paired again, the old browser is no screen any more; revoked, none is.
    other = office.world.browser("anonymous")
    typed = code(f"/admin/here/devices/{device_id}/code")
    assert other.post("/pair", data={"code": typed}).status_code == 303
    assert (screen.get("/lobby/here").status_code, other.get("/lobby/here").status_code) == (
        302,
        200,
    )
    office.client.post(f"/admin/here/devices/{device_id}/revoke")
    assert other.get("/lobby/here").status_code == 302
    # A code ends by time, and by too many wrong ones.
    typed = code(name="Kiosk", kind="kiosk", room="")
    for n in range(30):
        with office.db.write() as s:
            assert admin_pair(s, f"{n:08d}") is None
    assert screen.post("/pair", data={"code": typed}).status_code == 422
    typed = code(name="Kiosk", kind="kiosk", room="")
    with office.db.write() as s:
        assert admin_pair(s, typed, timedelta(minutes=11)) is None
        assert admin_pair(s, typed) is not None
    assert "Choose the room this tablet stands in." in said(
        office.client.post("/admin/here/devices", data={"name": "T", "kind": "room", "room": ""})
    )


def admin_pair(session: Session, code: str, later: timedelta = timedelta(0)) -> str | None:
    return pair(session, datetime.now(UTC) + later, code=code)


@pytest.mark.both_databases
def test_the_record_says_who_did_and_who_looked_by_person_and_time(office: Office) -> None:
    here = office.world.places["here"].ids
    with office.db.write() as s:
        site_id = s.scalars(sa.select(Site.id).where(Site.slug == "here")).one()
        marta = factories.make_staff(s, s.get_one(Site, site_id), Role.RECEPTIONIST, name="=Marta")
        entry = s.get_one(QueueEntry, here["entry_id"])
        ticket = entry.visit.ticket
        look = {"visit_id": entry.visit_id, "what": "visit", "looked_at": datetime.now(UTC)}
        s.add(Look(site_id=site_id, actor=f"staff:{marta.id}", **look))
        key = f"staff:{marta.id}"
    office.send("/admin/here/rooms/new", {"name": "9"})
    every = said(office.client.get("/admin/here/record"))
    assert f"=Marta Looked at the details of {ticket}" in every
    assert "Added a room 9" in every
    only = said(office.client.get(f"/admin/here/record?who={key}"))
    assert "Added a room" not in only
    assert "Looked at the details" in only
    past = (
        "since[day]=1&since[month]=1&since[year]=2020&until[day]=2&until[month]=1&until[year]=2020"
    )
    assert "Nothing in this time." in said(office.client.get(f"/admin/here/record?{past}"))
    rows = list(csv.reader(io.StringIO(office.client.get("/admin/here/record.csv").text)))
    assert rows[0][:2] == ["when", "who"]
    assert {(r[1], r[4], r[5]) for r in rows[1:]} >= {("'=Marta", "visit", ticket)}
    elsewhere = Office(office.world, place="elsewhere")
    assert (
        ticket not in said(elsewhere.client.get("/admin/elsewhere/record")).split("From and to")[1]
    )


@pytest.mark.both_databases
def test_set_up_from_nothing_opens_once_with_the_servers_code(fresh_database: str) -> None:
    database = Database(fresh_database, secret=SECRET)
    browser = web_app(database).test_client()
    assert browser.get("/").headers["Location"] == "/setup"
    with database.write() as s:
        code = make_setup_code(s, datetime.now(UTC))
    assert code
    given = {
        "code": "AAAA-AAAA-AAAA", "site_name": "Hill Road", "timezone": "Europe/London",
        "name": "Anna", "email": "anna@example.org", "password": "walrus over the harbour",
        "again": "walrus over the harbour",
    }  # fmt: skip
    answer = browser.post("/setup", data=given)
    assert "This is not the code that the server printed" in said(answer)
    answer = browser.post("/setup", data={**given, "code": code, "timezone": "Mars/Olympus"})
    assert "Time zone: “Mars/Olympus” is not a known time zone." in said(answer)
    answer = browser.post("/setup", data={**given, "code": code.lower()})
    assert answer.headers["Location"] == "/sign-in?next=/admin/hill-road"
    browser.post("/sign-in", data={"email": given["email"], "password": given["password"]})
    page = said(browser.get("/admin/hill-road"))
    assert "6 of 6 steps are still to do" in page
    stranger = web_app(database).test_client()
    assert stranger.get("/setup").headers["Location"] == "/"
    assert stranger.post("/setup", data={**given, "code": code}).headers["Location"] == "/"
    with database.write() as s:
        assert make_setup_code(s, datetime.now(UTC)) is None
    database.dispose()
