"""Indexes that nothing is looked up by, or of which most rows say nothing, cost each who comes."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_UNUSED = {
    "visit_event": ("room_id", "shift_id", "appointment_id"),
    "queue_entry": ("appointment_id", "clinician_id", "room_id", "shift_id"),
    "patient": ("preferred_clinician_id", "same_as_id"),
    "visit": ("party_id",),
}
_IN_PART = {
    "visit_event": {
        "appointment_id": "appointment_id IS NOT NULL",
        "shift_id": "shift_id IS NOT NULL AND visit_id IS NULL",
    },
    "patient": {"same_as_id": "same_as_id IS NOT NULL"},
    "visit": {"party_id": "party_id IS NOT NULL"},
}


def upgrade() -> None:
    for table, columns in _UNUSED.items():
        for column in columns:
            op.drop_index(f"ix_{table}_{column}", table)
    for table, parts in _IN_PART.items():
        for column, which in parts.items():
            words = sa.text(which)
            op.create_index(
                f"ix_{table}_{column}", table, [column],
                sqlite_where=words, postgresql_where=words,
            )  # fmt: skip
