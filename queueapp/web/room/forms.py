"""What the room's verbs ask for."""

from wtforms import IntegerField
from wtforms.validators import InputRequired, NumberRange

from queueapp.domain.visit import Resolution
from queueapp.web.fields import Choice, ClockField
from queueapp.web.forms import Form, text

RESOLUTIONS = {
    Resolution.RESOLVED.value: "Resolved",
    Resolution.FOLLOW_UP.value: "Follow-up booked",
    Resolution.REFERRED_ON.value: "Referred on",
}
SAME = "same"
UNKNOWN = "unknown"
_NOTE = 300


class PlainForm(Form):
    """Nothing but yes."""


class FinishForm(Form):
    """How it ended, never preselected; where the person goes next, if anywhere."""

    resolution = Choice("How did the visit end?", "Choose one of the three, or leave it out.")
    next_service = Choice("Next", "Choose one of this clinic's services.")
    next_who = Choice("Seen by", "Choose anyone or the same clinician.")


class EndedForm(FinishForm):
    """How it ended, and how long ago; whoever does not know says so."""

    ago = Choice("When did it end?", "Choose when it ended, or that you do not know.")


class TransferForm(Form):
    """Where to, with whom, and words for the colleague."""

    service = Choice("To which service", "Choose one of this clinic's services.")
    clinician = Choice("Seen by", "Choose anyone or a clinician.")
    note = text("For the colleague, if anything", longest=_NOTE)


class AsideForm(Form):
    """What comes between: another service, or a time before which nobody calls."""

    service = Choice("First to", "Choose one of this clinic's services, or nothing.")
    ready_at = ClockField("Ready at, if it is known")
    note = text("For whoever sees them next, if anything", longest=_NOTE)


class OpenForm(Form):
    """Who works here, until when."""

    clinician = Choice("Who works here?", "Choose who works here.")
    until = ClockField("Until, if not as planned")


class HandOverForm(Form):
    """To whom."""

    clinician = Choice("Who takes over?", "Choose who takes over.")


class RoomForm(Form):
    """To which room."""

    room = Choice("To which room?", "Choose one of this clinic's rooms.")


class PauseForm(Form):
    """Why, and until when."""

    reason = text("Why", "Say why: colleagues see it.")
    until = ClockField("Back at", "Say when you will be back, as 10:40.")


class LateForm(Form):
    """By how much."""

    minutes = IntegerField(
        "Minutes late",
        [
            InputRequired("Give a number of minutes, 0 for on time."),
            NumberRange(0, 720, "Give 0 to 720 minutes."),
        ],
    )
