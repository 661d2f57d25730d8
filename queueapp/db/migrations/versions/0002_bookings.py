"""Visits and bookings that cannot overlap."""

import sqlalchemy as sa
from alembic import op

from queueapp.db.migrations.columns import ID, INSTANT

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

BUSY = "('held', 'booked', 'checked_in', 'fulfilled')"
TRIGGER = """
CREATE TRIGGER appointment_no_overlap_{verb} BEFORE {verb} ON appointment
WHEN NEW.clinician_id IS NOT NULL AND NEW.state IN {busy}
BEGIN
  SELECT RAISE(ABORT, 'appointment_no_overlap') WHERE EXISTS (
    SELECT 1 FROM appointment AS other
    WHERE other.clinician_id = NEW.clinician_id AND other.state IN {busy} {not_itself}
      AND other.busy_from < NEW.busy_to AND NEW.busy_from < other.busy_to
      AND other.lane_from < NEW.lane_to AND NEW.lane_from < other.lane_to);
END
"""
EXCLUSION = """
ALTER TABLE appointment ADD CONSTRAINT appointment_no_overlap EXCLUDE USING gist (
  clinician_id WITH =, tstzrange(busy_from, busy_to) WITH &&, int4range(lane_from, lane_to) WITH &&
) WHERE (clinician_id IS NOT NULL AND state IN {busy})
"""


