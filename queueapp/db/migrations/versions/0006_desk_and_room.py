"""Desk and room, completed."""

import sqlalchemy as sa
from alembic import op

from queueapp.db.migrations.columns import ID, INSTANT

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "learned_history",
        sa.Column("site_id", ID, autoincrement=False, nullable=False),
        sa.Column("made_at", INSTANT, nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_learned_history_site_id")),
        sa.PrimaryKeyConstraint("site_id", name=op.f("pk_learned_history")),
    )
    op.create_table(
        "note",
        sa.Column("site_id", ID, nullable=False),
        sa.Column("visit_id", ID, nullable=False),
        sa.Column("patient_id", ID, nullable=True),
        sa.Column("words", sa.String(length=500), nullable=False),
        sa.Column("written_by", sa.String(length=40), nullable=False),
        sa.Column("written_at", INSTANT, nullable=False),
        sa.Column("removed_at", INSTANT, nullable=True),
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.ForeignKeyConstraint(["patient_id"], ["patient.id"], name=op.f("fk_note_patient_id")),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_note_site_id")),
        sa.ForeignKeyConstraint(["visit_id"], ["visit.id"], name=op.f("fk_note_visit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_note")),
    )
    op.create_index("ix_note_patient_id", "note", ["patient_id"])
    op.create_index("ix_note_visit_id", "note", ["visit_id"])
    op.create_table(
        "patient_change",
        sa.Column("site_id", ID, nullable=False),
        sa.Column("patient_id", ID, nullable=False),
        sa.Column("before", sa.JSON(), nullable=False),
        sa.Column("changed_by", sa.String(length=40), nullable=False),
        sa.Column("changed_at", INSTANT, nullable=False),
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.ForeignKeyConstraint(
            ["patient_id"], ["patient.id"], name=op.f("fk_patient_change_patient_id")
        ),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_patient_change_site_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_patient_change")),
    )
    op.create_index("ix_patient_change_patient_id", "patient_change", ["patient_id"])
    op.create_table(
        "draft_booking",
        sa.Column("site_id", ID, nullable=False),
        sa.Column("parked_by", sa.String(length=40), nullable=False),
        sa.Column("appointment_id", ID, nullable=True),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("parked_at", INSTANT, nullable=False),
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.ForeignKeyConstraint(
            ["appointment_id"], ["appointment.id"], name=op.f("fk_draft_booking_appointment_id")
        ),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_draft_booking_site_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_draft_booking")),
        sa.UniqueConstraint(
            "site_id", "parked_by", name=op.f("uq_draft_booking_site_id_parked_by")
        ),
    )
