"""Mappings of senders, kept as dated manifests."""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table; a sender without a row is read as before."""
    op.create_table(
        "mapping",
        sa.Column("platform", sa.String(length=32), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("valid_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("saved_by", sa.String(length=64), nullable=False),
        sa.Column("saved_as", sa.String(length=16), nullable=False),
        sa.Column("note", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(["platform"], ["sender.platform"], name=op.f("fk_mapping_platform_sender")),
        sa.PrimaryKeyConstraint("platform", "number", name=op.f("pk_mapping")),
    )
