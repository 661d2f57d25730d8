"""Administration as a manager meets it: what is saved, refused, recorded, ended."""

import csv
import io
import re
from datetime import UTC, date, datetime, time, timedelta

import pytest
import sqlalchemy as sa

from queueapp.actions import admin_services
from queueapp.actions.admin_record import version_of
from queueapp.actions.admin_staff import disable_login
from queueapp.db.models import (
    AdminChange,
    ApiToken,
    Clinician,
    Device,
    Look,
    Membership,
    OpeningHour,
    QueueEntry,
    Reason,
    Room,
    Service,
    ServiceTarget,
    ShiftPattern,
    Site,
    Staff,
)
from queueapp.domain.actor import SYSTEM, Role
from queueapp.domain.refusal import Refused
from queueapp.domain.rules import SiteRules
from queueapp.web.admin.settings_words import GROUPS
from tests import factories
from tests.web.admin_world import Office, form_of, said
from tests.web.web_world import WebWorld


@pytest.fixture
def office(web_world: WebWorld) -> Office:
    return Office(web_world)


def seq(office: Office, slug: str = "here") -> int:
    with office.db.read() as s:
        return s.scalars(sa.select(Site.seq).where(Site.slug == slug)).one()


def last_change(office: Office) -> AdminChange:
    with office.db.write() as s:
        return s.scalars(sa.select(AdminChange).order_by(AdminChange.id.desc()).limit(1)).one()


