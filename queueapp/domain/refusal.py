"""Why something is refused, in words a person can act on."""

import dataclasses
from enum import StrEnum


class RefusalKind(StrEnum):
    """What sort of refusal it is; the web answers each with its own status."""

    INVALID = "invalid"
    NOT_FOUND = "not_found"
    FORBIDDEN = "forbidden"
    CONFLICT = "conflict"


@dataclasses.dataclass
class Refused(Exception):
    """An action that was not carried out; nothing was changed.

    `message` is a whole sentence for the person who asked; `field` names the input that is wrong
    (dotted for nested input), or is empty when no single input is.
    """

    message: str
    field: str = ""
    kind: RefusalKind = RefusalKind.CONFLICT
    code: str = ""
    details: dict[str, object] = dataclasses.field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.field}: {self.message}" if self.field else self.message


def invalid(field_name: str, message: str) -> Refused:
    """A refusal of one input: `message` says what would be right."""
    return Refused(message, field=field_name, kind=RefusalKind.INVALID, code="invalid")


def not_found(what: str) -> Refused:
    """A refusal because `what` does not exist, or not for the one who asks."""
    return Refused(f"{what} was not found.", kind=RefusalKind.NOT_FOUND, code="not_found")


def forbidden(message: str) -> Refused:
    """A refusal because the one who asks may not do this."""
    return Refused(message, kind=RefusalKind.FORBIDDEN, code="forbidden")


def conflict(code: str, message: str, **details: object) -> Refused:
    """A refusal because the world has moved on; `code` is stable for programs."""
    return Refused(message, kind=RefusalKind.CONFLICT, code=code, details=details)
