"""The phone link of a visit: derived anew for every answer that carries it, never kept."""

from typing import Any

import sqlalchemy as sa
from flask import current_app, url_for
from sqlalchemy.orm import Session

from queueapp.actions.tickets import visit_token
from queueapp.db.core import core
from queueapp.db.models import Visit

LINK_FIELDS = ("phone_url", "visit_token")
_VISIT = sa.select(Visit.key, Visit.nonce).where(Visit.id == sa.bindparam("visit"))


def add_link(session: Session, answer: dict[str, Any]) -> dict[str, Any]:
    """The answer with `visit_token` and `phone_url` of its `visit`."""
    session.flush()
    visit = core(session).execute(_VISIT, {"visit": answer["visit"]}).one()
    token = visit_token(session.info["secret"], visit.key, visit.nonce)
    base = current_app.extensions["queueapp.settings"].public_url
    return {
        **answer,
        "phone_url": base + url_for("auth.visit", token=token),
        "visit_token": token,
    }
