"""Services: what one waits for, with reasons, targets, limits."""

from datetime import timedelta
from typing import Any

from flask import redirect, request, url_for
from sqlalchemy.orm import Session
from werkzeug.exceptions import NotFound

from queueapp.actions import admin_services as actions
from queueapp.actions.admin_reasons import GivenReason
from queueapp.actions.admin_record import version_of
from queueapp.actions.admin_targets import CLASSES, USUAL_SHARE, GivenTarget, in_force, usual
from queueapp.db.models import Service, Site
from queueapp.db.queries import administration as queries
from queueapp.db.queries.happened import class_words
from queueapp.web.admin.base import (
    acting,
    blueprint,
    changed_by,
    press,
    save,
    show,
    status_of,
)
from queueapp.web.admin.service_form import ServiceForm
from queueapp.web.fields import row_number
from queueapp.web.forms import PostForm
from queueapp.web.security import allow, current_db, current_site, now

_SPARE_ROWS = 2


@blueprint.get("/admin/<site>/services")
@allow("manager")
def services(site: str) -> Any:
    """The first service, or a new one where there is none."""
    with current_db().read() as session:
        rows = queries.services(session, current_site().id)
        first = rows[0].service.id if rows else None
    if first is not None:
        return redirect(url_for("admin.service", site=site, service_id=first))
    return redirect(url_for("admin.new_service", site=site))


@blueprint.route("/admin/<site>/services/new", methods=["GET", "POST"])
@allow("manager")
def new_service(site: str) -> Any:
    """One more service."""
    form = ServiceForm()
    names = [c.value for c in CLASSES]
    if request.method == "GET":
        form.planned.data, form.buffer_before.data, form.buffer_after.data = 10, 0, 0
        form.intake_ends.data = ""
    _lay_out(form, names)
    made: list[int] = []

    def work(session: Session) -> str:
        service = actions.add_service(
            session, *acting(), site_id=current_site().id, given=_given(form)
        )
        made.append(service.id)
        return f"{service.name} is added."

    if form.validate_on_submit():
        done = save(form, work, lambda: _address(site, made[0] if made else None))
        if done is not None:
            return done
    return _page(form, None, names)


@blueprint.route("/admin/<site>/services/<int:service_id>", methods=["GET", "POST"])
@allow("manager")
def service(site: str, service_id: int) -> Any:
    """One service, all of it."""
    with current_db().read() as session:
        row = _find(session, service_id)
        state = actions.service_state(row, row.site.day_at(now()))
        names = [c.value for c in CLASSES]
        names += sorted({t.entry_class for t in row.targets} - {*names, "emergency"})
        form = ServiceForm() if request.method == "POST" else _opened(row, state, names)
    _lay_out(form, names)

    def work(session: Session) -> str:
        changed = actions.change_service(
            session,
            *acting(),
            site_id=current_site().id,
            service_id=service_id,
            version=form.version.data or "",
            given=_given(form),
        )
        return "Saved." if changed else "Nothing was changed."

    if form.validate_on_submit():
        done = save(form, work, lambda: _address(site, service_id))
        if done is not None:
            return done
    return _page(form, service_id, names)


@blueprint.post("/admin/<site>/services/<int:service_id>/retired")
@allow("manager")
def retire_service(site: str, service_id: int) -> Any:
    """Offer it no more, or again."""
    retired = request.form.get("retired") == "yes"

    def work(session: Session) -> str:
        actions.retire_service(
            session, *acting(), site_id=current_site().id, service_id=service_id, retired=retired
        )
        return "It is retired, and keeps its history." if retired else "It is offered again."

    return press(work, _address(site, service_id))


def _address(site: str, service_id: int | None) -> str:
    if service_id is None:
        return url_for("admin.services", site=site)
    return url_for("admin.service", site=site, service_id=service_id)


def _find(session: Session, service_id: int) -> Service:
    row = session.get(Service, service_id)
    if row is None or row.site_id != current_site().id:
        raise NotFound
    return row


