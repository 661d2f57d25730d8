"""How a refusal or an error is answered: a page for people, problem+json for programs."""

import logging
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, flash, json, make_response, redirect, render_template, request
from flask_babel import gettext as _
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import OperationalError, SQLAlchemyError
from werkzeug.exceptions import HTTPException, MethodNotAllowed, Unauthorized
from werkzeug.wrappers import Response

from queueapp.db.faults import Fault, InDoubt, fault_of
from queueapp.domain.languages import N_
from queueapp.domain.refusal import RefusalKind, Refused
from queueapp.languages import refusal_words
from queueapp.web import security

log = logging.getLogger(__name__)

STATUS = {
    RefusalKind.INVALID: 422,
    RefusalKind.NOT_FOUND: 404,
    RefusalKind.FORBIDDEN: 403,
    RefusalKind.CONFLICT: 409,
}
_WORDS = {
    400: N_("This request was not understood"),
    401: N_("Sign in first"),
    403: N_("You may not open this"),
    404: N_("This was not found"),
    405: N_("This cannot be done here"),
    409: N_("This could not be done"),
    413: N_("This is too large"),
    415: N_("This format is not understood"),
    422: N_("This needs a correction"),
    429: N_("Please wait a moment"),
    500: N_("Something went wrong on our side"),
    503: N_("Not ready at the moment"),
    507: N_("Nothing can be saved at the moment"),
}
_NO_ANSWER = N_("The database does not answer. Nothing was changed; please try again in a moment.")
_WORDS_OF_FAULTS = {
    Fault.DISK: N_(
        "The clinic's server cannot write to its disk; most likely it is full. Nothing was "
        "changed. Please tell whoever runs it: once there is space, this works again."
    ),
    Fault.BUSY: N_("Too much is being done at once. Nothing was changed; please try again."),
    Fault.IN_DOUBT: N_(
        "The connection to the database broke while this was being saved. Look whether it is "
        "there before you do it again."
    ),
}
_RETRY_AFTER_S = "5"
# To people, in the place of words that speak to programmers.
_DETAILS = {
    403: "It is for others who work here. If you need it, ask a manager.",
    404: "Perhaps the address has a slip in it, or what it led to is over.",
    405: "Go back and try it from the page itself.",
    413: "Send less at once.",
}


def wants_json() -> bool:
    """Whether a program or a script asks rather than a person's navigation."""
    best = request.accept_mimetypes.best_match(
        ["text/html", "application/json", "application/problem+json"], default="text/html"
    )
    return security.is_api() or best != "text/html"


def _title(status: int) -> str:
    return _(_WORDS.get(status, N_("This could not be done")))


def problem(status: int, detail: str, *, code: str = "", field: str = "", **more: Any) -> Response:
    """An RFC 9457 answer; `errors` lists the fields that are wrong."""
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": _title(status),
        "status": status,
        "detail": detail,
    }
    if code:
        body["code"] = code
    body["errors"] = [{"field": field, "message": detail}] if field else []
    body |= more
    answer = Response(json.dumps(body), status=status, content_type="application/problem+json")
    if status == 401:
        answer.headers["WWW-Authenticate"] = "Bearer"
    return answer


def problem_of(refused: Refused) -> Response:
    """A refusal as problem+json."""
    more = {"details": refused.details} if refused.details else {}
    return problem(
        STATUS[refused.kind], refusal_words(refused), code=refused.code, field=refused.field, **more
    )


def page(status: int, detail: str) -> tuple[str, int]:
    """A refusal or an error as a page in plain words."""
    title = _title(status)
    return render_template("error.html", title=title, detail=detail, status=status), status


def refused_answer(refused: Refused) -> Any:
    """A refusal nobody showed beside its field: said on the page the person came from."""
    if wants_json():
        return problem_of(refused)
    if request.method == "POST" and (back := _came_from()):
        flash(refusal_words(refused), "refused")
        return redirect(back, 303)
    return page(STATUS[refused.kind], refusal_words(refused))


def _came_from() -> str | None:
    parts = urlsplit(request.referrer or "")
    if parts.netloc != request.host or not parts.path:
        return None
    return parts.path + (f"?{parts.query}" if parts.query else "")


def http_answer(error: HTTPException) -> Any:
    """An HTTP error in the form the one who asks can read."""
    if error.response is not None:
        return error
    if isinstance(error, Unauthorized) and not wants_json():
        return security.to_sign_in()
    status = error.code or 500
    reload = _("Reload the page and try again.")
    words = reload if isinstance(error, CSRFError) else error.description
    if wants_json():
        answer: Any = problem(status, words or "")
    else:
        is_own = error.description != type(error).description
        answer = page(status, words or "" if is_own else _DETAILS.get(status, words or ""))
    if isinstance(error, MethodNotAllowed):
        answer = make_response(answer)
        answer.headers["Allow"] = ", ".join(sorted(error.valid_methods or ()))
    return answer


def _failed(error: Exception) -> Any:
    log.exception("%s %s failed", request.method, request.path)
    detail = _(
        "Nothing was changed. Please try again; if it happens again, tell whoever runs this."
    )
    return problem(500, detail) if wants_json() else page(500, detail)


def _unavailable(error: SQLAlchemyError | InDoubt) -> Any:
    fault = fault_of(error)
    if fault is None and not isinstance(error, OperationalError):
        return _failed(error)
    log.error("%s %s: the database failed (%s): %s", request.method, request.path, fault, error)
    status = 507 if fault == Fault.DISK else 503
    detail = _(_WORDS_OF_FAULTS.get(fault or Fault.GONE, _NO_ANSWER))
    answer = make_response(problem(status, detail) if wants_json() else page(status, detail))
    if status == 503:
        answer.headers["Retry-After"] = _RETRY_AFTER_S
    return answer


def register(app: Flask) -> None:
    """Answer refusals and errors from here."""
    app.register_error_handler(Refused, refused_answer)
    app.register_error_handler(HTTPException, http_answer)
    app.register_error_handler(SQLAlchemyError, _unavailable)
    app.register_error_handler(InDoubt, _unavailable)
    app.register_error_handler(Exception, _failed)
