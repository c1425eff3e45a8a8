"""Worklists of verification by the home organization, and the published totals of streets."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_CODE = sa.String(length=12).with_variant(sa.String(length=12, collation="C"), "postgresql")
_SCHEMA = "membership"


def upgrade() -> None:
    """Create both tables."""
    op.create_table(
        "home_list",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("body_index", sa.LargeBinary(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_home_list")),
        schema=_SCHEMA,
        sqlite_with_rowid=False,
    )
    op.create_index("ix_home_list_body_index", "home_list", ["body_index"], unique=True, schema=_SCHEMA)
    op.create_table(
        "declared_total",
        sa.Column("division", _CODE, nullable=False),
        sa.Column("published_on", sa.Date(), nullable=False),
        sa.Column("members", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("division", "published_on", name=op.f("pk_declared_total")),
    )
