"""The wiring: settings, database, pages, live channels. Nothing else puts these together."""

import hashlib
import importlib.util
from collections.abc import Callable, Iterable
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

from flask import Flask, Request, Response
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface, SessionMixin
from flask_wtf import CSRFProtect
from jinja2 import ChainableUndefined, ChoiceLoader, FileSystemLoader, PackageLoader
from werkzeug.middleware.proxy_fix import ProxyFix

from queueapp import config
from queueapp.db.session import Database
from queueapp.web import (
    account,
    auth,
    context,
    errors,
    files,
    headers,
    health,
    limits,
    security,
    sockets,
    speaking,
)
from queueapp.web.gate import Gate
from queueapp.web.senders import Senders
from queueapp.web.templating import Templates, compiled_in
from queueapp.web.turns import Turns

ROOT = Path(__file__).parent.parent
# One per person, each a module or package with `blueprint`; a screen is installed by being there.
SCREENS = ("kiosk", "phone", "desk", "room", "lobby", "board", "admin", "api")
_SESSION_DAYS = 400
_LARGEST_REQUEST = 2 * 1024 * 1024
# Nobody waits longer for a page; a database that has not answered by then will not.
_PATIENCE_S = 20.0


class _Sessions(SecureCookieSessionInterface):
    """Signed cookies; Flask's own are signed with SHA-1."""

    digest_method = staticmethod(hashlib.sha256)

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        """As Flask's, without what it takes to read cookies where there are none."""
        if "HTTP_COOKIE" in request.environ:
            return super().open_session(app, request)
        return self.session_class()

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        """As Flask's; programs have none, and who asked for one changes none of their answers."""
        if session or session.modified or not security.is_api():
            super().save_session(app, session, response)


class _App(Flask):
    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Nothing here is a coroutine; Flask's own asks so of each hook in each request."""
        return func


def build(
    settings: config.Settings | None = None,
    database: Database | None = None,
    screens: Iterable[str] = SCREENS,
) -> Flask:
    """The Flask app on `database` (by default that of the settings) with those of `screens`."""
    settings = settings or config.load()
    app = _App(
        "queueapp",
        template_folder=str(ROOT / "templates"),
        static_folder=str(ROOT / "static"),
        static_url_path=files.PATH,
    )
    app.config.update(
        SECRET_KEY=settings.secret_key,
        # With this prefix a browser takes the cookie from this very host alone, over TLS.
        SESSION_COOKIE_NAME="__Host-queueapp" if settings.is_https else "queueapp",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.is_https,
        PERMANENT_SESSION_LIFETIME=timedelta(days=_SESSION_DAYS),
        MAX_CONTENT_LENGTH=_LARGEST_REQUEST,
        # A lobby's page stands for weeks: its forms live as long as its session.
        WTF_CSRF_TIME_LIMIT=None,
        PREFERRED_URL_SCHEME="https" if settings.is_https else "http",
    )
    app.session_interface = _Sessions()
    # NHS.UK's components rely on attributes of what is not there being empty.
    app.jinja_environment = Templates
    app.jinja_options = {
        "undefined": ChainableUndefined,
        "bytecode_cache": compiled_in(settings.var),
    }
    app.jinja_loader = ChoiceLoader(
        [FileSystemLoader(ROOT / "templates"), PackageLoader("nhsuk_frontend_jinja")]
    )
    app.extensions["queueapp.settings"] = settings
    database = database or Database(
        settings.database_url, secret=settings.secret_key, patience_s=_PATIENCE_S
    )
    app.extensions["queueapp.db"] = database
    csrf = CSRFProtect(app)
    security.login_manager.init_app(app)
    speaking.register(app)
    context.register(app)
    errors.register(app)
    headers.register(app, settings)
    files.keep_until_changed(app)
    limits.register(app, settings)
    app.register_blueprint(health.blueprint)
    app.register_blueprint(auth.blueprint)
    app.register_blueprint(account.blueprint)
    for name in screens:
        spec = importlib.util.find_spec(f"queueapp.web.{name}")
        if spec is None or spec.origin is None:
            continue
        blueprint = import_module(f"queueapp.web.{name}").blueprint
        app.register_blueprint(blueprint)
        if name == "api":
            # Known by bearer token alone, never by cookie: there is nothing to forge.
            csrf.exempt(blueprint)
    limits.limit_routes(app)
    sockets.register(app, settings, database)
    whole = Senders(Turns(app.wsgi_app), _LARGEST_REQUEST)
    app.wsgi_app = Gate(whole, settings)  # type: ignore[method-assign]
    if settings.proxies:
        # Of what a proxy says, who asked and whether over TLS; the name stays that of the request.
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            app.wsgi_app, x_for=settings.proxies, x_proto=settings.proxies, x_host=0
        )
    return app
