"""The range behind a promise, before outcomes moved its ends: what calibration learns from."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("raw_low", "raw_high", "ahead"):
        op.add_column("promise", sa.Column(name, sa.Integer(), nullable=True))
