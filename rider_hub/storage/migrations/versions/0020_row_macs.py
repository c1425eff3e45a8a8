"""Accounts, approvals and linked identities carry a MAC; a reset account waits for its release."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; a migration has no keys, so rows of before stay without a MAC and open nothing."""
    with op.batch_alter_table("user_account") as table:
        table.add_column(sa.Column("held_by", sa.String(80), nullable=True))
    for name in ("user_account", "approval", "linked_identity"):
        with op.batch_alter_table(name) as table:
            table.add_column(sa.Column("row_mac", sa.LargeBinary, nullable=True))
