"""Who acts."""

from dataclasses import dataclass
from enum import StrEnum


class ActorKind(StrEnum):
    """What sort of one acts."""

    STAFF = "staff"
    DEVICE = "device"
    PATIENT = "patient"
    BOOKER = "booker"
    TOKEN = "token"
    SYSTEM = "system"


class Role(StrEnum):
    """What a membership allows at a site; a manager may do all of a site, an admin all of all."""

    RECEPTIONIST = "receptionist"
    CLINICIAN = "clinician"
    MANAGER = "manager"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Actor:
    """The one an action is recorded under: `id` within its kind; `label` is what colleagues see."""

    kind: ActorKind
    id: int | None = None
    label: str = ""

    @property
    def key(self) -> str:
        """A stable text key, e.g. `staff:7`; idempotency keys belong to it."""
        return f"{self.kind}:{self.id if self.id is not None else '-'}"


def kind_and_id(key: str) -> tuple[str, int]:
    """What an `Actor.key` was made of; the id is 0 where there is none."""
    kind, _, number = key.partition(":")
    return kind, int(number) if number.isdigit() else 0


SYSTEM = Actor(ActorKind.SYSTEM, None, "queueapp")
