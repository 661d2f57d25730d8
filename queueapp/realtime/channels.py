"""Who may listen to what: derived from who connects, never from what the client asks for."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from queueapp.db.models import Room, Site
from queueapp.domain.viewer import Identity, Part, Viewer

HEARERS: dict[str, frozenset[Part]] = {
    "lobby": frozenset({Part.LOBBY, Part.RECEPTIONIST, Part.CLINICIAN, Part.MANAGER}),
    "kiosk": frozenset({Part.KIOSK, Part.MANAGER}),
    "desk": frozenset({Part.RECEPTIONIST}),
    "room": frozenset({Part.ROOM, Part.CLINICIAN}),
    "board": frozenset({Part.MANAGER}),
    "line": frozenset({Part.PATIENT}),
    "visit": frozenset({Part.PATIENT}),
}
# What a program hears that does not say what it wants.
_BY_TOKEN = frozenset({"lobby", "desk", "board", "line", "visit"})

_ALL = sa.select(Site.id, Site.slug, Room.id).select_from(
    sa.outerjoin(Site.__table__, Room.__table__, Room.site_id == Site.id)
)
_SOME = _ALL.where(Site.id.in_(sa.bindparam("sites", expanding=True)))


@dataclass(frozen=True, slots=True)
class Channel:
    """`lobby:{slug}`, `desk:{slug}`, `kiosk:`, `board:`, `line:`; `room:{id}`, `visit:{id}`."""

    kind: str
    site_id: int
    name: str
    subject: int | None = None


@dataclass(frozen=True, slots=True)
class Ground:
    """A site as far as channels go."""

    site_id: int
    slug: str
    room_ids: tuple[int, ...]


def load_grounds(session: Session, viewer: Viewer) -> list[Ground]:
    """The sites the viewer has a part at, with their rooms."""
    sites = {grant.site_id for one in viewer.identities for grant in one.grants}
    connection = session.connection()
    rows = (
        connection.execute(_ALL)
        if None in sites
        else connection.execute(_SOME, {"sites": list(sites)})
    )
    found: dict[tuple[int, str], list[int]] = {}
    for site_id, slug, room_id in rows:
        rooms = found.setdefault((site_id, slug), [])
        if room_id is not None:
            rooms.append(room_id)
    return [Ground(site_id, slug, tuple(rooms)) for (site_id, slug), rooms in found.items()]


def allowed(viewer: Viewer, grounds: Iterable[Ground]) -> dict[str, Channel]:
    """Every channel the viewer may listen to, by name."""
    found: dict[str, Channel] = {}
    for ground in grounds:
        for identity in viewer.identities:
            for channel in _of_site(identity, ground):
                found[channel.name] = channel
    return found


def _of_site(identity: Identity, ground: Ground) -> Iterable[Channel]:
    for kind, parts in HEARERS.items():
        if kind == "room":
            for room_id in ground.room_ids:
                if identity.covers(parts, ground.site_id, room_id):
                    yield Channel(kind, ground.site_id, f"room:{room_id}", room_id)
        elif not identity.covers(parts, ground.site_id):
            continue
        elif kind != "visit":
            yield Channel(kind, ground.site_id, f"{kind}:{ground.slug}")
        elif identity.visit_id is not None:
            visit_id = identity.visit_id
            yield Channel(kind, ground.site_id, f"visit:{visit_id}", visit_id)


def chosen(viewer: Viewer, may: dict[str, Channel], want: Collection[str] | None) -> list[Channel]:
    """Of what the viewer may hear, what the page shows; without `want`, what goes by itself."""
    if want is not None:
        return [may[name] for name in dict.fromkeys(want) if name in may]
    by_token = viewer.of_kind("token") is not None
    return [c for c in may.values() if not by_token or c.kind in _BY_TOKEN]