def test_a_service_is_added_changed_dated_and_retired(office: Office) -> None:
    before = seq(office)
    answer = office.send(
        "/admin/here/services/new",
        {
            "name": "Blood test", "plain_name": "A blood test", "planned": "6", "needs": "couch",
            "reasons-0-words": "Standard sample", "reasons-0-planned": "4",
            "targets-2-within": "30", "targets-2-share": "85",
            "intake_ends": "17.30", "waiting_limit": "12", "buffer_after": "2",
        },
    )  # fmt: skip
    assert "Blood test is added." in said(answer)
    assert seq(office) == before + 1
    with office.db.write() as s:
        row = s.scalars(sa.select(Service).where(Service.name == "Blood test")).one()
        assert (row.slug, row.planned, row.needs) == ("blood-test", timedelta(minutes=6), ["couch"])
        assert (row.intake_ends, row.waiting_limit) == (time(17, 30), 12)
        assert [(r.words, r.planned) for r in row.reasons] == [
            ("Standard sample", timedelta(minutes=4))
        ]
        held = [(t.entry_class, t.within, t.share) for t in row.targets]
        assert held == [("walk_in", timedelta(minutes=30), 0.85)]
        # The target has held for a while; today it is made stricter.
        row.targets[0].valid_from = date(2026, 1, 1)
        path = f"/admin/here/services/{row.id}"
        row_id = row.id

    opened = office.filled(path)
    assert "Nothing was changed." in said(office.send(path, {}))
    office.send(path, {"targets-2-within": "20", "online": None})
    with office.db.write() as s:
        row = s.get_one(Service, row_id)
        ours = sorted(row.targets, key=lambda t: t.valid_from)
        assert [t.within.seconds // 60 for t in ours] == [30, 20]
        assert (ours[0].valid_from, ours[1].valid_from > date(2026, 1, 1)) == (
            date(2026, 1, 1), True,
        )  # fmt: skip
    # A reason without its minutes is named with its row, and nothing of the rest is saved.
    answer = office.send(path, {"name": "", "reasons-1-words": "Child", "targets-2-within": "0"})
    assert answer.status_code == 422
    assert "Name for staff: Give the service a name." in said(answer)
    assert "Walk-in, call within: 0 is not possible. Give 1 to 720 minutes." in said(answer)
    assert 'href="#targets-2-within"' in answer.text
    answer = office.send(path, {"reasons-1-words": "Child"})
    assert answer.status_code == 422
    assert "Planned minutes: Give 1 to 720 minutes." in said(answer)

    # Two have it open: the second is told what the first did, and may save on top knowingly.
    office.send(path, {"planned": "9"})
    late = office.send(path, {"name": "Blood tests"}, opened=opened)
    assert late.status_code == 409
    assert re.search(r"Staff \d+ changed this at .* \(Planned\) while you had it open", said(late))
    with office.db.read() as s:
        assert s.get_one(Service, row_id).name == "Blood test"
    again = office.client.post(path, data=form_of(late.text), follow_redirects=True)
    assert "Saved." in said(again)
    change = last_change(office)
    assert change.changes["name"] == ["Blood test", "Blood tests"]
    assert change.changes["planned"] == [540, 360]

    def retire(answer: str) -> str:
        data = {"retired": answer}
        return said(office.client.post(f"{path}/retired", data=data, follow_redirects=True))

    with office.db.write() as s:
        entry = factories.make_entry(s, s.get_one(Service, row_id), now=datetime.now(UTC))
    assert "still has people: 1 waiting or being seen" in retire("yes")
    with office.db.write() as s:
        s.delete(s.get_one(QueueEntry, entry.id))
    assert "It is retired, and keeps its history." in retire("yes")
    assert "It is offered again." in retire("no")


def test_rooms_clinicians_and_their_week(office: Office) -> None:
    office.send(
        "/admin/here/rooms/new", {"name": "7", "places": "2", "features": "couch, step-free"}
    )
    answer = office.send("/admin/here/rooms/new", {"name": "7"})
    assert "There is a room called 7 already." in said(answer)
    with office.db.read() as s:
        room = s.scalars(sa.select(Room).where(Room.name == "7")).one()
        assert (room.places, room.features) == (2, ["couch", "step-free"])
        service = s.scalars(sa.select(Service).join(Site).where(Site.slug == "here")).first()
        assert service
        room_id, service_id = str(room.id), str(service.id)
    new = "/admin/here/clinicians/new"
    answer = office.send(new, {"name": "Nora Tran", "habits-0-starts": "08:00"})
    assert "Choose at least one of this clinic’s services." in said(answer)
    week = {
        "title": "Nurse", "name": "Nora Tran", "attributes": "a woman", "services": [service_id],
        "habits-0-starts": "08:00", "habits-0-ends": "16:00", "habits-0-break_starts": "12:00",
        "habits-0-break_ends": "12:30", "habits-0-room": room_id,
        "habits-2-starts": "09:00", "habits-2-ends": "13:00",
    }  # fmt: skip
    answer = office.send(new, {**week, "habits-0-break_ends": "17:00"})
    assert "Break to: Give a break within these hours." in said(answer)
    answer = office.send(new, {**week, "habits-2-ends": ""})
    assert "To: Give a time as 17:00." in said(answer)
    assert "Nurse Nora Tran is added." in said(office.send(new, week))
    with office.db.write() as s:
        nora = s.scalars(sa.select(Clinician).where(Clinician.name == "Nora Tran")).one()
        week_of = sa.select(ShiftPattern).where(ShiftPattern.clinician_id == nora.id)
        patterns = s.scalars(week_of.order_by(ShiftPattern.weekday)).all()
        assert [(p.weekday, p.starts) for p in patterns] == [(0, time(8)), (2, time(9))]
        for pattern in patterns:
            pattern.valid_from = date(2026, 1, 1)
        path = f"/admin/here/clinicians/{nora.id}"
        nora_id = nora.id
    # From a day on the Monday is later; the past keeps the old one, and Wednesday just goes on.
    later = datetime.now(UTC).date() + timedelta(days=10)
    from_then = {
        "habits_from[day]": str(later.day), "habits_from[month]": str(later.month),
        "habits_from[year]": str(later.year),
    }  # fmt: skip
    assert "Saved." in said(office.send(path, {"habits-0-starts": "10:00", **from_then}))
    with office.db.read() as s:
        week_of = sa.select(ShiftPattern).where(ShiftPattern.clinician_id == nora_id)
        rows = s.scalars(week_of.order_by(ShiftPattern.id)).all()
        assert [(p.starts, p.valid_to) for p in rows] == [
            (time(8), later - timedelta(days=1)), (time(9), None), (time(10), None),
        ]  # fmt: skip
        assert rows[2].valid_from == later
    assert "Nurse Nora Tran" in said(office.client.get("/admin/here/record"))
    elsewhere = Office(office.world, place="elsewhere")
    assert elsewhere.client.get(f"/admin/elsewhere/clinicians/{nora_id}").status_code == 404
    assert elsewhere.client.get(path).status_code == 403
    tablet = office.world.browser("room")
    ids = office.world.places["here"].ids
    in_use = f"/admin/here/rooms/{ids['room_id']}/retired"
    answer = office.client.post(in_use, data={"retired": "yes"}, follow_redirects=True)
    assert "is working in" in said(answer)
    assert tablet.get(f"/room/{ids['room_id']}").status_code == 200


def test_hours_days_and_figures_are_checked_and_hold_at_once(office: Office) -> None:
    assert "Saved." in said(
        office.send("/admin/here/hours", {
            "days-0-opens": "8:00", "days-0-closes": "12", "days-0-opens_again": "14:00",
        } | {"days-0-closes": "12:00", "days-0-closes_again": "18:00"})
    )  # fmt: skip
    with office.db.read() as s:
        rows = s.scalars(sa.select(OpeningHour).order_by(OpeningHour.id)).all()
        assert [(r.weekday, r.opens, r.closes) for r in rows] == [
            (0, time(8), time(12)), (0, time(14), time(18)),
        ]  # fmt: skip
    answer = office.send("/admin/here/hours", {"days-3-opens": "09:00"})
    assert "Thursday, closes: Give both times, or neither." in said(answer)
    answer = office.send("/admin/here/hours", {"days-0-opens_again": "11:00"})
    assert "Monday: open again after closing, not before." in said(answer)

    christmas = {"day[day]": "25", "day[month]": "12", "day[year]": "2099", "note": "Christmas"}
    days = "/admin/here/hours/days"
    answer = office.client.post(days, data={**christmas, "kind": "open", "opens": "10:00"})
    assert "Closes: Give a time as 10:00." in said(answer)
    answer = office.client.post(days, data={**christmas, "kind": "closed"}, follow_redirects=True)
    assert "Fri 25.12.2099 closed Christmas" in said(answer)
    answer = office.client.post(days, data={**christmas, "day[day]": "31", "day[month]": "2"})
    assert "Give a real date" in said(answer)
    remove = re.search(
        r'action="(/admin/here/hours/days/\d+/remove)"', office.page("/admin/here/hours")
    )
    assert remove
    office.client.post(remove[1])
    assert "2099" not in office.page("/admin/here/hours")

    before = seq(office)
    assert "Saved." in said(
        office.send(
            "/admin/here/settings",
            {"grace": "12", "walk_in_share": "40", "day_starts_at": "03:00", "online": None},
        )
    )
    assert seq(office) == before + 1
    with office.db.read() as s:
        rules = s.scalars(sa.select(Site).where(Site.slug == "here")).one().rules
        assert (rules.grace, rules.walk_in_share) == (timedelta(minutes=12), 0.4)
        assert (rules.day_starts_at, rules.online) == (time(3), False)
        assert rules.too_late == SiteRules().too_late
    answer = office.send("/admin/here/settings", {"too_late": "soon", "timezone": "Europe/Lundon"})
    assert "Too late to count as booked: “soon” is not possible. Give 0 to 720 minutes." in said(
        answer
    )
    answer = office.send("/admin/here/settings", {"timezone": "Europe/Lundon"})
    assert "Give an IANA name such as Europe/London." in said(answer)
    record = said(office.client.get("/admin/here/record?what=changed"))
    assert "Still on time 10 minutes became 12 minutes" in record
    assert "Of each day kept for walk-ins 30 per cent became 40 per cent" in record


def test_every_figure_of_a_site_has_words_on_the_page() -> None:
    known = {name for figures in GROUPS.values() for name in figures}
    assert known == set(SiteRules.__dataclass_fields__)


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


def admin_pair(session: object, code: str, later: timedelta = timedelta(0)) -> str | None:
    from queueapp.actions.admin_devices import pair

    return pair(session, datetime.now(UTC) + later, code=code)  # type: ignore[arg-type]


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


def test_two_managers_at_once_and_only_one_version_is_overwritten(office: Office) -> None:
    with office.db.write() as s:
        service = s.scalars(sa.select(Service).join(Site).where(Site.slug == "here")).first()
        assert service
        state = admin_services.service_state(service, date(2026, 1, 1))
        assert version_of(state) == version_of(dict(reversed(state.items())))
        s.add(Reason(service_id=service.id, words="New", planned=timedelta(minutes=5)))
        s.add(ServiceTarget(service_id=service.id, entry_class="priority", share=0.9,
                            within=timedelta(minutes=5), valid_from=date(2020, 1, 1)))  # fmt: skip
        s.flush()
        s.refresh(service)
        assert version_of(admin_services.service_state(service, date(2026, 1, 1))) != version_of(
            state
        )
        path = f"/admin/here/services/{service.id}"
    page = office.page(path)
    assert "Priority" in page


def test_set_up_from_nothing_opens_once_with_the_servers_code(fresh_database: str) -> None:
    from queueapp.actions.setup import make_setup_code
    from queueapp.db.session import Database
    from tests.web.web_world import SECRET, web_app

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
