"""Parks, and accounts whose scope names parks or partners."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_CODE = sa.String(length=12).with_variant(sa.String(length=12, collation="C"), "postgresql")


def upgrade() -> None:
    """Create the tables of parks; add what an account's scope may name."""
    op.create_table(
        "park",
        sa.Column("code", sa.String(length=48), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("division", _CODE, nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_park")),
    )
    op.create_table(
        "park_member",
        sa.Column("park", sa.String(length=48), nullable=False),
        sa.Column("division", _CODE, nullable=False),
        sa.ForeignKeyConstraint(["park"], ["park.code"], name=op.f("fk_park_member_park_park")),
        sa.PrimaryKeyConstraint("park", "division", name=op.f("pk_park_member")),
    )
    op.add_column("user_account", sa.Column("partners", sa.JSON(), nullable=True))
    op.add_column("user_account", sa.Column("parks", sa.JSON(), nullable=True))
