"""When a clinician last said that somebody is still in the room."""

import sqlalchemy as sa
from alembic import op

from queueapp.db.migrations.columns import INSTANT

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("queue_entry", sa.Column("still_in_at", INSTANT, nullable=True))
