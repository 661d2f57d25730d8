"""What a call is: one row of the table from which routes and their description are both made."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import BaseModel
from sqlalchemy.orm import Session

from queueapp.domain.actor import Actor
from queueapp.web.security import SiteRef

RECEPTIONIST, CLINICIAN = "receptionist", "clinician"
STAFF = (RECEPTIONIST, CLINICIAN)


@dataclass(frozen=True, slots=True)
class Ask:
    """A request as a view gets it: inside one transaction, already let in and checked."""

    session: Session
    actor: Actor
    now: datetime
    site: SiteRef | None
    body: Any = None
    query: Any = None


# Status and content; a view raises Refused for all that is not to be carried out.
View = Callable[..., tuple[int, Any]]


@dataclass(frozen=True, slots=True)
class Call:
    """One call. `path` is OpenAPI's, its parameters are the view's arguments by name.

    `answers` gives each good status its model (None: no content); `conflicts` says when 409 is
    answered; `links` means that the answer carries a phone link, which is derived, never kept.
    """

    method: str
    path: str
    view: View
    parts: tuple[str, ...]
    answers: dict[int, Any]
    body: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    conflicts: str = ""
    links: bool = False

    @property
    def name(self) -> str:
        """The operation's name."""
        return self.view.__name__

    @property
    def is_write(self) -> bool:
        """Whether it changes something."""
        return self.method == "POST"
