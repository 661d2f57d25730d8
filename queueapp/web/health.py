"""Whether the process runs, and whether it can do its work."""

import logging

import sqlalchemy as sa
from flask import Blueprint, current_app
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.wrappers import Response

from queueapp.config import Settings
from queueapp.db.models import Site
from queueapp.web.errors import problem
from queueapp.web.security import allow, current_db

log = logging.getLogger(__name__)
blueprint = Blueprint("health", __name__)
_PATIENCE_S = 2.0


@blueprint.get("/livez")
@allow("anyone")
def livez() -> Response:
    """200 while the process runs."""
    return Response("ok\n", content_type="text/plain")


@blueprint.get("/readyz")
@allow("anyone")
def readyz() -> Response:
    """200 while the database answers with its tables there.

    Without Redis it is ready all the same: screens follow by looking each second, so whoever
    takes servers out of service by this answer must not do it for Redis.
    """
    try:
        with current_db().read() as db:
            db.execute(sa.select(Site.seq).limit(1))
    except SQLAlchemyError as error:
        log.warning("not ready: %s", error)
        return problem(503, "The database does not answer.", code="database")
    settings: Settings = current_app.extensions["queueapp.settings"]
    if settings.redis_url and not _redis_answers(settings.redis_url):
        words = "ready, but Redis does not answer: screens follow within a second or two\n"
        return Response(words, content_type="text/plain")
    return Response("ready\n", content_type="text/plain")


def _redis_answers(url: str) -> bool:
    import redis  # as slow to load as all of SQLAlchemy, and seldom set

    try:
        with redis.Redis.from_url(
            url, socket_connect_timeout=_PATIENCE_S, socket_timeout=_PATIENCE_S
        ) as client:
            return bool(client.ping())
    except redis.RedisError as error:
        log.warning("not ready: %s", error)
        return False
