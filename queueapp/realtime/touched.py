"""Which visits changed: a phone's own channel is rendered for these alone."""

import sqlalchemy as sa
from sqlalchemy.orm import Session

from queueapp.db.models import Visit, VisitEvent
from queueapp.db.statement import Statement
from queueapp.domain.events import Kind

_SINCE = Statement(
    sa.select(VisitEvent.visit_id, VisitEvent.kind)
    .where(VisitEvent.site_id == sa.bindparam("site"), VisitEvent.seq > sa.bindparam("seq"))
    .distinct()
)
_ONE, _OTHER = Visit.__table__.alias(), Visit.__table__.alias()
_ALONG = Statement(
    sa.select(_OTHER.c.id)
    .join_from(_ONE, _OTHER, _OTHER.c.party_id == _ONE.c.party_id)
    .where(_ONE.c.id.in_(sa.bindparam("visits", expanding=True)))
)


def touched_since(session: Session, site_id: int, since: int | None) -> set[int] | None:
    """The visits that changed after the site's seq `since`; None when any may have."""
    if since is None:
        return None
    rows = _SINCE.all(session, {"site": site_id, "seq": since})
    general = {kind for visit_id, kind in rows if visit_id is None}
    if general - {Kind.FORECAST_STORED}:
        return None
    touched = {visit_id for visit_id, _ in rows if visit_id is not None}
    # A phone also says when one who came along is called.
    return touched | {*(_ALONG.scalars(session, {"visits": [*touched]}) if touched else ())}
