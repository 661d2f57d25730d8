"""What the verbs of a row ask for."""

from wtforms import RadioField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import Optional

from queueapp.domain.visit import Resolution
from queueapp.web.fields import AfterwardsForm, Choice, ClockField
from queueapp.web.forms import Form, text

RESOLUTIONS = {
    Resolution.RESOLVED.value: "Sorted out",
    Resolution.FOLLOW_UP.value: "Comes again",
    Resolution.REFERRED_ON.value: "Referred on",
}
LEFT_BECAUSE = {
    "": "Not said",
    "waited_too_long": "Waited too long",
    "feels_better": "Feels better",
    "another_day": "Comes another day",
    "helped_at_the_desk": "Helped at the desk",
}


class CallForm(AfterwardsForm):
    """To which room."""

    room = Choice("To which room", "Choose a room in which somebody works.")


class MoveForm(Form):
    """Ahead of whom, and why."""

    before = Choice("Ahead of", "Choose somebody who waits.")
    reason = text("Reason, kept and shown", "Give a reason: it is shown to colleagues.", 200)


class FirstForm(Form):
    """Why this one goes first."""

    reason = text("Reason, kept and shown", "Give a reason: it is shown to colleagues.", 200)


class TransferForm(Form):
    """Where to, with whom, and words for the clinician."""

    service = Choice("To which service", "Choose one of this clinic's services.")
    clinician = Choice("Seen by", "Choose anyone or a clinician.")
    note = text("For the clinician, if anything", longest=300)


class WishForm(Form):
    """By whom they want to be seen."""

    clinician = Choice("Seen by", "Choose anyone or a clinician.")


class OutForm(AfterwardsForm):
    """Until when."""

    back_by = ClockField("Back by", "Say when they will be back, as 10:40.")


class LeftForm(AfterwardsForm):
    """Why, if they said."""

    why = Choice("Why, if they said", "Choose one of these.")


class ClassForm(Form):
    """Which class."""

    entry_class = Choice("Class", "Choose one of the classes.")


class StartForm(AfterwardsForm):
    """Since when they are in the room."""


class FinishForm(AfterwardsForm):
    """How it ended; never preselected."""

    resolution = RadioField(
        "How it ended, if known",
        [Optional()],
        choices=[SelectChoice(value, words) for value, words in RESOLUTIONS.items()],
    )


class PlainForm(Form):
    """Nothing but yes."""
