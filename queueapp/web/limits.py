"""How often one may try: passwords, links, look-ups, and what anybody may send.

Only what goes wrong is counted, but for what strangers send. A right link or token always opens,
however many wrong ones came from the same address: a clinic's whole Wi-Fi is one address. Nothing
here locks anybody out: a browser that has signed in to a login before keeps tries of its own, so
that whoever tries that login from elsewhere does not use them up.
"""

import contextlib
import hashlib
import ipaddress
import logging
import math
import time
from datetime import UTC, datetime
from typing import Any

from flask import Flask, current_app, g, make_response, request
from flask_limiter import Limit, Limiter, RateLimitExceeded
from itsdangerous import BadSignature, URLSafeSerializer
from limits import RateLimitItem, parse
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter
from werkzeug.wrappers import Response

from queueapp.clocks import ClockWatch
from queueapp.config import Settings
from queueapp.web import errors, security

log = logging.getLogger("queueapp.security")

WRONG_PASSWORDS_OF_A_LOGIN = "10 per minute; 60 per hour"
WRONG_PASSWORDS_FROM_AN_ADDRESS = "30 per minute; 300 per hour"
WRONG_LINKS = parse("30 per minute")
WRONG_LOOK_UPS = "30 per minute"
# A time that is held is nobody else's for a while, and anybody may hold one.
HELD_BY_STRANGERS = "30 per 5 minutes"
WRONG_CODES = "10 per minute; 100 per hour"
SENT_BY_STRANGERS = "300 per minute"
WRONG_BY_STRANGERS = "60 per minute"
LOOK_UPS = ("kiosk.booked",)
# Short enough to be typed, so few enough to be tried.
CODES = ("admin.pair", "admin.setup")

_WRONG = frozenset({403, 404, 409, 410, 422})
_PATIENCE = {"socket_connect_timeout": 2, "socket_timeout": 2}
_ONE_LINE = parse("1 per minute")
_READS = frozenset({"GET", "HEAD", "OPTIONS"})
_KNOWN_BROWSERS_S = 400 * 24 * 3600
_MOST_KNOWN = 20


def register(app: Flask, settings: Settings) -> None:
    """Limit the app's routes; with Redis all processes count together."""
    limiter = Limiter(
        address,
        app=app,
        default_limits=[
            Limit(SENT_BY_STRANGERS, exempt_when=_is_no_stranger_sending),
            Limit(WRONG_BY_STRANGERS, exempt_when=_is_no_stranger_sending, deduct_when=_is_wrong),
        ],
        storage_uri=settings.redis_url or "memory://",
        storage_options=dict(_PATIENCE) if settings.redis_url else {},
        in_memory_fallback_enabled=settings.redis_url is not None,
        key_prefix="queueapp",
    )
    app.extensions["queueapp.limiter"] = limiter
    app.extensions["queueapp.limits_alone"] = FixedWindowRateLimiter(MemoryStorage())
    clocks = ClockWatch(lambda: datetime.now(UTC), time.monotonic)
    app.before_request(lambda: _forget(app) if clocks.look() else None)
    app.register_error_handler(RateLimitExceeded, _too_many)
    app.after_request(_count_guesses)


def _forget(app: Flask) -> None:
    """With the clock set back, who has to wait a minute would wait for as long as that was."""
    with contextlib.suppress(Exception):  # whatever a storage raises: Redis may be gone
        app.extensions["queueapp.limiter"].reset()
    app.extensions["queueapp.limits_alone"].storage.reset()


def limit_routes(app: Flask) -> None:
    """Limit passwords, codes and look-ups, once the routes are there; look-ups by kiosk."""
    limiter: Limiter = app.extensions["queueapp.limiter"]
    # No stranger's, so nothing is to be looked up for each request.
    limiter.request_filter(security.is_api)
    _limit(app, "auth.sign_in", limiter.limit(
        WRONG_PASSWORDS_FROM_AN_ADDRESS, methods=["POST"], deduct_when=_was_wrong
    ))  # fmt: skip
    _limit(app, "auth.sign_in", limiter.limit(
        WRONG_PASSWORDS_OF_A_LOGIN, key_func=_login, methods=["POST"], deduct_when=_was_wrong
    ))  # fmt: skip
    _limit(app, "account.page", limiter.limit(
        WRONG_PASSWORDS_OF_A_LOGIN, key_func=_signed_in, methods=["POST"], deduct_when=_was_wrong
    ))  # fmt: skip
    for endpoint in CODES:
        _limit(app, endpoint, limiter.limit(WRONG_CODES, methods=["POST"], deduct_when=_is_wrong))
    _limit(app, "phone.book_time", limiter.limit(HELD_BY_STRANGERS, methods=["POST"]))
    for endpoint in LOOK_UPS:
        _limit(app, endpoint, limiter.limit(
            WRONG_LOOK_UPS, key_func=_device, methods=["POST"], deduct_when=_is_wrong
        ))  # fmt: skip


