"""Sites, people and shifts."""

import sqlalchemy as sa
from alembic import op

from queueapp.db.migrations.columns import ID, INSTANT

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "idempotency_key",
        sa.Column("actor", sa.String(length=40), nullable=False),
        sa.Column("method", sa.String(length=8), nullable=False),
        sa.Column("path", sa.String(length=200), nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("body_hash", sa.String(length=64), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("answer", sa.JSON(), nullable=True),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_idempotency_key")),
        sa.UniqueConstraint(
            "actor", "method", "path", "key", name=op.f("uq_idempotency_key_actor_method_path_key")
        ),
    )
    op.create_table(
        "lease",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("holder", sa.String(length=80), nullable=False),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_lease")),
    )
    op.create_table(
        "site",
        sa.Column("slug", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("timezone", sa.String(length=64), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("settings", sa.JSON(), nullable=False),
        sa.Column("opened_day", sa.Date(), nullable=True),
        sa.Column("closed_day", sa.Date(), nullable=True),
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_site")),
        sa.UniqueConstraint("slug", name=op.f("uq_site_slug")),
    )
    op.create_table(
        "staff",
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("password_hash", sa.String(length=255), nullable=False),
        sa.Column("session_version", sa.Integer(), nullable=False),
        sa.Column("disabled_at", INSTANT, nullable=True),
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff")),
        sa.UniqueConstraint("email", name=op.f("uq_staff_email")),
    )
    op.create_table(
        "api_token",
        sa.Column("site_id", ID, nullable=True),
        sa.Column("role", sa.String(32), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("revoked_at", INSTANT, nullable=True),
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_api_token_site_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_token")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_api_token_token_hash")),
    )
    with op.batch_alter_table("api_token", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_api_token_site_id"), ["site_id"], unique=False)

    op.create_table(
        "clinician",
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("title", sa.String(length=40), nullable=False),
        sa.Column("attributes", sa.JSON(), nullable=False),
        sa.Column("staff_id", ID, nullable=True),
        sa.Column("retired", sa.Boolean(), nullable=False),
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_clinician_staff_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_clinician")),
    )
    with op.batch_alter_table("clinician", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_clinician_staff_id"), ["staff_id"], unique=False)

    op.create_table(
        "forecast",
        sa.Column("site_id", ID, nullable=False),
        sa.Column("for_seq", sa.Integer(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("made_at", INSTANT, nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_forecast_site_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_forecast")),
        sa.UniqueConstraint("site_id", name=op.f("uq_forecast_site_id")),
    )
    op.create_table(
        "membership",
        sa.Column("staff_id", ID, nullable=False),
        sa.Column("site_id", ID, nullable=True),
        sa.Column("role", sa.String(32), nullable=False),
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_membership_site_id")),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_membership_staff_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_membership")),
        sa.UniqueConstraint(
            "staff_id", "site_id", "role", name=op.f("uq_membership_staff_id_site_id_role")
        ),
    )
    with op.batch_alter_table("membership", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_membership_site_id"), ["site_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_membership_staff_id"), ["staff_id"], unique=False)

    op.create_table(
        "opening_exception",
        sa.Column("site_id", ID, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("opens", sa.Time(), nullable=True),
        sa.Column("closes", sa.Time(), nullable=True),
        sa.Column("note", sa.String(length=120), nullable=False),
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.ForeignKeyConstraint(
            ["site_id"], ["site.id"], name=op.f("fk_opening_exception_site_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_opening_exception")),
    )
    with op.batch_alter_table("opening_exception", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_opening_exception_site_id_day"), ["site_id", "day"], unique=False
        )

    op.create_table(
        "opening_hour",
        sa.Column("site_id", ID, nullable=False),
        sa.Column("weekday", sa.Integer(), nullable=False),
        sa.Column("opens", sa.Time(), nullable=False),
        sa.Column("closes", sa.Time(), nullable=False),
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_opening_hour_site_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_opening_hour")),
    )
    with op.batch_alter_table("opening_hour", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_opening_hour_site_id"), ["site_id"], unique=False)

    op.create_table(
        "party",
        sa.Column("site_id", ID, nullable=False),
        sa.Column("called_together", sa.Boolean(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_party_site_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_party")),
    )
    with op.batch_alter_table("party", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_party_site_id"), ["site_id"], unique=False)

    op.create_table(
        "room",
        sa.Column("site_id", ID, nullable=False),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("places", sa.Integer(), nullable=False),
        sa.Column("features", sa.JSON(), nullable=False),
        sa.Column("retired", sa.Boolean(), nullable=False),
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_room_site_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_room")),
        sa.UniqueConstraint("site_id", "name", name=op.f("uq_room_site_id_name")),
    )
    with op.batch_alter_table("room", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_room_site_id"), ["site_id"], unique=False)

    op.create_table(
        "service",
        sa.Column("site_id", ID, nullable=False),
        sa.Column("slug", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("plain_name", sa.String(length=120), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("planned", sa.Integer(), nullable=False),
        sa.Column("intake_ends", sa.Time(), nullable=True),
        sa.Column("waiting_limit", sa.Integer(), nullable=True),
        sa.Column("not_care", sa.Boolean(), nullable=False),
        sa.Column("needs", sa.JSON(), nullable=False),
        sa.Column("buffer_before", sa.Integer(), nullable=False),
        sa.Column("buffer_after", sa.Integer(), nullable=False),
        sa.Column("retired", sa.Boolean(), nullable=False),
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_service_site_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_service")),
        sa.UniqueConstraint("site_id", "slug", name=op.f("uq_service_site_id_slug")),
    )
    with op.batch_alter_table("service", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_service_site_id"), ["site_id"], unique=False)

    op.create_table(
        "ticket_counter",
        sa.Column("site_id", ID, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("given", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_ticket_counter_site_id")),
        sa.PrimaryKeyConstraint("site_id", "day", name=op.f("pk_ticket_counter")),
    )
    op.create_table(
        "clinician_service",
        sa.Column("clinician_id", ID, nullable=False),
        sa.Column("service_id", ID, nullable=False),
        sa.ForeignKeyConstraint(
            ["clinician_id"], ["clinician.id"], name=op.f("fk_clinician_service_clinician_id")
        ),
        sa.ForeignKeyConstraint(
            ["service_id"], ["service.id"], name=op.f("fk_clinician_service_service_id")
        ),
        sa.PrimaryKeyConstraint("clinician_id", "service_id", name=op.f("pk_clinician_service")),
    )
    with op.batch_alter_table("clinician_service", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_clinician_service_service_id"), ["service_id"], unique=False
        )

    op.create_table(
        "device",
        sa.Column("site_id", ID, nullable=False),
        sa.Column("room_id", ID, nullable=True),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("revoked_at", INSTANT, nullable=True),
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.ForeignKeyConstraint(["room_id"], ["room.id"], name=op.f("fk_device_room_id")),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_device_site_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_device")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_device_token_hash")),
    )
    with op.batch_alter_table("device", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_device_room_id"), ["room_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_device_site_id"), ["site_id"], unique=False)

    op.create_table(
        "patient",
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("chosen_name", sa.String(length=120), nullable=False),
        sa.Column("name_sounds", sa.String(length=160), nullable=False),
        sa.Column("birth_date", sa.Date(), nullable=True),
        sa.Column("language", sa.String(length=16), nullable=False),
        sa.Column("call_routes", sa.JSON(), nullable=False),
        sa.Column("access_needs", sa.JSON(), nullable=False),
        sa.Column("room_needs", sa.JSON(), nullable=False),
        sa.Column("phone", sa.String(length=40), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("preferred_clinician_id", ID, nullable=True),
        sa.Column("name_on_lobby", sa.Boolean(), nullable=False),
        sa.Column("same_as_id", ID, nullable=True),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("purged_at", INSTANT, nullable=True),
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.ForeignKeyConstraint(
            ["preferred_clinician_id"],
            ["clinician.id"],
            name=op.f("fk_patient_preferred_clinician_id"),
        ),
        sa.ForeignKeyConstraint(["same_as_id"], ["patient.id"], name=op.f("fk_patient_same_as_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_patient")),
    )
    with op.batch_alter_table("patient", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_patient_birth_date"), ["birth_date"], unique=False)
        batch_op.create_index(batch_op.f("ix_patient_name"), ["name"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_patient_preferred_clinician_id"),
            ["preferred_clinician_id"],
            unique=False,
        )
        batch_op.create_index(batch_op.f("ix_patient_same_as_id"), ["same_as_id"], unique=False)

    op.create_table(
        "pool",
        sa.Column("service_id", ID, nullable=False),
        sa.Column("starts_at", INSTANT, nullable=False),
        sa.Column("ends_at", INSTANT, nullable=False),
        sa.Column("interval", sa.Integer(), nullable=False),
        sa.Column("capacity", sa.Integer(), nullable=False),
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.CheckConstraint("starts_at < ends_at", name=op.f("ck_pool_spans")),
        sa.ForeignKeyConstraint(["service_id"], ["service.id"], name=op.f("fk_pool_service_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pool")),
    )
    with op.batch_alter_table("pool", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_pool_service_id"), ["service_id"], unique=False)

    op.create_table(
        "reason",
        sa.Column("service_id", ID, nullable=False),
        sa.Column("words", sa.String(length=120), nullable=False),
        sa.Column("planned", sa.Integer(), nullable=False),
        sa.Column("retired", sa.Boolean(), nullable=False),
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.ForeignKeyConstraint(["service_id"], ["service.id"], name=op.f("fk_reason_service_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reason")),
    )
    with op.batch_alter_table("reason", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_reason_service_id"), ["service_id"], unique=False)

    op.create_table(
        "service_target",
        sa.Column("service_id", ID, nullable=False),
        sa.Column("entry_class", sa.String(length=32), nullable=False),
        sa.Column("within", sa.Integer(), nullable=False),
        sa.Column("share", sa.Float(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.ForeignKeyConstraint(
            ["service_id"], ["service.id"], name=op.f("fk_service_target_service_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_service_target")),
        sa.UniqueConstraint(
            "service_id",
            "entry_class",
            "valid_from",
            name=op.f("uq_service_target_service_id_entry_class_valid_from"),
        ),
    )
    with op.batch_alter_table("service_target", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_service_target_service_id"), ["service_id"], unique=False
        )

    op.create_table(
        "shift",
        sa.Column("site_id", ID, nullable=False),
        sa.Column("clinician_id", ID, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("planned_from", INSTANT, nullable=False),
        sa.Column("planned_to", INSTANT, nullable=False),
        sa.Column("actual_from", INSTANT, nullable=True),
        sa.Column("actual_to", INSTANT, nullable=True),
        sa.Column("room_id", ID, nullable=True),
        sa.Column("declared_delay", sa.Integer(), nullable=False),
        sa.Column("delay_declared_at", INSTANT, nullable=True),
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.ForeignKeyConstraint(
            ["clinician_id"], ["clinician.id"], name=op.f("fk_shift_clinician_id")
        ),
        sa.ForeignKeyConstraint(["room_id"], ["room.id"], name=op.f("fk_shift_room_id")),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_shift_site_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shift")),
    )
    with op.batch_alter_table("shift", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_shift_clinician_id"), ["clinician_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_shift_room_id"), ["room_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_shift_site_id_day"), ["site_id", "day"], unique=False)
        batch_op.create_index(
            "uq_shift_open_clinician",
            ["clinician_id"],
            unique=True,
            sqlite_where=sa.text("actual_from IS NOT NULL AND actual_to IS NULL"),
            postgresql_where=sa.text("actual_from IS NOT NULL AND actual_to IS NULL"),
        )

    op.create_table(
        "shift_pattern",
        sa.Column("site_id", ID, nullable=False),
        sa.Column("clinician_id", ID, nullable=False),
        sa.Column("room_id", ID, nullable=True),
        sa.Column("weekday", sa.Integer(), nullable=False),
        sa.Column("starts", sa.Time(), nullable=False),
        sa.Column("ends", sa.Time(), nullable=False),
        sa.Column("break_starts", sa.Time(), nullable=True),
        sa.Column("break_ends", sa.Time(), nullable=True),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.ForeignKeyConstraint(
            ["clinician_id"], ["clinician.id"], name=op.f("fk_shift_pattern_clinician_id")
        ),
        sa.ForeignKeyConstraint(["room_id"], ["room.id"], name=op.f("fk_shift_pattern_room_id")),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_shift_pattern_site_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shift_pattern")),
    )
    with op.batch_alter_table("shift_pattern", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_shift_pattern_clinician_id"), ["clinician_id"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_shift_pattern_room_id"), ["room_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_shift_pattern_site_id"), ["site_id"], unique=False)

    op.create_table(
        "pause",
        sa.Column("shift_id", ID, nullable=False),
        sa.Column("reason", sa.String(length=120), nullable=False),
        sa.Column("started_at", INSTANT, nullable=False),
        sa.Column("until", INSTANT, nullable=True),
        sa.Column("ended_at", INSTANT, nullable=True),
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.ForeignKeyConstraint(["shift_id"], ["shift.id"], name=op.f("fk_pause_shift_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pause")),
    )
    with op.batch_alter_table("pause", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_pause_shift_id"), ["shift_id"], unique=False)

    op.create_table(
        "shift_break",
        sa.Column("shift_id", ID, nullable=False),
        sa.Column("starts_at", INSTANT, nullable=False),
        sa.Column("ends_at", INSTANT, nullable=False),
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.ForeignKeyConstraint(["shift_id"], ["shift.id"], name=op.f("fk_shift_break_shift_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shift_break")),
    )
    with op.batch_alter_table("shift_break", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_shift_break_shift_id"), ["shift_id"], unique=False)

    op.create_table(
        "shift_service",
        sa.Column("shift_id", ID, nullable=False),
        sa.Column("service_id", ID, nullable=False),
        sa.ForeignKeyConstraint(
            ["service_id"], ["service.id"], name=op.f("fk_shift_service_service_id")
        ),
        sa.ForeignKeyConstraint(["shift_id"], ["shift.id"], name=op.f("fk_shift_service_shift_id")),
        sa.PrimaryKeyConstraint("shift_id", "service_id", name=op.f("pk_shift_service")),
    )
