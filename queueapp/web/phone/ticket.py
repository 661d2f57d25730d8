"""The patient's own page: how long, and is it my turn."""

from flask import render_template
from flask_babel import gettext as _
from werkzeug.exceptions import NotFound

from queueapp.db.models import Site
from queueapp.realtime.content.line import line_rows
from queueapp.realtime.content.visit import view_of
from queueapp.web.phone.join import blueprint
from queueapp.web.phone.mine import mine_of
from queueapp.web.security import allow, current_db, current_site, identity, now


@blueprint.get("/phone/ticket")
@allow("patient")
def ticket() -> str:
    """Follow the visit live; painted whole, so it is right after a reload too."""
    moment = now()
    with current_db().read() as session:
        site = session.get_one(Site, current_site().id)
        view = view_of(session, moment, identity().visit_id)
        if view is None:
            raise NotFound(_("This ticket was not found. Ask at the desk."))
        rows = line_rows(session, site, moment)
        visit = view.visit
        return render_template(
            "phone/ticket.html",
            channels=[f"visit:{visit.id}", f"line:{site.slug}"],
            seq=site.seq,
            view=view,
            mine=mine_of(rows, visit.key, visit.ticket, moment),
        )
