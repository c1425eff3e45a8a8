"""What division codes became; rows of parks carry a MAC."""

import sqlalchemy as sa
from alembic import op

from rider_hub.storage import Code

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table and the column; a park of before opens nothing until it is imported again."""
    op.create_table(
        "division_change",
        sa.Column("from_code", Code(), primary_key=True),
        sa.Column("to_code", Code(), primary_key=True),
        sa.Column("made_of", sa.JSON, nullable=False),
        sa.Column("became", sa.JSON, nullable=False),
        sa.Column("as_of", sa.Date, nullable=False),
        sa.Column("row_mac", sa.LargeBinary, nullable=True),
    )
    op.create_index("ix_division_change_to", "division_change", ["to_code"])
    with op.batch_alter_table("park_member") as table:
        table.add_column(sa.Column("row_mac", sa.LargeBinary, nullable=True))
