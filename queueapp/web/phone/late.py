"""One who has booked and runs late says so by the booking's link."""

from datetime import datetime, timedelta
from typing import Any

from flask import flash, redirect, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from queueapp.actions.running_late import booking_runs_late
from queueapp.domain.localtime import to_local
from queueapp.domain.refusal import Refused, invalid
from queueapp.web.once import once
from queueapp.web.phone.booked import appointment_id
from queueapp.web.phone.join import blueprint
from queueapp.web.phone.verbs import OUT_FOR
from queueapp.web.security import allow, current_actor, current_site, now


@blueprint.post("/booking/late")
@allow("booker")
def booking_late() -> Response:
    """By how many minutes one comes later than booked."""
    minutes = request.form.get("minutes", "")
    try:
        if minutes not in map(str, OUT_FOR):
            raise invalid("minutes", "Choose 10, 20 or 30 minutes.")
        said = once(_say)
    except Refused as refused:
        flash(refused.message, "refused")
        return redirect(url_for("phone.booking"), 303)
    by = to_local(current_site().timezone, datetime.fromisoformat(said["late_until"]))
    flash(f"Thank you for telling us. We expect you by {by:%H:%M}.", "done")
    return redirect(url_for("phone.booking"), 303)


def _say(session: Session) -> dict[str, Any]:
    booked = booking_runs_late(
        session,
        current_actor(),
        now(),
        appointment_id=appointment_id(),
        by=timedelta(minutes=int(request.form["minutes"])),
    )
    assert booked.late_until is not None
    return {"late_until": booked.late_until.isoformat()}
