"""In which language a page answers: kiosk and phone page speak the person's, others English."""

from flask import Flask, g, request
from sqlalchemy.exc import OperationalError

from queueapp import languages
from queueapp.db.models import Visit
from queueapp.db.queries.language import language_of
from queueapp.domain.languages import WRITTEN_IN, offered
from queueapp.web import security

_TICKET = "/phone/ticket"


def register(app: Flask) -> None:
    """Choose the language of each request."""
    languages.register(app, _choose)


def _choose() -> str:
    site = g.get("site")
    if request.blueprint == "kiosk":
        usual = site.language if site else WRITTEN_IN
        return offered(request.args.get("lang", ""), usual)
    if request.path.startswith(_TICKET) and g.get("identity") is not None:
        return _of_visit(g.identity.visit_id)
    return str(g.get("language", WRITTEN_IN))


def answer_as(visit_id: int | None) -> None:
    """Answer this request in the language of a visit that its link has shown."""
    g.language = _of_visit(visit_id)


def _of_visit(visit_id: int | None) -> str:
    try:
        with security.current_db().read() as session:
            return language_of(session, session.get(Visit, visit_id) if visit_id else None)
    except OperationalError:
        # That the database does not answer has to be said all the same.
        return WRITTEN_IN
