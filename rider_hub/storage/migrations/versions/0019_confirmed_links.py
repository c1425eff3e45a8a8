"""Links of single sign-on wait for the yes of the account's own holder."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add when a link was confirmed; links made before wait for it, too."""
    with op.batch_alter_table("linked_identity") as table:
        table.add_column(sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True))
