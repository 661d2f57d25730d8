"""Who looks: one browser or program may come as several at once (a login, a screen, a patient)."""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from queueapp.domain.actor import Actor, Role


class Part(StrEnum):
    """As what one may be let in: a member of staff, a paired screen, the patient of a link.

    A booker is whoever has the link of a booking, before there is a visit.
    """

    RECEPTIONIST = "receptionist"
    CLINICIAN = "clinician"
    MANAGER = "manager"
    ADMIN = "admin"
    KIOSK = "kiosk"
    LOBBY = "lobby"
    ROOM = "room"
    PATIENT = "patient"
    BOOKER = "booker"


_STAMP_LENGTH = 16
STAFF_PARTS = frozenset({Part(role.value) for role in Role})


@dataclass(frozen=True, slots=True)
class Credential:
    """What a cookie or a socket is known by: `stamp` changes when it must no longer count.

    `kind` is `staff`, `device`, `visit`, `booking` or `token`; `id` is the row's.
    """

    kind: str
    id: int
    stamp: str


def stamp_of(secret: str) -> str:
    """The stamp of what is known by that key, or by a token of that hash."""
    return secret[:_STAMP_LENGTH]


@dataclass(frozen=True, slots=True)
class Grant:
    """A part at a site (`None`: at all of them), for a room tablet in one room."""

    part: Part
    site_id: int | None
    room_id: int | None = None

    def covers(self, parts: Collection[Part], site_id: int | None, room_id: int | None) -> bool:
        """Whether it lets one in where `parts` are wanted; `site_id` None means at any site.

        A manager may do all that staff of the site may, an admin all that staff of any site may.
        """
        if self.site_id is not None and site_id is not None and self.site_id != site_id:
            return False
        if self.room_id is not None and room_id is not None and self.room_id != room_id:
            return False
        if self.part is Part.ADMIN:
            return not STAFF_PARTS.isdisjoint(parts)
        if self.part is Part.MANAGER:
            return not (STAFF_PARTS - {Part.ADMIN}).isdisjoint(parts)
        return self.part in parts


@dataclass(frozen=True, slots=True)
class Identity:
    """One of those a viewer comes as; what is done is recorded under `actor`."""

    actor: Actor
    credential: Credential
    grants: tuple[Grant, ...]
    visit_id: int | None = None
    device_id: int | None = None
    appointment_id: int | None = None

    def covers(
        self, parts: Collection[Part], site_id: int | None = None, room_id: int | None = None
    ) -> bool:
        """Whether one of the grants lets in; see `Grant.covers`."""
        return any(grant.covers(parts, site_id, room_id) for grant in self.grants)


@dataclass(frozen=True, slots=True)
class Viewer:
    """All that a browser or program comes as; empty for someone unknown."""

    identities: tuple[Identity, ...] = ()

    def as_one_of(
        self, parts: Collection[Part], site_id: int | None = None, room_id: int | None = None
    ) -> Identity | None:
        """The first identity that may act where `parts` are wanted."""
        return next((i for i in self.identities if i.covers(parts, site_id, room_id)), None)

    def of_kind(self, kind: str) -> Identity | None:
        """The identity known by a credential of that kind."""
        return next((i for i in self.identities if i.credential.kind == kind), None)
