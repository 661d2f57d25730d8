"""Who may open what: every route carries `@allow(...)`, and the site comes from its URL."""

import functools
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from flask import current_app, g, redirect, request, session, url_for
from flask_login import LoginManager, UserMixin
from sqlalchemy.orm import Session
from werkzeug.exceptions import Forbidden, NotFound, Unauthorized

from queueapp.actions.access import SIGNED_IN_FOR, identity_of_token, viewer_of
from queueapp.db.models import (
    Appointment,
    DeskItem,
    QueueEntry,
    Room,
    Shift,
    Site,
    Visit,
)
from queueapp.db.models.site import rules_of
from queueapp.db.session import Database
from queueapp.db.statement import Statement
from queueapp.domain.actor import Actor
from queueapp.domain.viewer import Credential, Identity, Part, Viewer

STAFF_SIGNED_IN_FOR_S = int(SIGNED_IN_FOR.total_seconds())
# Without a request in that time, one signs in anew.
STAFF_IDLE_FOR_S = 8 * 3600
_SEEN_EVERY_S = 300
ANYONE = "anyone"
log = logging.getLogger("queueapp.security")
_LARGEST_ID = 2**63 - 1
_BY_ID: dict[str, Any] = {
    "room_id": Room,
    "entry_id": QueueEntry,
    "visit_id": Visit,
    "appointment_id": Appointment,
    "shift_id": Shift,
    "item_id": DeskItem,
}
_NAMED = sa.select(Site.id, Site.slug, Site.name, Site.timezone, Site.settings)
_SITE_OF = {
    "site": Statement(_NAMED.where(Site.slug == sa.bindparam("site"))),
    "id": Statement(_NAMED.where(Site.id == sa.bindparam("id"))),
} | {
    name: Statement(
        _NAMED.where(
            Site.id == sa.select(row.site_id).where(row.id == sa.bindparam(name)).scalar_subquery()
        )
    )
    for name, row in _BY_ID.items()
}


class SiteRef(NamedTuple):
    """The site a request is about, as plain values."""

    id: int
    slug: str
    name: str
    timezone: str
    language: str


@dataclass(frozen=True, slots=True)
class Place:
    """What a URL is about: its site, and its room where it names one."""

    site: SiteRef | None = None
    room_id: int | None = None


class StaffUser(UserMixin):
    """Flask-Login's view of a signed-in member of staff; its id is of the sign-in."""

    def __init__(self, identity: Identity) -> None:
        self.identity = identity
        self.id = f"{identity.credential.id}:{identity.credential.stamp}"
        self.name = identity.actor.label


login_manager = LoginManager()


@login_manager.user_loader
def _load_user(user_id: str) -> StaffUser | None:
    identity = viewer().of_kind("staff")
    return StaffUser(identity) if identity else None


def now() -> datetime:
    """This request's moment: one for all that it does."""
    if "now" not in g:
        g.now = datetime.now(UTC)
    moment: datetime = g.now
    return moment


def current_db() -> Database:
    """The app's database."""
    database: Database = current_app.extensions["queueapp.db"]
    return database


def viewer() -> Viewer:
    """All that the request comes as; API calls by their bearer token alone, pages by cookie."""
    if "viewer" not in g:
        with current_db().read() as db:
            return _viewer(db)
    found: Viewer = g.viewer
    return found


def _viewer(db: Session) -> Viewer:
    if "viewer" not in g:
        g.viewer = _token_viewer(db) if is_api() else viewer_of(db, cookies(), now())
    found: Viewer = g.viewer
    return found


def forget_viewer() -> None:
    """Read the cookies anew, after one was set or taken away."""
    g.pop("viewer", None)
    g.pop("_login_user", None)


def identity() -> Identity:
    """The one of the viewer's identities that let the request in. Raises 401 where none did."""
    found: Identity | None = g.get("identity")
    if found is None:
        raise Unauthorized
    return found


def current_actor() -> Actor:
    """Under whom what the request does is recorded."""
    return identity().actor


def current_site() -> SiteRef:
    """The site the URL names; on a patient's own pages, the site of the visit."""
    site: SiteRef | None = g.get("site")
    if site is None:
        raise NotFound
    return site


def is_api() -> bool:
    """Whether the request is a program's, known by a bearer token."""
    return request.path.startswith("/api/")