def _opened(row: Service, state: dict[str, Any], names: list[str]) -> ServiceForm:
    """The form as the service is now."""
    held = state["targets"]
    return ServiceForm(
        data={
            **state,
            "version": version_of(state),
            "planned": _minutes(row.planned),
            "intake_ends": f"{row.intake_ends:%H:%M}" if row.intake_ends else "",
            "needs": ", ".join(row.needs or ()),
            "buffer_before": _minutes(row.buffer_before),
            "buffer_after": _minutes(row.buffer_after),
            "reasons": [
                {
                    "reason_id": str(r.id),
                    "words": r.words,
                    "planned": _minutes(r.planned),
                    "retired": r.retired,
                }
                for r in row.reasons
            ],
            "targets": [
                {
                    "within": held[name]["within"] // 60,
                    "share": round(held[name]["share"] * 100),
                }
                if name in held
                else {}
                for name in names
            ],
            "targets_from": None,
        }
    )


def _minutes(span: timedelta) -> int:
    return round(span.total_seconds() / 60)


def _lay_out(form: ServiceForm, names: list[str]) -> None:
    """One row per class, and rows to spare for reasons; blank ones sent are left out first."""
    while len(form.targets.entries) < len(names):
        form.targets.append_entry()
    del form.targets.entries[len(names) :]
    for name, row in zip(names, form.targets.entries, strict=True):
        row.form.key = name
        row.form.within.summary = f"{class_words(name)}, call within"
        row.form.share.summary = f"{class_words(name)}, per cent"
    if request.method == "POST":
        form.reasons.entries = [e for e in form.reasons.entries if not e.form.is_blank()]


def _given(form: ServiceForm) -> actions.GivenService:
    return actions.GivenService(
        name=form.name.data or "",
        plain_name=form.plain_name.data or "",
        planned=form.planned.span(),
        position=form.position.data or 0,
        intake_ends=form.intake_ends.said(),
        waiting_limit=form.waiting_limit.data,
        not_care=form.not_care.data,
        online=form.online.data,
        needs=(form.needs.data or "").split(","),
        buffer_before=form.buffer_before.span(),
        buffer_after=form.buffer_after.span(),
        reasons=[
            GivenReason(
                words=row.words.data or "",
                planned=row.planned.span(),
                reason_id=row_number(row.reason_id.data),
                retired=row.retired.data,
            )
            for row in (entry.form for entry in form.reasons.entries)
        ],
        targets=[
            GivenTarget(
                row.key,
                row.within.span() if row.within.data is not None else None,
                (row.share.data or round(USUAL_SHARE * 100)) / 100,
            )
            for row in (entry.form for entry in form.targets.entries)
        ],
        targets_from=form.targets_from.data,
    )


def _page(form: ServiceForm, service_id: int | None, names: list[str]) -> Any:
    for _ in range(_SPARE_ROWS):
        form.reasons.append_entry()
    with current_db().read() as session:
        site = session.get_one(Site, current_site().id)
        row = session.get(Service, service_id) if service_id else None
        today = site.day_at(now())
        return show(
            "admin/service.html",
            "admin.services",
            status_of(form),
            form=form,
            button=PostForm(formdata=None),
            rows=queries.services(session, site.id),
            service=row,
            chosen=service_id,
            classes=[(n, class_words(n)) for n in names],
            usual={n: _minutes(usual(n, site.rules)) for n in names},
            kept=queries.kept_targets(session, row, now()) if row else {},
            learned=queries.learned(session, service_id, now()) if service_id else {},
            dated=_dated(row, today) if row else [],
            given_by=queries.given_by(session, service_id) if service_id else [],
            changed=changed_by(session, actions.SUBJECT, service_id) if service_id else None,
        )


def _dated(row: Service, today: Any) -> list[str]:
    """What held before and what will hold, in words."""
    held = in_force(row, today)
    said = []
    for target in sorted(row.targets, key=lambda t: (t.valid_from, t.id)):
        name = class_words(target.entry_class)
        figures = f"{_minutes(target.within)} min for {round(target.share * 100)} %"
        mine = held.get(target.entry_class, {})
        is_now = (mine.get("within"), mine.get("share")) == (
            round(target.within.total_seconds()),
            target.share,
        )
        if not is_now or target.valid_from > today:
            when = "will hold" if target.valid_from > today else "held"
            said.append(f"{name}: {figures} {when} from {target.valid_from:%d.%m.%Y}")
    return said
