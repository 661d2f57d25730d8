"""Kiosk and phone, completed."""

import sqlalchemy as sa
from alembic import op

from queueapp.db.migrations.columns import ID, INSTANT

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("appointment", sa.Column("late_until", INSTANT, nullable=True))
    op.create_table(
        "feedback",
        sa.Column("site_id", ID, nullable=False),
        sa.Column("visit_id", ID, nullable=False),
        sa.Column("clinician_id", ID, nullable=True),
        sa.Column("sorted_out", sa.String(32), nullable=False),
        sa.Column("wording", sa.String(length=1000), nullable=False),
        sa.Column("thanks", sa.String(length=1000), nullable=False),
        sa.Column("reach", sa.String(length=254), nullable=False),
        sa.Column("answer_by", INSTANT, nullable=True),
        sa.Column("told_at", INSTANT, nullable=False),
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.ForeignKeyConstraint(
            ["clinician_id"], ["clinician.id"], name=op.f("fk_feedback_clinician_id")
        ),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_feedback_site_id")),
        sa.ForeignKeyConstraint(["visit_id"], ["visit.id"], name=op.f("fk_feedback_visit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_feedback")),
        sa.UniqueConstraint("visit_id", name=op.f("uq_feedback_visit_id")),
    )
    for columns in (["clinician_id", "told_at"], ["site_id", "told_at"]):
        op.create_index(op.f(f"ix_feedback_{'_'.join(columns)}"), "feedback", columns)
    op.create_table(
        "vain_lookup",
        sa.Column("actor", sa.String(length=40), nullable=False),
        sa.Column("person", sa.String(length=32), nullable=False),
        sa.Column("tried_at", INSTANT, nullable=False),
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_vain_lookup")),
    )
    op.create_index(op.f("ix_vain_lookup_actor_tried_at"), "vain_lookup", ["actor", "tried_at"])
