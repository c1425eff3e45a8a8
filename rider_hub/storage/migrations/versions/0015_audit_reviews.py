"""An index by which the reviews of a row of the trail are found."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the index over reviews alone."""
    reviews = sa.text("operation = 'audit.review'")
    op.create_index(
        "ix_audit_row_reviewed",
        "audit_row",
        ["target"],
        unique=False,
        sqlite_where=reviews,
        postgresql_where=reviews,
    )
