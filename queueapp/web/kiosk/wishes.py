"""How to call me, what helps me, what I speak: told on the ticket's own page, or not at all."""

from dataclasses import replace

from flask import request
from flask_babel import gettext as _
from itsdangerous import BadSignature
from werkzeug.exceptions import Gone

from queueapp.actions.wishes import Wishes, tell_wishes
from queueapp.db.models import QueueEntry
from queueapp.domain.languages import OFFERED
from queueapp.domain.refusal import Refused
from queueapp.languages import refusal_words
from queueapp.web.kiosk.given import show_given, ticket_sealer
from queueapp.web.kiosk.start import blueprint, show
from queueapp.web.security import allow, current_actor, current_db, now

_TICKET_FOR_S = 10 * 60


@blueprint.post("/kiosk/<site>/wishes")
@allow("kiosk", "manager")
def wishes(site: str) -> str | tuple[str, int]:
    """Ask, then keep what was chosen and show the ticket again."""
    given = request.form
    entry_ids = _mine()
    if "skip" in given:
        return show_given(entry_ids)
    if "tell" not in given:
        return _page("wishes")
    if "text" in given.getlist("call") and "phone" not in given:
        return _page("ask_phone")
    language = given.get("language", "")
    told = Wishes(
        calls=given.getlist("call"),
        helps=given.getlist("help"),
        language=language if language in OFFERED else "",
        phone=given.get("phone", "").strip(),
        show_name="show_name" in given,
    )
    try:
        with current_db().write() as session:
            waits = [session.get_one(QueueEntry, entry_id) for entry_id in entry_ids]
            first, *others = dict.fromkeys(wait.visit_id for wait in waits)
            tell_wishes(session, current_actor(), now(), visit_id=first, wishes=told)
            # How to call and in which language goes for those who came along; help is one's own.
            for visit_id in others:
                theirs = replace(told, helps=(), show_name=False)
                tell_wishes(session, current_actor(), now(), visit_id=visit_id, wishes=theirs)
    except Refused as refused:
        errors = {refused.field or "call": refusal_words(refused)}
        return _page("ask_phone" if refused.field == "phone" else "wishes", errors), 422
    return show_given(entry_ids, told=True)


def _page(name: str, errors: dict[str, str] | None = None) -> str:
    given = request.form
    return show(
        f"kiosk/{name}.html",
        mine=given["mine"],
        given=given,
        errors=errors or {},
    )


def _mine() -> list[int]:
    try:
        found = ticket_sealer().loads(request.form.get("mine", ""), max_age=_TICKET_FOR_S)
    except BadSignature:
        raise Gone(_("This ticket is not on the screen any more. Please begin again.")) from None
    return [int(entry_id) for entry_id in found]
