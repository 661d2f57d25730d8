"""A site's name, its clock, and all figures of its rules."""

import functools
import zoneinfo
from dataclasses import fields
from datetime import time
from enum import Enum
from typing import Any

from flask import request, url_for
from sqlalchemy.orm import Session
from wtforms import BooleanField

from queueapp.actions import admin_site as actions
from queueapp.actions.admin_record import version_of
from queueapp.db.models import Site
from queueapp.domain.refusal import Refused
from queueapp.domain.rules import SiteRules
from queueapp.web.admin.base import acting, blueprint, changed_by, save, show, status_of
from queueapp.web.admin.forms import AdminForm, NumberField, PickField
from queueapp.web.admin.settings_words import GROUPS, Figure, shown, stored, words_of
from queueapp.web.fields import ClockField
from queueapp.web.forms import text
from queueapp.web.security import allow, current_db, current_site

_USUAL = {figure.name: figure.default for figure in fields(SiteRules)}


class SettingsForm(AdminForm):
    """The name and the clock; a field per figure is added by `_form_class`."""

    site_name = text("Name of the clinic", "Give the clinic's name.")
    timezone = text("Time zone", "Give a time zone such as Europe/London.", longest=64)

    def take(self, refused: Refused) -> None:
        """A figure's refusal is named `rules.<figure>`."""
        refused.field = refused.field.removeprefix("rules.")
        super().take(refused)


@functools.cache
def _form_class() -> type[SettingsForm]:
    return type("FiguresForm", (SettingsForm,), {n: _field(n, words_of(n)) for n in _USUAL})


def _field(name: str, figure: Figure) -> Any:
    usual = _USUAL[name]
    if isinstance(usual, bool):
        return BooleanField(figure.label)
    if isinstance(usual, Enum | str):
        return PickField(figure.label, choices=list(figure.choices))
    if isinstance(usual, time):
        return ClockField(figure.label, "Give a time as 04:00.")
    return NumberField(figure.label, most=figure.most, unit=figure.unit or "as a whole number")


@blueprint.route("/admin/<site>/settings", methods=["GET", "POST"])
@allow("manager")
def settings(site: str) -> Any:
    """All figures, each with its unit and what is usual."""
    with current_db().read() as session:
        row = session.get_one(Site, current_site().id)
        state = actions.site_state(row)
        rules = row.rules
    form = _form_class()() if request.method == "POST" else _opened(state, rules)

    def work(session: Session) -> str:
        changed = actions.change_site(
            session,
            *acting(),
            site_id=current_site().id,
            version=form.version.data or "",
            name=form.site_name.data or "",
            timezone=(form.timezone.data or "").strip(),
            figures=_figures(form),
        )
        return "Saved." if changed else "Nothing was changed."

    if form.validate_on_submit():
        done = save(form, work, lambda: url_for("admin.settings", site=site))
        if done is not None:
            return done
    with current_db().read() as session:
        return show(
            "admin/settings.html",
            "admin.settings",
            status_of(form),
            form=form,
            groups=_groups(form),
            zones=sorted(zoneinfo.available_timezones()),
            changed=changed_by(session, actions.SUBJECT, current_site().id),
        )


def _opened(state: dict[str, Any], rules: SiteRules) -> SettingsForm:
    values = {name: _in_form(name, getattr(rules, name)) for name in _USUAL}
    form = _form_class()(
        data={
            **values,
            "site_name": state["name"],
            "timezone": state["timezone"],
            "version": version_of(state),
        }
    )
    for name in _USUAL:
        if isinstance(form[name], NumberField):
            form[name].raw = values[name]
    return form


def _in_form(name: str, value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    return value if isinstance(value, bool | str) else shown(value, words_of(name))


def _figures(form: SettingsForm) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, usual in _USUAL.items():
        field = form[name]
        if isinstance(field, NumberField):
            found[name] = stored(field.data or 0, words_of(name), usual)
        elif isinstance(field, ClockField):
            said = field.said()
            found[name] = f"{said:%H:%M}" if said else ""
        else:
            found[name] = field.data
    return found


def _groups(form: SettingsForm) -> list[tuple[str, list[tuple[Any, Figure, str]]]]:
    """Figures by group: (field, its words, what is usual); those without a group come last."""
    known = {name for figures in GROUPS.values() for name in figures}
    groups = {title: [n for n in names if n in _USUAL] for title, names in GROUPS.items()}
    groups["More"] = [n for n in _USUAL if n not in known]
    return [
        (title, [(form[n], words_of(n), _usual_words(n)) for n in names])
        for title, names in groups.items()
        if names
    ]


def _usual_words(name: str) -> str:
    usual, figure = _USUAL[name], words_of(name)
    if isinstance(usual, bool):
        return "on" if usual else "off"
    return f"{shown(usual, figure)} {figure.unit}".strip()
