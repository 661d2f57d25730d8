"""A form's command is carried out once, however often it is sent."""

from collections.abc import Callable
from typing import Any

from flask import request
from sqlalchemy.orm import Session

from queueapp.domain.actor import Actor
from queueapp.web import idempotency, security
from queueapp.web.forms import KEY_FIELD, submitted_key

_NOT_OF_THE_BODY = {KEY_FIELD, "csrf_token"}


def once(
    work: Callable[[Session], dict[str, Any]],
    actor: Actor | None = None,
    *,
    body: str | None = None,
    path: str = "",
    status: int = 200,
) -> dict[str, Any]:
    """Do `work` in one transaction, once per idempotency key, and return what it answered.

    The answer is kept for a day, so it has tickets, no names. `actor` stands for those nobody
    knows yet; `body` is what makes it the same request again (the whole form), `path` tells two
    commands of one form apart. Raises Refused as `work` does.
    """
    with security.current_db().write() as session:
        claim = idempotency.claim(
            session,
            security.now(),
            actor=(actor or security.current_actor()).key,
            method=request.method,
            path=path or request.path,
            key=submitted_key(),
            body=_form() if body is None else body,
        )
        if claim.kept is not None:
            return claim.kept.answer or {}
        answer = work(session)
        claim.keep(session, status, answer)
        return answer


def _form() -> str:
    return "&".join(
        f"{name}={value}"
        for name, value in sorted(request.form.items(multi=True))
        if name not in _NOT_OF_THE_BODY
    )
