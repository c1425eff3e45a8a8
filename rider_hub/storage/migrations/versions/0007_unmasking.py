"""How often an account opened people."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables of unmask_account, unmask_turn."""
    op.create_table(
        "unmask_account",
        sa.Column("actor", sa.String(length=80), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("actor", name=op.f("pk_unmask_account")),
    )
    op.create_table(
        "unmask_turn",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("actor", sa.String(length=80), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_unmask_turn")),
    )
    op.create_index("ix_unmask_turn_actor", "unmask_turn", ["actor", "at"], unique=False)
