"""What patients change of their booking by its link: another time, or not to come."""

from datetime import datetime
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from queueapp.actions.online_changes import cancel_online, check_may_change, move_online
from queueapp.db.models import Appointment, Site
from queueapp.domain.localtime import to_local
from queueapp.domain.refusal import RefusalKind, Refused
from queueapp.domain.visit import PreferenceKind
from queueapp.web.fields import row_number
from queueapp.web.forms import PostForm
from queueapp.web.once import once
from queueapp.web.phone.booked import appointment_id
from queueapp.web.phone.booking import next_of, read_day, words_of
from queueapp.web.phone.join import blueprint
from queueapp.web.phone.times import Wanted, load_times, read_time
from queueapp.web.security import allow, current_actor, current_db, current_site, now


@blueprint.route("/booking/move", methods=["GET", "POST"])
@allow("booker")
def move_booking() -> str | Response | tuple[str, int]:
    """The same booking at another time."""
    if request.method != "POST":
        return _page()
    form = PostForm()
    if not form.validate():
        return _page("Reload the page and try again."), 422
    try:
        moved = once(_move)
    except Refused as refused:
        status = 422 if refused.kind is RefusalKind.INVALID else 409
        return _page(refused.message, next_of(refused)), status
    at = to_local(current_site().timezone, datetime.fromisoformat(moved["starts_at"]))
    flash(f"Moved to {at:%A} {at.day} {at:%B}, {at:%H:%M}.", "done")
    return redirect(url_for("phone.booking"), 303)


@blueprint.route("/booking/cancel", methods=["GET", "POST"])
@allow("booker")
def cancel_booking() -> str | Response:
    """Asks once, then gives the time back."""
    form = PostForm()
    if not form.validate_on_submit():
        with current_db().read() as session:
            booked = session.get_one(Appointment, appointment_id())
            return render_template("phone/booking_cancel.html", form=form, booked=booked)

    def cancel(session: Session) -> dict[str, Any]:
        cancel_online(session, current_actor(), now(), appointment_id=appointment_id())
        return {}

    try:
        once(cancel)
    except Refused as refused:
        flash(refused.message, "refused")
    return redirect(url_for("phone.booking"), 303)


def _move(session: Session) -> dict[str, Any]:
    starts_at, likely = read_time(request.form.get("time", ""))
    moved = move_online(
        session, current_actor(), now(),
        appointment_id=appointment_id(), starts_at=starts_at,
        clinician_id=_who(session.get_one(Appointment, appointment_id())), likely=likely,
    )  # fmt: skip
    return {"starts_at": moved.starts_at.isoformat()}


def _who(booked: Appointment) -> int | None:
    """With whom: as the page says, else with the same where one was wished for."""
    who = request.values.get("who", "")
    if who or booked.preference is PreferenceKind.NONE:
        return row_number(who)
    return booked.clinician_id


def _page(wrong: str = "", offered: tuple[datetime, ...] = ()) -> str | Response:
    with current_db().read() as session:
        booked = session.get_one(Appointment, appointment_id())
        try:
            check_may_change(booked, now())
        except Refused as refused:
            flash(refused.message, "refused")
            return redirect(url_for("phone.booking"))
        site, who = session.get_one(Site, booked.site_id), _who(booked)
        since = read_day(request.values.get("from"))
        wanted = Wanted(
            clinician_id=who,
            day=read_day(request.values.get("day")),
            since=since,
            length=booked.ends_at - booked.starts_at,
            offered=offered,
            but_for=booked.id,
        )
        times = load_times(session, site, booked.service, now(), wanted)

        def address(**change: Any) -> str:
            chosen, start = change.get("who", who), change.get("since", since)
            return url_for(
                "phone.move_booking",
                who=chosen or "anyone",
                day=change.get("day"),
                **({"from": start} if start else {}),
            )

        return render_template(
            "phone/book_time.html",
            form=PostForm(formdata=None),
            times=times,
            words=words_of(booked.service, booked.reason_id),
            length=booked.ends_at - booked.starts_at,
            wrong=wrong,
            back=url_for("phone.booking"),
            step="",
            title="Choose another time",
            now_at=booked.starts_at,
            send="Move to this time",
            who=who,
            address=address,
        )
