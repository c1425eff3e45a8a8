"""Dated marks of work areas, and the review of registrations whose work area changes like a track."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create both tables; areas sent before are not marked, so counting begins with the next versions."""
    op.create_table(
        "work_area_mark",
        sa.Column("registration_id", sa.String(length=32), nullable=False),
        sa.Column("version_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("mark", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("registration_id", "version_at", "mark", name=op.f("pk_work_area_mark")),
    )
    op.create_index("ix_work_area_mark_version_at", "work_area_mark", ["version_at"])
    op.create_table(
        "work_area_review",
        sa.Column("registration_id", sa.String(length=32), nullable=False),
        sa.Column("changes", sa.Integer(), nullable=False),
        sa.Column("held_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cleared_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by", sa.String(length=80), nullable=True),
        sa.PrimaryKeyConstraint("registration_id", name=op.f("pk_work_area_review")),
    )
