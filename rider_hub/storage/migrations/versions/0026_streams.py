"""Streams by Kafka: where reading stands, gaps, and dead letters to send."""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables of streams."""
    op.create_table(
        "stream_position",
        sa.Column("cluster", sa.String(length=64), nullable=False),
        sa.Column("topic_id", sa.String(length=32), nullable=False),
        sa.Column("partition", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("topic", sa.String(length=249), nullable=False),
        sa.Column("platform", sa.String(length=32), nullable=False),
        sa.Column("feed_type", sa.String(length=16), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("end_seen", sa.BigInteger(), nullable=False),
        sa.Column("moved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("cluster", "topic_id", "partition", name=op.f("pk_stream_position")),
    )
    op.create_index("ix_stream_position_platform", "stream_position", ["platform"], unique=False)
    op.create_table(
        "stream_gap",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("cluster", sa.String(length=64), nullable=False),
        sa.Column("topic_id", sa.String(length=32), nullable=False),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("topic", sa.String(length=249), nullable=False),
        sa.Column("platform", sa.String(length=32), nullable=False),
        sa.Column("feed_type", sa.String(length=16), nullable=False),
        sa.Column("from_offset", sa.BigInteger(), nullable=False),
        sa.Column("to_offset", sa.BigInteger(), nullable=False),
        sa.Column("noted_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stream_gap")),
    )
    op.create_index("ix_stream_gap_platform", "stream_gap", ["platform", "noted_at"], unique=False)
    op.create_table(
        "dead_letter",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("cluster", sa.String(length=64), nullable=False),
        sa.Column("topic_id", sa.String(length=32), nullable=False),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("offset", sa.BigInteger(), nullable=False),
        sa.Column("topic", sa.String(length=249), nullable=False),
        sa.Column("platform", sa.String(length=32), nullable=False),
        sa.Column("feed_type", sa.String(length=16), nullable=False),
        sa.Column("receipt_id", sa.String(length=32), nullable=False),
        sa.Column("row", sa.Integer(), nullable=False),
        sa.Column("failures", sa.JSON(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dead_letter")),
    )
    place = ["cluster", "topic_id", "partition", "offset"]
    op.create_index("uq_dead_letter_place", "dead_letter", place, unique=True)
    op.create_index("ix_dead_letter_unsent", "dead_letter", ["sent_at", "created_at"], unique=False)
    op.create_index("ix_dead_letter_receipt", "dead_letter", ["receipt_id", "row"], unique=False)
    op.create_index("ix_dead_letter_created_at", "dead_letter", ["created_at"], unique=False)
