"""Administration as a manager meets it: services, rooms, clinicians, hours and figures."""

import re
from datetime import UTC, date, datetime, time, timedelta

import pytest
import sqlalchemy as sa

from queueapp.actions import admin_services
from queueapp.actions.admin_record import version_of
from queueapp.db.models import (
    AdminChange,
    Clinician,
    OpeningHour,
    QueueEntry,
    Reason,
    Room,
    Service,
    ServiceTarget,
    ShiftPattern,
    Site,
)
from queueapp.domain.rules import SiteRules
from queueapp.web.admin.settings_words import GROUPS
from tests import factories
from tests.web.admin_world import Office, form_of, said


def seq(office: Office, slug: str = "here") -> int:
    with office.db.read() as s:
        return s.scalars(sa.select(Site.seq).where(Site.slug == slug)).one()


def last_change(office: Office) -> AdminChange:
    with office.db.write() as s:
        return s.scalars(sa.select(AdminChange).order_by(AdminChange.id.desc()).limit(1)).one()


@pytest.mark.both_databases
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
    assert "Row 2, planned minutes: Give 1 to 720 minutes." in said(answer)

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


@pytest.mark.both_databases
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
    assert "Row 1, break to: Give a break within these hours." in said(answer)
    answer = office.send(new, {**week, "habits-2-ends": ""})
    assert "Row 2, to: Give a time as 17:00." in said(answer)
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


def test_the_first_steps_count_what_there_is_and_lead_there(office: Office) -> None:
    def have() -> dict[str, str]:
        """The last words of each step, by the page it leads to."""
        step = r'<li[^>]*><a href="/admin/here/([a-z]+)">(.*?)</a></li>'
        found = re.findall(step, office.page("/admin/here"))
        return {path: re.split(r"<[^>]+>", words)[-2] for path, words in found}

    before = have()
    assert list(before) == ["hours", "services", "rooms", "clinicians", "staff", "devices"]
    with office.db.write() as s:
        here = s.scalars(sa.select(Site).where(Site.slug == "here")).one()
        factories.make_room(s, here)
        factories.make_room(s, here, retired=True)
        clinician = factories.make_clinician(s)
        for weekday in (0, 1):
            s.add(
                ShiftPattern(
                    site_id=here.id,
                    clinician_id=clinician.id,
                    weekday=weekday,
                    starts=time(8),
                    ends=time(12),
                    valid_from=date(2020, 1, 1),
                )
            )
    changed = {path: words for path, words in have().items() if words != before[path]}
    rooms = int(before["rooms"].split()[0])
    assert (before["clinicians"], before["hours"]) == ("none yet", "none yet")
    assert changed == {"rooms": f"{rooms + 1} rooms", "clinicians": "2 weekly stretches"}


@pytest.mark.both_databases
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
