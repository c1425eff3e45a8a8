"""Snapshots: declared, in parts, with who is in them; and registrations absent from one."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

_CODE = sa.String(length=12).with_variant(sa.String(length=12, collation="C"), "postgresql")


def upgrade() -> None:
    """Create the tables of snapshots, and the mark of absence."""
    op.create_table(
        "snapshot",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("platform", sa.String(length=32), nullable=False),
        sa.Column("county", _CODE, nullable=False),
        sa.Column("name", sa.String(length=160), nullable=False),
        sa.Column("station_ref", sa.String(length=128), nullable=False),
        sa.Column("as_of", sa.DateTime(timezone=True), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("found", sa.JSON(), nullable=False),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("judged_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by", sa.String(length=80), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_snapshot")),
    )
    op.create_index("uq_snapshot_name", "snapshot", ["platform", "name"], unique=True)
    op.create_index("ix_snapshot_state", "snapshot", ["platform", "state"], unique=False)
    op.create_table(
        "snapshot_part",
        sa.Column("receipt_id", sa.String(length=32), nullable=False),
        sa.Column("snapshot_id", sa.String(length=32), nullable=False),
        sa.Column("unreadable", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["snapshot_id"], ["snapshot.id"], name=op.f("fk_snapshot_part_snapshot_id_snapshot")
        ),
        sa.PrimaryKeyConstraint("receipt_id", name=op.f("pk_snapshot_part")),
    )
    op.create_index("ix_snapshot_part_snapshot_id", "snapshot_part", ["snapshot_id"], unique=False)
    op.create_table(
        "snapshot_member",
        sa.Column("snapshot_id", sa.String(length=32), nullable=False),
        sa.Column("mark", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["snapshot_id"], ["snapshot.id"], name=op.f("fk_snapshot_member_snapshot_id_snapshot")
        ),
        sa.PrimaryKeyConstraint("snapshot_id", "mark", name=op.f("pk_snapshot_member")),
    )
    op.add_column("registration", sa.Column("absent_at", sa.DateTime(timezone=True), nullable=True))
