"""States of an entry, a call and an appointment, and the refusal that names one."""

from datetime import timedelta
from enum import StrEnum

from queueapp.domain.refusal import Refused, conflict


class EntryState(StrEnum):
    """Where one wait stands."""

    WAITING = "waiting"
    CALLED = "called"
    IN_SERVICE = "in_service"
    FINISHED = "finished"
    TRANSFERRED = "transferred"
    LEFT = "left_without_being_seen"
    NOT_REACHED = "not_reached"
    CANCELLED = "cancelled"


class Presence(StrEnum):
    """Where the person is, apart from the state of the entry."""

    ON_THE_WAY = "on_the_way"
    HERE = "here"
    OUT = "out"
    UNCONFIRMED = "unconfirmed"


class CallOutcome(StrEnum):
    """How a summons ended; none while it stands."""

    ANSWERED = "answered"
    DID_NOT_ANSWER = "did_not_answer"
    WITHDRAWN = "withdrawn"


class Resolution(StrEnum):
    """How the visit ended for the patient; never preselected, unknown is None."""

    RESOLVED = "resolved"
    FOLLOW_UP = "follow_up"
    REFERRED_ON = "referred_on"


class SortedOut(StrEnum):
    """The patient's own answer to "was what you came for sorted out?"."""

    YES = "yes"
    PARTLY = "partly"
    NO = "no"


class AppointmentState(StrEnum):
    """Where a booked time stands (FHIR's words)."""

    HELD = "held"
    BOOKED = "booked"
    CHECKED_IN = "checked_in"
    FULFILLED = "fulfilled"
    CANCELLED = "cancelled"
    NO_SHOW = "no_show"


class PreferenceKind(StrEnum):
    """How firmly a clinician is wished for."""

    NONE = "none"
    IF_POSSIBLE = "if_possible"
    ONLY = "only"


class CallRoute(StrEnum):
    """A way a person can be called."""

    LOBBY = "lobby"
    PHONE = "phone"
    FETCH = "fetch"


class EntryClass(StrEnum):
    """The classes the rules know; a site may use other labels, each with a target of its own."""

    EMERGENCY = "emergency"
    URGENT = "urgent"
    BOOKED = "booked"
    WALK_IN = "walk_in"
    ONWARD = "onward"


# Who was called so long ago, and nobody said that they came or did not, is likelier in than not.
CALL_BELIEVED = timedelta(minutes=5)

OPEN_STATES = frozenset({EntryState.WAITING, EntryState.CALLED, EntryState.IN_SERVICE})
IN_ROOM_STATES = frozenset({EntryState.CALLED, EntryState.IN_SERVICE})
BUSY_APPOINTMENT_STATES = frozenset(
    {
        AppointmentState.HELD,
        AppointmentState.BOOKED,
        AppointmentState.CHECKED_IN,
        AppointmentState.FULFILLED,
    }
)

_WORDS = {
    EntryState.WAITING: "is waiting",
    EntryState.CALLED: "has been called",
    EntryState.IN_SERVICE: "is with the clinician",
    EntryState.FINISHED: "has finished",
    EntryState.TRANSFERRED: "was passed on",
    EntryState.LEFT: "has left",
    EntryState.NOT_REACHED: "was not reached before closing",
    EntryState.CANCELLED: "was cancelled",
}


def in_words(state: EntryState) -> str:
    """The state as the end of a sentence: "B12 has been called"."""
    return _WORDS[state]


def wrong_state(ticket: str, current: EntryState) -> Refused:
    """The refusal that names what the entry is now."""
    return conflict("wrong_state", f"{ticket} {in_words(current)}.", state=str(current))
