"""Pools: places of a service that are booked without a named clinician."""

from datetime import date
from typing import Any

from flask import redirect, request, url_for
from sqlalchemy.orm import Session
from werkzeug.exceptions import NotFound

from queueapp.actions import admin_pools as actions
from queueapp.actions.admin_record import version_of
from queueapp.db.models import Pool, Service, Site
from queueapp.db.queries import administration as queries
from queueapp.domain.localtime import to_local
from queueapp.web.admin.base import acting, blueprint, changed_by, press, save, show, status_of
from queueapp.web.admin.forms import AdminForm, DayField, NumberField, PickField
from queueapp.web.fields import ClockField
from queueapp.web.forms import PostForm
from queueapp.web.security import allow, current_db, current_site, now


class PoolForm(AdminForm):
    """All of a pool; service and repetition are chosen once, when it is added."""

    service = PickField("Service")
    day = DayField("Day", needed="Give the day, for example 27 3 2027.")
    opens = ClockField("From", needed="Give a time as 10:40.")
    closes = ClockField("To", needed="Give a time as 10:40.")
    interval = NumberField("A new interval every", least=5, most=240)
    capacity = NumberField("Places per interval", least=1, most=actions.MOST_PLACES, unit="places")
    until = DayField("Every week until")


@blueprint.get("/admin/<site>/pools")
@allow("manager")
def pools(site: str) -> Any:
    """The next pool, or a new one where there is none to come."""
    with current_db().read() as session:
        rows = queries.pools(session, current_site().id, now())
        first = rows[0].pool.id if rows else None
    if first is not None:
        return redirect(url_for("admin.pool", site=site, pool_id=first))
    return redirect(url_for("admin.new_pool", site=site))


@blueprint.route("/admin/<site>/pools/new", methods=["GET", "POST"])
@allow("manager")
def new_pool(site: str) -> Any:
    """One more pool, or one each week."""
    form = PoolForm()
    with current_db().read() as session:
        rows = queries.services(session, current_site().id)
        form.service.choices = [
            (str(r.service.id), r.service.name) for r in rows if not r.service.retired
        ]
    if request.method == "GET":
        form.interval.data, form.capacity.data = 10, 1
    made: list[int] = []

    def work(session: Session) -> str:
        added = actions.add_pools(
            session, *acting(), site_id=current_site().id, given=_given(form, form.day.data)
        )
        made.extend(pool.id for pool in added)
        return "The pool is added." if len(added) == 1 else f"{len(added)} pools are added."

    if form.validate_on_submit() and form.day.data:
        done = save(form, work, lambda: _address(site, made[0] if made else None))
        if done is not None:
            return done
    return _page(form, None)


@blueprint.route("/admin/<site>/pools/<int:pool_id>", methods=["GET", "POST"])
@allow("manager")
def pool(site: str, pool_id: int) -> Any:
    """One pool."""
    with current_db().read() as session:
        row = _find(session, pool_id)
        state = actions.pool_state(row, session.get_one(Site, current_site().id))
        service_id = str(row.service_id)
        service_name = session.get_one(Service, row.service_id).name
    data = {
        **state,
        "day": date.fromisoformat(state["day"]),
        "interval": state["interval"] // 60,
        "service": service_id,
        "version": version_of(state),
    }
    form = PoolForm() if request.method == "POST" else PoolForm(data=data)
    form.service.choices = [(service_id, service_name)]
    if request.method == "POST":
        form.service.data = service_id

    def work(session: Session) -> str:
        changed = actions.change_pool(
            session,
            *acting(),
            site_id=current_site().id,
            pool_id=pool_id,
            version=form.version.data or "",
            given=_given(form, form.day.data),
        )
        return "Saved." if changed else "Nothing was changed."

    if form.validate_on_submit() and form.day.data:
        done = save(form, work, lambda: _address(site, pool_id))
        if done is not None:
            return done
    return _page(form, pool_id)


@blueprint.post("/admin/<site>/pools/<int:pool_id>/closed")
@allow("manager")
def close_pool(site: str, pool_id: int) -> Any:
    """No places any more."""

    def work(session: Session) -> str:
        actions.close_pool(session, *acting(), site_id=current_site().id, pool_id=pool_id)
        return "It is closed: nobody can book it. Give places again to open it."

    return press(work, _address(site, pool_id))


def _address(site: str, pool_id: int | None) -> str:
    if pool_id is None:
        return url_for("admin.pools", site=site)
    return url_for("admin.pool", site=site, pool_id=pool_id)


def _find(session: Session, pool_id: int) -> Pool:
    row = session.get(Pool, pool_id) if pool_id < 2**63 else None
    if row is None or session.get_one(Service, row.service_id).site_id != current_site().id:
        raise NotFound
    return row


def _given(form: PoolForm, day: date) -> actions.GivenPool:
    opens, closes = form.opens.said(), form.closes.said()
    assert opens is not None
    assert closes is not None
    return actions.GivenPool(
        service_id=int(form.service.data),
        day=day,
        opens=opens,
        closes=closes,
        interval=form.interval.span(),
        capacity=form.capacity.data or 0,
        until=form.until.data,
    )


def _page(form: PoolForm, pool_id: int | None) -> Any:
    with current_db().read() as session:
        row = _find(session, pool_id) if pool_id else None
        zone = current_site().timezone
        return show(
            "admin/pool.html",
            "admin.pools",
            status_of(form),
            form=form,
            button=PostForm(formdata=None),
            rows=[
                (line, to_local(zone, line.pool.starts_at), to_local(zone, line.pool.ends_at))
                for line in queries.pools(session, current_site().id, now())
            ],
            pool=row,
            chosen=pool_id,
            changed=changed_by(session, actions.SUBJECT, pool_id) if pool_id else None,
        )
