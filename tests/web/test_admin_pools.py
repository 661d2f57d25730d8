"""A manager gives a service places without a named clinician, and takes none that is booked."""

from datetime import UTC, datetime, time, timedelta

import pytest
import sqlalchemy as sa

from queueapp.actions.booking_rows import Place
from queueapp.actions.bookings import book
from queueapp.db.models import Appointment, Pool, Service, Site
from queueapp.db.queries.slots import pool_times
from queueapp.domain.actor import SYSTEM
from queueapp.domain.localtime import local_to_utc, to_local
from queueapp.domain.refusal import Refused
from queueapp.domain.spans import Span
from tests import factories
from tests.web.admin_world import Office, form_of, said
from tests.web.web_world import WebWorld

HERE = "/admin/here/pools"


def day_of(office: Office, days: int) -> dict[str, str]:
    with office.db.read() as s:
        zone = s.scalars(sa.select(Site.timezone).where(Site.slug == "here")).one()
    day = to_local(zone, datetime.now(UTC) + timedelta(days=days)).date()
    return {"day": str(day.day), "month": str(day.month), "year": str(day.year)}


def boxes(name: str, day: dict[str, str]) -> dict[str, str]:
    return {f"{name}[{part}]": value for part, value in day.items()}


def wanted(office: Office, **more: str) -> dict[str, str]:
    times = {"opens": "10:00", "closes": "11:00", "interval": "20", "capacity": "2"}
    return {**times, **boxes("day", day_of(office, 3)), **more}


def pools_of(office: Office) -> list[Pool]:
    with office.db.read() as s:
        found = list(s.scalars(sa.select(Pool).order_by(Pool.starts_at)))
        s.expunge_all()
        return found


def booked(office: Office, pool: Pool, hour: time) -> int:
    """A booking of the pool at that time of its day."""
    with office.db.write() as s:
        service = s.get_one(Service, pool.service_id)
        site = s.get_one(Site, service.site_id)
        day = to_local(site.timezone, pool.starts_at).date()
        made = book(
            s, SYSTEM, datetime.now(UTC), site_id=site.id, service_id=service.id,
            place=Place(local_to_utc(site.timezone, day, hour), None, pool.id),
            patient_id=factories.make_patient(s).id,
        )  # fmt: skip
        return made.id


@pytest.mark.both_databases
def test_a_pool_each_week_is_added_booked_and_kept_for_those_who_booked(office: Office) -> None:
    added = office.send(f"{HERE}/new", wanted(office, **boxes("until", day_of(office, 18))))
    assert "3 pools are added." in said(added)
    first, second, third = pools_of(office)
    with office.db.read() as s:
        site = s.scalars(sa.select(Site).where(Site.slug == "here")).one()
        over = Span(first.starts_at, first.ends_at)
        free = pool_times(s, site, s.get_one(Pool, first.id), over, first.starts_at)
        apart = {(p.starts_at - first.starts_at).days for p in (second, third)}
        assert [places for _slot, places in free] == [2, 2, 2]
        assert apart <= {6, 7, 13, 14}
    for hour in (time(10, 20), time(10, 20), time(10, 40)):
        booked(office, first, hour)
    with pytest.raises(Refused):
        booked(office, first, time(10, 20))
    page = f"{HERE}/{first.id}"
    assert "3 booked" in said(office.client.get(page))
    for change, words in [
        ({"capacity": "1"}, "1 booking has no place then, the first at 10:20."),
        ({"closes": "10:40"}, "1 booking has no place then, the first at 10:40."),
        ({"interval": "30"}, "3 bookings have no place then, the first at 10:20."),
    ]:
        refused = office.send(page, change)
        assert refused.status_code == 409
        assert words in said(refused)
    assert "have no place then" in said(office.client.post(f"{page}/closed", follow_redirects=True))
    assert pools_of(office)[0].capacity == 2
    # What takes nobody's place is done: earlier begun, more at once.
    assert "Saved." in said(office.send(page, {"opens": "09:40", "capacity": "3"}))
    booked(office, first, time(10, 20))
    with office.db.read() as s:
        assert s.scalar(sa.select(sa.func.count()).where(Appointment.pool_id == first.id)) == 4


def test_a_closed_pool_takes_nobody_until_places_are_given_again(office: Office) -> None:
    office.send(f"{HERE}/new", wanted(office))
    (pool,) = pools_of(office)
    page = f"{HERE}/{pool.id}"
    closed = said(office.client.post(f"{page}/closed", follow_redirects=True))
    assert "It is closed: nobody can book it." in closed
    with pytest.raises(Refused):
        booked(office, pool, time(10, 0))
    assert "Saved." in said(office.send(page, {"capacity": "1"}))
    booked(office, pool, time(10, 0))
    record = said(office.client.get("/admin/here/record"))
    for words in ("Added a pool", "Closed a pool", "Changed a pool"):
        assert words in record


WRONG: list[tuple[dict[str, str], int, str]] = [
    ({"closes": "10:00"}, 422, "Give an end later than the beginning"),
    ({"opens": "25:00"}, 422, "Give a time as 10:40."),
    ({"interval": "4"}, 422, "Give 5 to 240 minutes."),
    ({"interval": "90"}, 422, "This is longer than the pool itself."),
    ({"capacity": "0"}, 422, "Give 1 to 50 places."),
    ({"day[day]": "31", "day[month]": "2"}, 422, "Give a real date"),
    ({"day[year]": "2020"}, 422, "Give a time still to come."),
    ({"until[day]": "1", "until[month]": "1", "until[year]": "2020"}, 422, "after the first"),
    ({"service": "999999"}, 422, "Not a valid choice"),
    ({"opens": "10:30", "closes": "12:00"}, 409, "a pool of this service already"),
]


def test_a_bad_pool_is_named_and_leaves_nothing(office: Office) -> None:
    office.send(f"{HERE}/new", wanted(office))
    opened = office.filled(f"{HERE}/new")
    for wrong, status, words in WRONG:
        answer = office.send(f"{HERE}/new", {**wanted(office), **wrong}, opened=opened)
        assert (answer.status_code, words in said(answer)) == (status, True), wrong
    assert len(pools_of(office)) == 1


def test_two_managers_and_another_clinic(office: Office, web_world: WebWorld) -> None:
    office.send(f"{HERE}/new", wanted(office))
    (pool,) = pools_of(office)
    page = f"{HERE}/{pool.id}"
    opened = form_of(office.page(page))
    office.send(page, {"capacity": "5"})
    late = office.send(page, {"capacity": "4"}, opened=opened)
    assert late.status_code == 409
    assert "while you had it open" in said(late)
    assert pools_of(office)[0].capacity == 5
    elsewhere = Office(web_world, place="elsewhere").client
    assert elsewhere.get(f"/admin/elsewhere/pools/{pool.id}").status_code == 404
    answer = elsewhere.post(f"/admin/elsewhere/pools/{pool.id}/closed")
    assert answer.status_code == 404
    assert pools_of(office)[0].capacity == 5
