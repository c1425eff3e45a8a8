"""When a mark of a work area came, so that it is kept by that and not by what its version says."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the time; marks there came when their versions say, as older ones were not kept."""
    op.drop_index("ix_work_area_mark_version_at", "work_area_mark")
    with op.batch_alter_table("work_area_mark") as table:
        table.add_column(sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=True))
    op.execute("UPDATE work_area_mark SET recorded_at = version_at")
    with op.batch_alter_table("work_area_mark") as table:
        table.alter_column("recorded_at", existing_type=sa.DateTime(timezone=True), nullable=False)
    op.create_index("ix_work_area_mark_recorded_at", "work_area_mark", ["recorded_at"])
