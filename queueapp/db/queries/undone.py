"""Which facts still stand."""

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from queueapp.db.models import VisitEvent


def not_undone() -> sa.ColumnElement[bool]:
    """That no later fact undoes a `VisitEvent`: one look into an index for each that is asked."""
    later = aliased(VisitEvent)
    return ~sa.exists().where(later.undoes_id == VisitEvent.id)
