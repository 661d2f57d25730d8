"""What calls take: bodies and queries, in the formats' words."""

from typing import Annotated

from pydantic import Field

from queueapp.domain.visit import Presence, Resolution
from queueapp.web.api.fields import (
    SAID,
    BirthDate,
    Body,
    Day,
    Input,
    Moment,
    Name,
    RowId,
    Said,
    Slug,
    WhoId,
    line,
)

ServiceSlug = Annotated[Slug, Field(description="A service's slug, as `sites` gives it.")]
Label = Annotated[str, line(32, r"^[a-zA-Z0-9_-]+$")]
Phone = Annotated[str, line(40, r"^[0-9+() ./-]*$")]
Happened = Annotated[
    Moment | None, Field(description="When it really happened, if entered afterwards.")
]


class Nothing(Body):
    """A body that may be left out."""


class Verb(Body):
    """Something done to an entry, maybe entered afterwards."""

    occurred_at: Happened = None


class TakeTicket(Body):
    """A walk-in. `class` is a label such as `regular`, `priority` or `urgent`."""

    service: ServiceSlug
    entry_class: Annotated[
        Label, Field(alias="class", description="`regular` is a walk-in's unless said.")
    ] = "regular"
    name: Name = ""
    phone: Phone = ""
    preferred_clinician: WhoId | None = None
    only_preferred: Annotated[
        bool, Field(description="Wait for the preferred clinician and nobody else.")
    ] = False
    presence: Annotated[
        Presence, Field(description="`here`, or `on_the_way` for one who joins from afar.")
    ] = Presence.HERE
    come_by: Annotated[
        Moment | None, Field(description="For `on_the_way`: when to be here at the latest.")
    ] = None
    discreet: bool = False
    occurred_at: Happened = None


class PutClinician(Body):
    """Who works in the room from now on; null: nobody."""

    clinician: WhoId | None


class Whose(Body):
    """Whose shift is meant, where several clinicians work in the room."""

    clinician: WhoId | None = None


class CallNext(Whose):
    """Who calls, where several clinicians work in the room."""

    occurred_at: Happened = None


class PauseRoom(Whose):
    """A stop: nobody is called until it is resumed."""

    reason: Annotated[str, line(120, SAID)]
    until: Annotated[Moment | None, Field(description="When it is expected to end.")] = None


class Finish(Verb):
    """How it ended for the patient; left out: not said."""

    resolution: Resolution | None = None


class Transfer(Verb):
    """Where the person goes on to."""

    service: ServiceSlug
    preferred_clinician: WhoId | None = None
    only_preferred: bool = False
    booked_for: Moment | None = None
    note: Annotated[str, line(300)] = ""


class SetAside(Verb):
    """Out of the room for a while, then back to the same clinician."""

    then_service: Annotated[
        ServiceSlug | None, Field(description="What comes first, such as the blood test.")
    ] = None
    ready_at: Annotated[Moment | None, Field(description="Not called back before this moment.")] = (
        None
    )
    note: Annotated[str, line(300)] = ""


class Leave(Verb):
    """Why the person goes without being seen."""

    reason: Annotated[str, line(300)] = ""


class StepOut(Verb):
    """Until when the person is out; the place is kept."""

    back_by: Moment


class Move(Body):
    """A change of the order by staff; `due_by` stays."""

    reason: Said
    before: Annotated[
        RowId | None,
        Field(description="The entry to be placed before; left out: the first of the line."),
    ] = None


class SlotQuery(Input):
    """Which free times; `from` is now and `to` a week later unless said."""

    service: ServiceSlug
    from_: Annotated[Moment | Day | None, Field(alias="from")] = None
    to: Moment | Day | None = None
    clinician: Annotated[
        str | None, line(120), Field(description="A clinician: the id, or the name.")
    ] = None


class Book(Body):
    """A booked time, with one clinician or in the service's pool."""

    service: ServiceSlug
    starts_at: Moment
    clinician: WhoId | None = None
    name: Name = ""
    phone: Phone = ""
    email: Annotated[str, line(254)] = ""
    birth_date: BirthDate | None = None
    only_preferred: Annotated[
        bool, Field(description="To be seen by this clinician and nobody else.")
    ] = False
    discreet: bool = False
    override: Annotated[
        Said | None,
        Field(description="Why it may overlap others, or lie outside the hours; audited."),
    ] = None


class CheckIn(Verb):
    """The booked patient says they are here."""

    presence: Presence = Presence.HERE


class Cancel(Body):
    """Why the booking is given up."""

    reason: Annotated[str, line(60, r"^[a-z_]*$"), Field(description="A code.")] = "by_program"


class MoveBooking(Body):
    """The new time; the clinician stays unless said."""

    starts_at: Moment
    clinician: WhoId | None = None