def upgrade() -> None:
    op.create_table(
        "visit",
        sa.Column("site_id", ID, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("ticket", sa.String(length=8), nullable=False),
        sa.Column("key", sa.String(length=16), nullable=False),
        sa.Column("nonce", sa.String(length=32), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("token_expires_at", INSTANT, nullable=False),
        sa.Column("patient_id", ID, nullable=True),
        sa.Column("party_id", ID, nullable=True),
        sa.Column("presence", sa.String(32), nullable=False),
        sa.Column("come_by", INSTANT, nullable=True),
        sa.Column("back_by", INSTANT, nullable=True),
        sa.Column("here_at", INSTANT, nullable=True),
        sa.Column("place", sa.String(length=80), nullable=False),
        sa.Column("discreet", sa.Boolean(), nullable=False),
        sa.Column("joined_from_afar", sa.Boolean(), nullable=False),
        sa.Column("arrived_at", INSTANT, nullable=False),
        sa.Column("departed_at", INSTANT, nullable=True),
        sa.Column("resolution", sa.String(32), nullable=True),
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.ForeignKeyConstraint(["party_id"], ["party.id"], name=op.f("fk_visit_party_id")),
        sa.ForeignKeyConstraint(["patient_id"], ["patient.id"], name=op.f("fk_visit_patient_id")),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_visit_site_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_visit")),
        sa.UniqueConstraint("key", name=op.f("uq_visit_key")),
        sa.UniqueConstraint("site_id", "day", "ticket", name=op.f("uq_visit_site_id_day_ticket")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_visit_token_hash")),
    )
    with op.batch_alter_table("visit", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_visit_party_id"), ["party_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_visit_patient_id"), ["patient_id"], unique=False)
        batch_op.create_index(
            "uq_visit_open_ticket",
            ["site_id", "ticket"],
            unique=True,
            sqlite_where=sa.text("departed_at IS NULL"),
            postgresql_where=sa.text("departed_at IS NULL"),
        )

    op.create_table(
        "appointment",
        sa.Column("site_id", ID, nullable=False),
        sa.Column("service_id", ID, nullable=False),
        sa.Column("reason_id", ID, nullable=True),
        sa.Column("patient_id", ID, nullable=True),
        sa.Column("party_id", ID, nullable=True),
        sa.Column("clinician_id", ID, nullable=True),
        sa.Column("pool_id", ID, nullable=True),
        sa.Column("seat", sa.Integer(), nullable=True),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("starts_at", INSTANT, nullable=False),
        sa.Column("ends_at", INSTANT, nullable=False),
        sa.Column("busy_from", INSTANT, nullable=False),
        sa.Column("busy_to", INSTANT, nullable=False),
        sa.Column("lane_from", sa.Integer(), nullable=False),
        sa.Column("lane_to", sa.Integer(), nullable=False),
        sa.Column("held_until", INSTANT, nullable=True),
        sa.Column("code", sa.String(length=12), nullable=False),
        sa.Column("preference", sa.String(32), nullable=False),
        sa.Column("discreet", sa.Boolean(), nullable=False),
        sa.Column("waitlisted", sa.Boolean(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("visit_id", ID, nullable=True),
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.CheckConstraint(
            "(clinician_id IS NULL) <> (pool_id IS NULL)", name=op.f("ck_appointment_one_resource")
        ),
        sa.CheckConstraint(
            "busy_from <= starts_at AND ends_at <= busy_to", name=op.f("ck_appointment_buffers")
        ),
        sa.CheckConstraint("lane_from < lane_to", name=op.f("ck_appointment_lanes")),
        sa.CheckConstraint("starts_at < ends_at", name=op.f("ck_appointment_spans")),
        sa.ForeignKeyConstraint(
            ["clinician_id"], ["clinician.id"], name=op.f("fk_appointment_clinician_id")
        ),
        sa.ForeignKeyConstraint(["party_id"], ["party.id"], name=op.f("fk_appointment_party_id")),
        sa.ForeignKeyConstraint(
            ["patient_id"], ["patient.id"], name=op.f("fk_appointment_patient_id")
        ),
        sa.ForeignKeyConstraint(["pool_id"], ["pool.id"], name=op.f("fk_appointment_pool_id")),
        sa.ForeignKeyConstraint(
            ["reason_id"], ["reason.id"], name=op.f("fk_appointment_reason_id")
        ),
        sa.ForeignKeyConstraint(
            ["service_id"], ["service.id"], name=op.f("fk_appointment_service_id")
        ),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_appointment_site_id")),
        sa.ForeignKeyConstraint(["visit_id"], ["visit.id"], name=op.f("fk_appointment_visit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_appointment")),
    )
    with op.batch_alter_table("appointment", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_appointment_clinician_id_busy_from"),
            ["clinician_id", "busy_from"],
            unique=False,
        )
        batch_op.create_index(batch_op.f("ix_appointment_code"), ["code"], unique=False)
        batch_op.create_index(batch_op.f("ix_appointment_party_id"), ["party_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_appointment_patient_id"), ["patient_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_appointment_service_id"), ["service_id"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_appointment_site_id_starts_at"), ["site_id", "starts_at"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_appointment_visit_id"), ["visit_id"], unique=False)
        batch_op.create_index(
            "uq_appointment_seat",
            ["pool_id", "starts_at", "seat"],
            unique=True,
            sqlite_where=sa.text(
                "state IN ('held', 'booked', 'checked_in', 'fulfilled') AND pool_id IS NOT NULL"
            ),
            postgresql_where=sa.text(
                "state IN ('held', 'booked', 'checked_in', 'fulfilled') AND pool_id IS NOT NULL"
            ),
        )

    op.create_table(
        "look",
        sa.Column("site_id", ID, nullable=False),
        sa.Column("actor", sa.String(length=40), nullable=False),
        sa.Column("patient_id", ID, nullable=True),
        sa.Column("visit_id", ID, nullable=True),
        sa.Column("what", sa.String(length=40), nullable=False),
        sa.Column("looked_at", INSTANT, nullable=False),
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.ForeignKeyConstraint(["patient_id"], ["patient.id"], name=op.f("fk_look_patient_id")),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_look_site_id")),
        sa.ForeignKeyConstraint(["visit_id"], ["visit.id"], name=op.f("fk_look_visit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_look")),
    )
    with op.batch_alter_table("look", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_look_actor"), ["actor"], unique=False)
        batch_op.create_index(batch_op.f("ix_look_patient_id"), ["patient_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_look_visit_id"), ["visit_id"], unique=False)

    op.create_table(
        "outbox_message",
        sa.Column("site_id", ID, nullable=False),
        sa.Column("visit_id", ID, nullable=True),
        sa.Column("patient_id", ID, nullable=True),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("sent_at", INSTANT, nullable=True),
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.ForeignKeyConstraint(
            ["patient_id"], ["patient.id"], name=op.f("fk_outbox_message_patient_id")
        ),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_outbox_message_site_id")),
        sa.ForeignKeyConstraint(
            ["visit_id"], ["visit.id"], name=op.f("fk_outbox_message_visit_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox_message")),
    )
    with op.batch_alter_table("outbox_message", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_outbox_message_patient_id"), ["patient_id"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_outbox_message_site_id"), ["site_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_outbox_message_visit_id"), ["visit_id"], unique=False)

    op.create_table(
        "appointment_override",
        sa.Column("appointment_id", ID, nullable=False),
        sa.Column("overlapped_id", ID, nullable=False),
        sa.Column("allowed_by", sa.String(length=40), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("allowed_at", INSTANT, nullable=False),
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.ForeignKeyConstraint(
            ["appointment_id"],
            ["appointment.id"],
            name=op.f("fk_appointment_override_appointment_id"),
        ),
        sa.ForeignKeyConstraint(
            ["overlapped_id"],
            ["appointment.id"],
            name=op.f("fk_appointment_override_overlapped_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_appointment_override")),
    )
    with op.batch_alter_table("appointment_override", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_appointment_override_appointment_id"), ["appointment_id"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_appointment_override_overlapped_id"), ["overlapped_id"], unique=False
        )

    if op.get_bind().dialect.name == "postgresql":
        op.execute("CREATE EXTENSION IF NOT EXISTS btree_gist")
        op.execute(EXCLUSION.format(busy=BUSY))
    else:
        op.execute(TRIGGER.format(verb="insert", busy=BUSY, not_itself=""))
        op.execute(TRIGGER.format(verb="update", busy=BUSY, not_itself="AND other.id <> NEW.id"))
