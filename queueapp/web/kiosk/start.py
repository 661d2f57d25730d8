"""The start page, and how every page of the kiosk is rendered."""

from typing import Any

from flask import Blueprint, render_template, request, url_for

from queueapp.actions.base import find_site
from queueapp.actions.hits import hits_of_all
from queueapp.domain.languages import OFFERED
from queueapp.domain.localtime import to_local
from queueapp.languages import hit_words, spoken
from queueapp.realtime.content.kiosk import facts
from queueapp.web.security import allow, current_db, current_site, now

blueprint = Blueprint("kiosk", __name__)


@blueprint.url_defaults
def _keep_language(_endpoint: str, values: dict[str, Any]) -> None:
    """What was chosen goes from step to step in addresses nobody sees; the start has none."""
    if request.blueprint == blueprint.name and chosen_language():
        values.setdefault("lang", chosen_language())


def chosen_language() -> str:
    """What the person chose; empty where nobody chose."""
    asked = request.args.get("lang", "")
    return asked if asked in OFFERED else ""


@blueprint.get("/kiosk/<site>")
@allow("kiosk", "manager")
def page(site: str) -> str:
    """Two doors, and what the wait is now."""
    with current_db().read() as session:
        here = find_site(session, site)
        found = facts(session, here, now())
        hits = hits_of_all(session, here, now())
        sure = hit_words(hits) if hits.share is not None else ""
        hour = to_local(here.timezone, now()).hour
        is_start = spoken() == here.rules.language
        return show(
            "kiosk/start.html",
            seq=found.pop("seq"),
            sure=sure,
            is_start=is_start,
            hour=hour,
            **found,
        )


def show(template: str, *, seq: int | None = None, **values: Any) -> str:
    """A page of the kiosk; all are live on its one channel, so a step costs no new connection."""
    slug = current_site().slug
    if seq is None:
        with current_db().read() as session:
            seq = find_site(session, slug).seq
    values.setdefault("errors", {})
    return render_template(
        template,
        channels=[f"kiosk:{slug}"],
        seq=seq,
        home=url_for("kiosk.page", site=slug, lang=None),
        usual=current_site().language,
        languages=OFFERED,
        **values,
    )
