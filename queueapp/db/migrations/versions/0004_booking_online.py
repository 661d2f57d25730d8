"""Booking online: links of bookings, what is booked online, messages about bookings."""

import sqlalchemy as sa
from alembic import op

from queueapp.db.migrations.columns import ID, INSTANT

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "booking_link",
        sa.Column("appointment_id", ID, nullable=False),
        sa.Column("site_id", ID, nullable=False),
        sa.Column("nonce", sa.String(length=32), nullable=False),
        sa.Column("uid", sa.String(length=32), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.Column("made_at", INSTANT, nullable=False),
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.ForeignKeyConstraint(
            ["appointment_id"], ["appointment.id"], name=op.f("fk_booking_link_appointment_id")
        ),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_booking_link_site_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_booking_link")),
        sa.UniqueConstraint("appointment_id", name=op.f("uq_booking_link_appointment_id")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_booking_link_token_hash")),
    )
    op.create_index(op.f("ix_booking_link_site_id"), "booking_link", ["site_id"])
    op.add_column(
        "service",
        sa.Column("online", sa.Boolean(), nullable=False, server_default=sa.true()),
    )
    with op.batch_alter_table("outbox_message", schema=None) as batch_op:
        batch_op.add_column(sa.Column("appointment_id", ID, nullable=True))
        batch_op.add_column(sa.Column("composed_at", INSTANT, nullable=True))
        batch_op.create_foreign_key(
            batch_op.f("fk_outbox_message_appointment_id"),
            "appointment",
            ["appointment_id"],
            ["id"],
        )
        batch_op.create_index(batch_op.f("ix_outbox_message_appointment_id"), ["appointment_id"])
        batch_op.create_index(batch_op.f("ix_outbox_message_composed_at"), ["composed_at"])
