"""Tombstones of erased registrations, rights requests, and when a request was emptied."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables of rights."""
    op.create_table(
        "erasure_tombstone",
        sa.Column("mark", sa.LargeBinary(), nullable=False),
        sa.Column("version_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("mark", name=op.f("pk_erasure_tombstone")),
    )
    op.create_table(
        "rights_request",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("rider_id", sa.String(length=32), nullable=True),
        sa.Column(
            "division",
            sa.String(length=12).with_variant(sa.String(length=12, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("filed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by", sa.String(length=80), nullable=True),
        sa.Column("cleared_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rights_request")),
    )
    op.create_index("ix_rights_request_rider_id", "rights_request", ["rider_id"], unique=False)
    op.create_index("ix_rights_request_state", "rights_request", ["state", "due_at"], unique=False)
    op.add_column("service_request", sa.Column("emptied_at", sa.DateTime(timezone=True), nullable=True))
