"""Administration, completed: the record of changes, and codes and links that work once."""

import sqlalchemy as sa
from alembic import op

from queueapp.db.migrations.columns import ID, INSTANT

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "admin_change",
        sa.Column("site_id", ID, nullable=False),
        sa.Column("actor", sa.String(length=40), nullable=False),
        sa.Column("changed_at", INSTANT, nullable=False),
        sa.Column("verb", sa.String(length=16), nullable=False),
        sa.Column("subject", sa.String(length=24), nullable=False),
        sa.Column("subject_id", ID, nullable=True),
        sa.Column("name", sa.String(length=254), nullable=False),
        sa.Column("changes", sa.JSON(), nullable=False),
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_admin_change_site_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_admin_change")),
    )
    op.create_index(
        op.f("ix_admin_change_site_id_changed_at"), "admin_change", ["site_id", "changed_at"]
    )
    op.create_index(
        op.f("ix_admin_change_subject_subject_id"), "admin_change", ["subject", "subject_id"]
    )
    op.create_index(op.f("ix_look_site_id_looked_at"), "look", ["site_id", "looked_at"])
    op.create_table(
        "pairing",
        sa.Column("site_id", ID, nullable=False),
        sa.Column("room_id", ID, nullable=True),
        sa.Column("device_id", ID, nullable=True),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("code_hash", sa.String(length=64), nullable=False),
        sa.Column("made_by", sa.String(length=40), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.Column("wrong_tries", sa.Integer(), nullable=False),
        sa.Column("used_at", INSTANT, nullable=True),
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.ForeignKeyConstraint(["device_id"], ["device.id"], name=op.f("fk_pairing_device_id")),
        sa.ForeignKeyConstraint(["room_id"], ["room.id"], name=op.f("fk_pairing_room_id")),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_pairing_site_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pairing")),
    )
    for column in ("site_id", "room_id", "device_id", "code_hash"):
        op.create_index(op.f(f"ix_pairing_{column}"), "pairing", [column])
    op.create_table(
        "staff_link",
        sa.Column("staff_id", ID, nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("made_by", sa.String(length=40), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.Column("used_at", INSTANT, nullable=True),
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_staff_link_staff_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff_link")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_staff_link_token_hash")),
    )
    op.create_index(op.f("ix_staff_link_staff_id"), "staff_link", ["staff_id"])
    op.create_table(
        "setup_code",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("code_hash", sa.String(length=64), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("used_at", INSTANT, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_setup_code")),
    )
    op.create_index(
        "ix_visit_event_turned_away",
        "visit_event",
        ["site_id", "recorded_at"],
        sqlite_where=sa.text("kind = 'turned_away'"),
        postgresql_where=sa.text("kind = 'turned_away'"),
    )