def _limit(app: Flask, endpoint: str, limit: Any) -> None:
    if endpoint in app.view_functions:
        app.view_functions[endpoint] = limit(app.view_functions[endpoint])


def address() -> str:
    """From where the request comes; a household's IPv6 addresses are one."""
    given = request.remote_addr or "nowhere"
    try:
        found = ipaddress.ip_address(given)
    except ValueError:
        return given
    if found.version == 4:
        return given
    return str(ipaddress.ip_network((found, 64), strict=False))


def count_wrong() -> None:
    """Say that this request was a wrong try, for the limits that count those alone."""
    g.was_wrong = True


def may_guess() -> bool:
    """Count a link or token that opens nothing; whether it is still to be answered as such."""
    limiter: Limiter = current_app.extensions["queueapp.limiter"]
    try:
        return limiter.limiter.hit(WRONG_LINKS, "queueapp", "guess", address())
    except Exception as error:  # whatever a storage raises: Redis may be gone
        alone: FixedWindowRateLimiter = current_app.extensions["queueapp.limits_alone"]
        if alone.hit(_ONE_LINE, "storage"):
            log.warning("the limits are counted by this process alone: %s", error)
        return alone.hit(WRONG_LINKS, "guess", address())


def remember_browser(answer: Response, email: str) -> None:
    """Let this browser keep tries of its own for a login that it has just signed in to."""
    known = [_hash(email), *(one for one in _known() if one != _hash(email))][:_MOST_KNOWN]
    settings: Settings = current_app.extensions["queueapp.settings"]
    answer.set_cookie(
        _cookie(), _signer().dumps(known), max_age=_KNOWN_BROWSERS_S, httponly=True,
        secure=settings.is_https, samesite="Strict",
    )  # fmt: skip


def _known() -> list[str]:
    try:
        found = _signer().loads(request.cookies.get(_cookie(), ""))
    except BadSignature:
        return []
    return [one for one in found if isinstance(one, str)] if isinstance(found, list) else []


def _cookie() -> str:
    return current_app.config["SESSION_COOKIE_NAME"] + "-known"


def _signer() -> URLSafeSerializer:
    return URLSafeSerializer(
        current_app.config["SECRET_KEY"],
        salt="queueapp.known-browser",
        signer_kwargs={"digest_method": hashlib.sha256},
    )


def _hash(email: str) -> str:
    return hashlib.sha256(email.strip().lower().encode()).hexdigest()[:32]


def _login() -> str:
    """The login that is tried, known or not; apart for the browsers that have signed in to it."""
    tried = _hash(request.form.get("email", ""))
    return f"{tried}:{'known' if tried in _known() else 'strange'}"


def _signed_in() -> str:
    staff = security.viewer().of_kind("staff")
    return f"staff:{staff.actor.id}" if staff else address()


def _device() -> str:
    device = security.viewer().of_kind("device")
    return f"device:{device.credential.id}" if device else address()


def _was_wrong(_answer: Response) -> bool:
    return bool(g.get("was_wrong"))


def _is_wrong(answer: Response) -> bool:
    return answer.status_code in _WRONG


def _is_no_stranger_sending() -> bool:
    # A link is no more than looked at: only wrong ones are counted, so that right ones open.
    is_link = "token" in (request.view_args or {})
    if request.method in _READS or security.is_api() or is_link:
        return True
    return bool(security.viewer().identities)


def _count_guesses(answer: Response) -> Response:
    is_link = answer.status_code == 404 and "token" in (request.view_args or {})
    is_token = answer.status_code == 401 and security.is_api() and security.bearer() is not None
    if not (is_link or is_token) or may_guess():
        return answer
    return _answer(WRONG_LINKS, int(time.time()) + WRONG_LINKS.get_expiry())


def _too_many(error: RateLimitExceeded) -> Response:
    limiter: Limiter = current_app.extensions["queueapp.limiter"]
    found = limiter.current_limit
    reset_at = found.reset_at if found else int(time.time()) + error.limit.limit.get_expiry()
    return _answer(error.limit.limit, reset_at)


def _log_once(what: str, limit: RateLimitItem) -> None:
    # A flood of tries must not become a flood of lines.
    alone: FixedWindowRateLimiter = current_app.extensions["queueapp.limits_alone"]
    if alone.hit(_ONE_LINE, "line", what, address()):
        log.warning("%s held up at %s: more than %s went wrong", address(), what, limit)


def _answer(limit: RateLimitItem, reset_at: int) -> Response:
    wait_s = max(1, math.ceil(reset_at - time.time()))
    _log_once(request.endpoint or "", limit)
    wait = f"{wait_s} seconds" if wait_s < 120 else f"{math.ceil(wait_s / 60)} minutes"
    words = f"There were too many tries. Please wait {wait}, then try again."
    if errors.wants_json():
        answer = errors.problem(429, words, code="too_many")
    else:
        answer = make_response(errors.page(429, words))
    answer.headers["Retry-After"] = str(wait_s)
    return answer
