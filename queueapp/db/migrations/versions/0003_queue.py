"""The queue and its record."""

import sqlalchemy as sa
from alembic import op

from queueapp.db.migrations.columns import ID, INSTANT

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "queue_entry",
        sa.Column("site_id", ID, nullable=False),
        sa.Column("visit_id", ID, nullable=False),
        sa.Column("service_id", ID, nullable=False),
        sa.Column("reason_id", ID, nullable=True),
        sa.Column("appointment_id", ID, nullable=True),
        sa.Column("previous_id", ID, nullable=True),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("entry_class", sa.String(length=32), nullable=False),
        sa.Column("band", sa.Integer(), nullable=False),
        sa.Column("arrived_at", INSTANT, nullable=False),
        sa.Column("scheduled_at", INSTANT, nullable=True),
        sa.Column("reference_at", INSTANT, nullable=False),
        sa.Column("target", sa.Integer(), nullable=False),
        sa.Column("due_by", INSTANT, nullable=False),
        sa.Column("preference", sa.String(32), nullable=False),
        sa.Column("wished_clinician_id", ID, nullable=True),
        sa.Column("wished_attribute", sa.String(length=60), nullable=False),
        sa.Column("needs", sa.JSON(), nullable=False),
        sa.Column("passed_over_until", INSTANT, nullable=True),
        sa.Column("absences", sa.Integer(), nullable=False),
        sa.Column("shift_id", ID, nullable=True),
        sa.Column("clinician_id", ID, nullable=True),
        sa.Column("room_id", ID, nullable=True),
        sa.Column("called_at", INSTANT, nullable=True),
        sa.Column("started_at", INSTANT, nullable=True),
        sa.Column("ended_at", INSTANT, nullable=True),
        sa.Column("end_unknown", sa.Boolean(), nullable=False),
        sa.Column("stepped_out", sa.Integer(), nullable=False),
        sa.Column("stepped_out_at", INSTANT, nullable=True),
        sa.Column("note", sa.String(length=300), nullable=False),
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.ForeignKeyConstraint(
            ["appointment_id"], ["appointment.id"], name=op.f("fk_queue_entry_appointment_id")
        ),
        sa.ForeignKeyConstraint(
            ["clinician_id"], ["clinician.id"], name=op.f("fk_queue_entry_clinician_id")
        ),
        sa.ForeignKeyConstraint(
            ["previous_id"], ["queue_entry.id"], name=op.f("fk_queue_entry_previous_id")
        ),
        sa.ForeignKeyConstraint(
            ["reason_id"], ["reason.id"], name=op.f("fk_queue_entry_reason_id")
        ),
        sa.ForeignKeyConstraint(["room_id"], ["room.id"], name=op.f("fk_queue_entry_room_id")),
        sa.ForeignKeyConstraint(
            ["service_id"], ["service.id"], name=op.f("fk_queue_entry_service_id")
        ),
        sa.ForeignKeyConstraint(["shift_id"], ["shift.id"], name=op.f("fk_queue_entry_shift_id")),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_queue_entry_site_id")),
        sa.ForeignKeyConstraint(["visit_id"], ["visit.id"], name=op.f("fk_queue_entry_visit_id")),
        sa.ForeignKeyConstraint(
            ["wished_clinician_id"],
            ["clinician.id"],
            name=op.f("fk_queue_entry_wished_clinician_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_queue_entry")),
    )
    with op.batch_alter_table("queue_entry", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_queue_entry_appointment_id"), ["appointment_id"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_queue_entry_clinician_id"), ["clinician_id"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_queue_entry_room_id"), ["room_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_queue_entry_shift_id"), ["shift_id"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_queue_entry_site_id_arrived_at"), ["site_id", "arrived_at"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_queue_entry_site_id_state"), ["site_id", "state"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_queue_entry_visit_id"), ["visit_id"], unique=False)
        batch_op.create_index(
            "uq_queue_entry_visit_in_room",
            ["visit_id"],
            unique=True,
            sqlite_where=sa.text("state IN ('called', 'in_service')"),
            postgresql_where=sa.text("state IN ('called', 'in_service')"),
        )

    op.create_table(
        "call",
        sa.Column("site_id", ID, nullable=False),
        sa.Column("entry_id", ID, nullable=False),
        sa.Column("room_id", ID, nullable=False),
        sa.Column("shift_id", ID, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("routes", sa.JSON(), nullable=False),
        sa.Column("called_at", INSTANT, nullable=False),
        sa.Column("outcome", sa.String(32), nullable=True),
        sa.Column("ended_at", INSTANT, nullable=True),
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.ForeignKeyConstraint(["entry_id"], ["queue_entry.id"], name=op.f("fk_call_entry_id")),
        sa.ForeignKeyConstraint(["room_id"], ["room.id"], name=op.f("fk_call_room_id")),
        sa.ForeignKeyConstraint(["shift_id"], ["shift.id"], name=op.f("fk_call_shift_id")),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_call_site_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_call")),
    )
    with op.batch_alter_table("call", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_call_entry_id"), ["entry_id"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_call_site_id_called_at"), ["site_id", "called_at"], unique=False
        )
        batch_op.create_index(
            "uq_call_standing",
            ["entry_id"],
            unique=True,
            sqlite_where=sa.text("outcome IS NULL"),
            postgresql_where=sa.text("outcome IS NULL"),
        )

    op.create_table(
        "desk_item",
        sa.Column("site_id", ID, nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("subject", sa.String(length=40), nullable=False),
        sa.Column("entry_id", ID, nullable=True),
        sa.Column("visit_id", ID, nullable=True),
        sa.Column("appointment_id", ID, nullable=True),
        sa.Column("device_id", ID, nullable=True),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.Column("opened_at", INSTANT, nullable=False),
        sa.Column("taken_by", sa.String(length=120), nullable=False),
        sa.Column("taken_at", INSTANT, nullable=True),
        sa.Column("closed_at", INSTANT, nullable=True),
        sa.Column("outcome", sa.String(length=60), nullable=False),
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.ForeignKeyConstraint(
            ["appointment_id"], ["appointment.id"], name=op.f("fk_desk_item_appointment_id")
        ),
        sa.ForeignKeyConstraint(["device_id"], ["device.id"], name=op.f("fk_desk_item_device_id")),
        sa.ForeignKeyConstraint(
            ["entry_id"], ["queue_entry.id"], name=op.f("fk_desk_item_entry_id")
        ),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_desk_item_site_id")),
        sa.ForeignKeyConstraint(["visit_id"], ["visit.id"], name=op.f("fk_desk_item_visit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_desk_item")),
    )
    with op.batch_alter_table("desk_item", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_desk_item_entry_id"), ["entry_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_desk_item_visit_id"), ["visit_id"], unique=False)
        batch_op.create_index(
            "uq_desk_item_open",
            ["site_id", "kind", "subject"],
            unique=True,
            sqlite_where=sa.text("closed_at IS NULL"),
            postgresql_where=sa.text("closed_at IS NULL"),
        )

    op.create_table(
        "order_move",
        sa.Column("entry_id", ID, nullable=False),
        sa.Column("before_id", ID, nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("moved_by", sa.String(length=40), nullable=False),
        sa.Column("made_at", INSTANT, nullable=False),
        sa.Column("ended_at", INSTANT, nullable=True),
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.ForeignKeyConstraint(
            ["before_id"], ["queue_entry.id"], name=op.f("fk_order_move_before_id")
        ),
        sa.ForeignKeyConstraint(
            ["entry_id"], ["queue_entry.id"], name=op.f("fk_order_move_entry_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_order_move")),
    )
    with op.batch_alter_table("order_move", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_order_move_before_id"), ["before_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_order_move_entry_id"), ["entry_id"], unique=False)

    op.create_table(
        "promise",
        sa.Column("entry_id", ID, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("told_at", INSTANT, nullable=False),
        sa.Column("low_at", INSTANT, nullable=True),
        sa.Column("mid_at", INSTANT, nullable=True),
        sa.Column("high_at", INSTANT, nullable=True),
        sa.Column("basis", sa.String(length=16), nullable=False),
        sa.Column("forecast_seq", sa.Integer(), nullable=True),
        sa.Column("forecast_age", sa.Integer(), nullable=True),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.ForeignKeyConstraint(["entry_id"], ["queue_entry.id"], name=op.f("fk_promise_entry_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_promise")),
        sa.UniqueConstraint("entry_id", "number", name=op.f("uq_promise_entry_id_number")),
    )
    op.create_table(
        "visit_event",
        sa.Column("site_id", ID, nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("visit_id", ID, nullable=True),
        sa.Column("entry_id", ID, nullable=True),
        sa.Column("appointment_id", ID, nullable=True),
        sa.Column("shift_id", ID, nullable=True),
        sa.Column("room_id", ID, nullable=True),
        sa.Column("actor", sa.String(length=40), nullable=False),
        sa.Column("occurred_at", INSTANT, nullable=False),
        sa.Column("recorded_at", INSTANT, nullable=False),
        sa.Column("from_state", sa.String(length=32), nullable=False),
        sa.Column("to_state", sa.String(length=32), nullable=False),
        sa.Column("why", sa.String(length=60), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column("before", sa.JSON(), nullable=False),
        sa.Column("undoes_id", ID, nullable=True),
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.ForeignKeyConstraint(
            ["appointment_id"], ["appointment.id"], name=op.f("fk_visit_event_appointment_id")
        ),
        sa.ForeignKeyConstraint(
            ["entry_id"], ["queue_entry.id"], name=op.f("fk_visit_event_entry_id")
        ),
        sa.ForeignKeyConstraint(["room_id"], ["room.id"], name=op.f("fk_visit_event_room_id")),
        sa.ForeignKeyConstraint(["shift_id"], ["shift.id"], name=op.f("fk_visit_event_shift_id")),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_visit_event_site_id")),
        sa.ForeignKeyConstraint(
            ["undoes_id"], ["visit_event.id"], name=op.f("fk_visit_event_undoes_id")
        ),
        sa.ForeignKeyConstraint(["visit_id"], ["visit.id"], name=op.f("fk_visit_event_visit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_visit_event")),
        sa.UniqueConstraint("site_id", "seq", "n", name=op.f("uq_visit_event_site_id_seq_n")),
        sa.UniqueConstraint("undoes_id", name=op.f("uq_visit_event_undoes_id")),
    )
    with op.batch_alter_table("visit_event", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_visit_event_appointment_id"), ["appointment_id"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_visit_event_entry_id"), ["entry_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_visit_event_room_id"), ["room_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_visit_event_shift_id"), ["shift_id"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_visit_event_site_id_recorded_at"),
            ["site_id", "recorded_at"],
            unique=False,
        )
        batch_op.create_index(batch_op.f("ix_visit_event_visit_id"), ["visit_id"], unique=False)

    op.create_table(
        "visit_step",
        sa.Column("visit_id", ID, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("service_id", ID, nullable=False),
        sa.Column("clinician_id", ID, nullable=True),
        sa.Column("preference", sa.String(32), nullable=False),
        sa.Column("booked_for", INSTANT, nullable=True),
        sa.Column("entry_id", ID, nullable=True),
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.ForeignKeyConstraint(
            ["clinician_id"], ["clinician.id"], name=op.f("fk_visit_step_clinician_id")
        ),
        sa.ForeignKeyConstraint(
            ["entry_id"], ["queue_entry.id"], name=op.f("fk_visit_step_entry_id")
        ),
        sa.ForeignKeyConstraint(
            ["service_id"], ["service.id"], name=op.f("fk_visit_step_service_id")
        ),
        sa.ForeignKeyConstraint(["visit_id"], ["visit.id"], name=op.f("fk_visit_step_visit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_visit_step")),
    )
    with op.batch_alter_table("visit_step", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_visit_step_visit_id"), ["visit_id"], unique=False)
