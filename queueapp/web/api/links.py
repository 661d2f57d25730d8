"""The phone link of a visit: derived anew for every answer that carries it, never kept."""

from typing import Any

from flask import current_app, url_for
from sqlalchemy.orm import Session

from queueapp.actions.tickets import visit_token
from queueapp.db.models import Visit

LINK_FIELDS = ("phone_url", "visit_token")


def add_link(session: Session, answer: dict[str, Any]) -> dict[str, Any]:
    """The answer with `visit_token` and `phone_url` of its `visit`."""
    visit = session.get_one(Visit, answer["visit"])
    token = visit_token(session.info["secret"], visit.key, visit.nonce)
    base = current_app.extensions["queueapp.settings"].public_url
    return {
        **answer,
        "phone_url": base + url_for("auth.visit", token=token),
        "visit_token": token,
    }
