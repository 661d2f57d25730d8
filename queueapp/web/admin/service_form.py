"""The form of a service: its reasons and targets are rows of it."""

from wtforms import BooleanField, FieldList, Form, FormField, HiddenField
from wtforms.validators import Length

from queueapp.web.admin.forms import AdminForm, DayField, NumberField
from queueapp.web.fields import ClockField
from queueapp.web.forms import text


class ReasonRow(Form):
    """Why one comes, and how long that takes."""

    reason_id = HiddenField(validators=[Length(max=20)])
    words = text("Reason for visit")
    planned = NumberField("Planned minutes", least=1, needed=False)
    retired = BooleanField("Retired")

    def is_blank(self) -> bool:
        """Whether nothing was entered in a row that stood for a new reason."""
        return not (self.reason_id.data or (self.words.data or "").strip() or self.planned.raw)


class TargetRow(Form):
    """Call within, for how many in a hundred."""

    within = NumberField("Call within, minutes", least=1, needed=False)
    share = NumberField("For, per cent", least=1, most=100, unit="per cent", needed=False)
    key = ""


class ServiceForm(AdminForm):
    """All of a service."""

    name = text("Name for staff", "Give the service a name.", longest=80)
    plain_name = text("Name for patients")
    position = NumberField("Place in lists", most=999, unit="", needed=False)
    planned = NumberField("Planned, without a reason", least=1)
    not_care = BooleanField("Not care: a parcel, a prescription to collect")
    online = BooleanField("Can be booked online", default=True)
    reasons = FieldList(FormField(ReasonRow), max_entries=60)
    targets = FieldList(FormField(TargetRow), max_entries=20)
    targets_from = DayField("New targets hold from")
    intake_ends = ClockField("Last ticket at")
    waiting_limit = NumberField(
        "No more tickets while this many wait", least=1, most=10_000, unit="people", needed=False
    )
    needs = text("Needs a room with", longest=200)
    buffer_before = NumberField("Free before a booking")
    buffer_after = NumberField("Free after a booking")
