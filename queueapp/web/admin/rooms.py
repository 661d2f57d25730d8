"""Rooms: where care happens."""

from typing import Any

from flask import redirect, request, url_for
from sqlalchemy.orm import Session
from werkzeug.exceptions import NotFound

from queueapp.actions import admin_rooms as actions
from queueapp.actions.admin_record import version_of
from queueapp.db.models import Room
from queueapp.db.queries import administration as queries
from queueapp.db.queries.happened import room_name
from queueapp.web.admin.base import acting, blueprint, changed_by, press, save, show, status_of
from queueapp.web.admin.forms import AdminForm, NumberField
from queueapp.web.forms import PostForm, text
from queueapp.web.security import allow, current_db, current_site


class RoomForm(AdminForm):
    """All of a room."""

    name = text("Name on the door", "Give the room a name as it stands on the door.", longest=40)
    places = NumberField("Places: how many at once", least=1, most=50, unit="places")
    features = text("It has", longest=300)
    position = NumberField("Place in lists", most=999, unit="", needed=False)


@blueprint.get("/admin/<site>/rooms")
@allow("manager")
def rooms(site: str) -> Any:
    """The first room, or a new one where there is none."""
    with current_db().read() as session:
        rows = queries.rooms(session, current_site().id)
        first = rows[0].id if rows else None
    if first is not None:
        return redirect(url_for("admin.room", site=site, room_id=first))
    return redirect(url_for("admin.new_room", site=site))


@blueprint.route("/admin/<site>/rooms/new", methods=["GET", "POST"])
@allow("manager")
def new_room(site: str) -> Any:
    """One more room."""
    form = RoomForm()
    if request.method == "GET":
        form.places.data = 1

    def work(session: Session) -> str:
        room = actions.add_room(session, *acting(), site_id=current_site().id, given=_given(form))
        return f"Room {room.name} is added."

    if form.validate_on_submit():
        done = save(form, work, lambda: url_for("admin.new_room", site=site))
        if done is not None:
            return done
    return _page(form, None)


@blueprint.route("/admin/<site>/rooms/<int:room_id>", methods=["GET", "POST"])
@allow("manager")
def room(site: str, room_id: int) -> Any:
    """One room."""
    with current_db().read() as session:
        row = session.get(Room, room_id)
        if row is None or row.site_id != current_site().id:
            raise NotFound
        state = actions.room_state(row)
    form = (
        RoomForm()
        if request.method == "POST"
        else RoomForm(
            data={
                **state,
                "features": ", ".join(state["features"]),
                "version": version_of(state),
            }
        )
    )

    def work(session: Session) -> str:
        changed = actions.change_room_settings(
            session,
            *acting(),
            site_id=current_site().id,
            room_id=room_id,
            version=form.version.data or "",
            given=_given(form),
        )
        return "Saved." if changed else "Nothing was changed."

    if form.validate_on_submit():
        done = save(form, work, lambda: url_for("admin.room", site=site, room_id=room_id))
        if done is not None:
            return done
    return _page(form, room_id)


@blueprint.post("/admin/<site>/rooms/<int:room_id>/retired")
@allow("manager")
def retire_room(site: str, room_id: int) -> Any:
    """Use it no more, or again."""
    retired = request.form.get("retired") == "yes"

    def work(session: Session) -> str:
        actions.retire_room(
            session, *acting(), site_id=current_site().id, room_id=room_id, retired=retired
        )
        return "It is retired; its tablet is ended." if retired else "It is in use again."

    return press(work, url_for("admin.room", site=site, room_id=room_id))


def _given(form: RoomForm) -> actions.GivenRoom:
    return actions.GivenRoom(
        name=form.name.data or "",
        places=form.places.data or 1,
        features=(form.features.data or "").split(","),
        position=form.position.data or 0,
    )


def _page(form: RoomForm, room_id: int | None) -> Any:
    with current_db().read() as session:
        rows = queries.rooms(session, current_site().id)
        return show(
            "admin/room.html",
            "admin.rooms",
            status_of(form),
            form=form,
            button=PostForm(formdata=None),
            rows=rows,
            room=next((r for r in rows if r.id == room_id), None),
            room_name=room_name,
            chosen=room_id,
            changed=changed_by(session, actions.SUBJECT, room_id) if room_id else None,
        )