def allow(*parts: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Let in those who hold one of `parts` at the URL's site; `"anyone"` lets in all.

    The site is that of `<site>` (a slug) or of `<int:room_id>`, `entry_id`, `visit_id`,
    `appointment_id`, `shift_id`, `item_id`; without any, a part at any site will do. Afterwards
    `identity()`, `current_actor()` and `current_site()` say who came and to where.
    """
    everyone = ANYONE in parts
    wanted = frozenset(Part(part) for part in parts if part != ANYONE)
    if not everyone and not wanted:
        raise ValueError("allow() must name who is let in")

    def decorate(view: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(view)
        def guarded(**arguments: Any) -> Any:
            _let_in(wanted, everyone, arguments)
            return view(**arguments)

        guarded.allowed_parts = frozenset({ANYONE} if everyone else wanted)  # type: ignore[attr-defined]
        guarded.let_in = functools.partial(_let_in, wanted, everyone)  # type: ignore[attr-defined]
        return guarded

    return decorate


def _let_in(wanted: frozenset[Part], everyone: bool, arguments: dict[str, Any]) -> None:
    with current_db().read() as db:
        who = _viewer(db)
        if not everyone and not who.identities:
            raise Unauthorized
        place = _place(db, arguments)
    site_id = place.site.id if place.site else None
    found = who.as_one_of(wanted, site_id, place.room_id) if wanted else None
    if found is None and everyone and who.identities:
        found = who.as_one_of(frozenset(Part), site_id, place.room_id)
    if found is None and not everyone:
        # A program is not even told that something of another clinic exists.
        if is_api() and who.as_one_of(frozenset(Part), site_id) is None:
            raise NotFound
        actor = who.identities[0].actor
        log.warning("%s was refused %s %s", actor.key, request.method, request.path)
        raise Forbidden
    g.identity = found
    g.site = place.site or _own_site(found)


def _place(db: Session, arguments: dict[str, Any]) -> Place:
    if "site" in arguments:
        return Place(_site(db, "site", arguments["site"]))
    for name in _BY_ID:
        if name in arguments:
            if arguments[name] > _LARGEST_ID:
                raise NotFound
            return Place(_site(db, name, arguments[name]), arguments.get("room_id"))
    return Place()


def _own_site(found: Identity | None) -> SiteRef | None:
    if found is None or found.credential.kind == "staff" or found.grants[0].site_id is None:
        return None
    with current_db().read() as db:
        return _site(db, "id", found.grants[0].site_id)


def _site(db: Session, of: str, value: Any) -> SiteRef:
    site = _SITE_OF[of].one_or_none(db, {of: value})
    if site is None:
        raise NotFound
    language = rules_of(site.settings).language
    return SiteRef(site.id, site.slug, site.name, site.timezone, language)


def bearer() -> str | None:
    """The request's bearer token, if it carries one."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


def _token_viewer(db: Session) -> Viewer:
    token = bearer()
    found = identity_of_token(db, token, now()) if token else None
    return Viewer((found,)) if found else Viewer()


def cookies() -> list[Credential]:
    """What the browser's signed session says it comes as; whether that still counts is asked."""
    found = []
    user_id = session.get("_user_id")
    if user_id and _is_fresh():
        sign_in_id, _, stamp = user_id.partition(":")
        found.append(Credential("staff", int(sign_in_id), stamp))
    for kind in ("device", "visit", "booking"):
        if kind in session:
            row_id, stamp = session[kind]
            found.append(Credential(kind, row_id, stamp))
    return found


def _is_fresh() -> bool:
    moment, since = now().timestamp(), session.get("staff_since", 0)
    is_idle = moment - session.get("staff_seen", since) > STAFF_IDLE_FOR_S
    return moment - since < STAFF_SIGNED_IN_FOR_S and not is_idle


def note_seen() -> None:
    """Keep in the cookie that somebody signed in was here, every few minutes."""
    if "staff_since" not in session or not _is_fresh():
        return
    moment = now().timestamp()
    if moment - session.get("staff_seen", session["staff_since"]) > _SEEN_EVERY_S:
        session["staff_seen"] = moment


def start_anew() -> None:
    """Before somebody signs in or out: keep the browser's screen and ticket, and nothing else."""
    kept = {name: session[name] for name in ("device", "visit", "booking") if name in session}
    session.clear()
    session.update(kept)
    session.permanent = bool(kept)
    g.pop("csrf_token", None)
    forget_viewer()


def remember(credential: Credential) -> None:
    """Keep a device or a visit in the signed session, for as long as the browser does."""
    session[credential.kind] = [credential.id, credential.stamp]
    session.permanent = True
    forget_viewer()


def forget(kind: str) -> None:
    """Take a device or a visit out of the session."""
    session.pop(kind, None)
    forget_viewer()


@login_manager.unauthorized_handler
def to_sign_in() -> Any:
    """Send a person to the sign-in page, and back afterwards."""
    wanted = request.full_path.rstrip("?") if request.method == "GET" else None
    return redirect(url_for("auth.sign_in", next=wanted))
